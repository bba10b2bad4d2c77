# What bin/run, bin/test and bin/check stand on: Python, the virtual environment, Debian's packages. Sourced, never run.
# shellcheck shell=bash

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
python=$root/.venv/bin/python # the virtual environment's, once make_environment has run
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

say() { printf 'borgui: %s\n' "$*"; }
stop() {
  printf 'borgui cannot start: %s\n' "$*" >&2
  exit 1
}

# Paths in the environment are meant from where the command was typed; everything below works in the project directory.
enter_project() {
  local name value
  for name in BORGUI_DATA_DIR BORGUI_BORG "${!BORGUI_@}"; do
    value=${!name:-}
    case $name:$value in
      *:/* | *:'~'* | *:) ;;
      BORGUI_DATA_DIR:* | BORGUI_*_FILE:* | BORGUI_BORG:*/*) export "$name=$PWD/$value" ;;
    esac
  done
  cd -- "$root" || exit
}

# --- Python ------------------------------------------------------------------------------------------------------------

# Sets system_python to the first Python that is new enough.
find_python() {
  local name found=
  for name in python3 python3.13 python3.12 python3.11; do
    command -v "$name" >/dev/null || continue
    found=$name
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
      system_python=$name
      return
    fi
  done
  [ "$found" ] || stop "Python 3.11 or newer is needed and none was found. $(how_to_install python3 python3-venv)"
  stop "Python 3.11 or newer is needed, and this machine has $("$found" --version)."
}

# make_environment FILE...: .venv holds what the requirements files name; pip runs only when their content has changed.
make_environment() {
  local stamp print arguments=() file
  stamp=$root/.venv/${*: -1}.installed
  print=$(fingerprint "$@")
  [ "$(cat "$stamp" 2>/dev/null)" = "$print" ] && "$python" -c '' 2>/dev/null && return
  "$python" -c 'import pip' 2>/dev/null || make_venv
  say "installing Python packages (${*: -1})"
  for file; do arguments+=(-r "$file"); done
  "$python" -m pip install -qq "${arguments[@]}" || stop "the Python packages could not be installed; the lines above say why."
  printf '%s\n' "$print" >"$stamp"
}

make_venv() {
  find_python
  "$system_python" -c 'import ensurepip, venv' 2>/dev/null \
    || stop "Python's venv module is missing. $(how_to_install python3-venv)"
  [ -w "$root" ] || stop "$root cannot be written by this user, and the virtual environment belongs there."
  say "making the virtual environment .venv"
  "$system_python" -m venv --clear "$root/.venv"
}

# fingerprint FILE...: one hash of what the files hold, for stamps.
fingerprint() { cat -- "$@" | sha256sum | cut -d ' ' -f 1; }

# --- packages of the system --------------------------------------------------------------------------------------------

may_install() {
  command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

# how_to_install PACKAGE...: the sentence with the one line to type.
how_to_install() {
  local line="apt-get install -y --no-install-recommends $*"
  if ! command -v apt-get >/dev/null; then
    printf "Install it with this machine's package manager (Debian's names: %s)." "$*"
  elif [ "$(id -u)" = 0 ]; then
    printf 'Type: %s' "$line"
  elif command -v sudo >/dev/null; then
    printf 'Type: sudo %s' "$line"
  else
    printf 'Type as root: %s' "$line"
  fi
}

# install_packages WHY PACKAGE...: with apt where this user may, else the one line to type.
install_packages() {
  local why=$1 apt=(apt-get)
  shift
  may_install || stop "$why. $(how_to_install "$@")"
  [ "$(id -u)" = 0 ] || apt=(sudo -n apt-get)
  say "installing $*"
  export DEBIAN_FRONTEND=noninteractive
  { "${apt[@]}" update -qq && "${apt[@]}" install -y -qq --no-install-recommends "$@"; } >/dev/null \
    || stop "$why, and apt-get could not install it; the lines above say why."
}

# borg is a program of the system: BORGUI_BORG, else the one on PATH, else Debian's package.
find_borg() {
  if [ "${BORGUI_BORG:-}" ]; then
    command -v "$BORGUI_BORG" >/dev/null || stop "BORGUI_BORG is '$BORGUI_BORG', which is no program that can be run."
  elif ! command -v borg >/dev/null; then
    install_packages "BorgBackup is not installed" borgbackup openssh-client
  fi
}
