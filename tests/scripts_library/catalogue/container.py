"""A stand-in for the client of Docker: it knows one container, and runs in it what it is told, on this machine.

It passes on no variable that was not named with --env, as Docker does, and knows `inspect` and `exec` as they are used
here. What it is called with is kept, for secrets are not to be there.
"""

from pathlib import Path

TEXT = """\
#!/bin/bash
printf '%s\\n' "$*" >>"${0%/*}/calls"
case $1 in
  inspect)
    for name; do :; done
    [ "$name" = db ] || { echo "Error: No such object: $name" >&2; exit 1; }
    cat "${0%/*}/running"
    ;;
  exec)
    shift
    given=("PATH=$PATH" HOME=/root)
    while [[ $1 == -* ]]; do
      case $1 in
        --interactive) interactive=yes ;;
        --env)
          shift
          [[ $1 != *=* ]] || exit 64 # a value on the command line
          given+=("$1=${!1-}")
          ;;
        *) exit 64 ;;
      esac
      shift
    done
    shift
    cd /
    if [ "${interactive-}" ]; then exec env -i "${given[@]}" "$@"; else exec env -i "${given[@]}" "$@" </dev/null; fi
    ;;
  *) exit 64 ;;
esac
"""


def stand_in(folder: Path, running: bool = True) -> Path:
    """The folder with the `docker`, for PATH. Its containers are called db."""
    folder.mkdir()
    (folder / "docker").write_text(TEXT)
    (folder / "docker").chmod(0o755)
    (folder / "running").write_text("true\n" if running else "false\n")
    return folder
