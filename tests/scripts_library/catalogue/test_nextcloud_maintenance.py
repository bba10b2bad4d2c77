"""nextcloud-maintenance.sh: the mode is off again afterwards, unless it was on before. occ and docker are stand-ins.

The stand-in for occ answers in the words of Nextcloud's own maintenance:mode, and keeps its state in a file.
"""

import getpass
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Job

TEMPLATE = "nextcloud-maintenance.sh"
PHP = """\
#!/bin/bash
# php --define X OCC --no-interaction --no-ansi maintenance:mode [--on|--off]
set -eu
[ "$1 $2" = "--define apc.enable_cli=1" ] && [ -f "$3" ] && [ "$4 $5 $6" = "--no-interaction --no-ansi maintenance:mode" ]
state=${3%/*}/state
echo "${7:-}" >>"${3%/*}/calls"
[ ! -e "${3%/*}/broken" ] || { echo 'An unhandled exception has been thrown:' >&2; exit 1; }
while [ "${7:-}" = --on ] && [ -e "${3%/*}/hold" ]; do sleep 0.02; done
was=$(cat "$state") now=
case ${7:-} in --on) now=enabled ;; --off) now=disabled ;; esac
[ -z "$now" ] || echo "$now" >"$state"
case $now in
  '') echo 'Nextcloud is in maintenance mode, no apps are loaded.' >&2; echo "Maintenance mode is currently $was" ;;
  "$was") echo "Maintenance mode already $now" ;;
  *) echo "Maintenance mode $now" ;;
esac
"""
DOCKER = """\
#!/bin/bash
# docker [--host H] exec --user U CONTAINER php ...: in the folder of that container
set -eu
[ "$1" != --host ] || shift 2
[ "$1 $2" = "exec --user" ]
container=${0%/*}/containers/$4
[ -d "$container" ] || { echo "Error: No such container: $4" >&2; exit 1; }
[ ! -e "$container/stopped" ] || { echo "Error response from daemon: Container $4 is not running" >&2; exit 1; }
echo "$3 $7 $8" >"$container/asked"
occ=$8
shift 8
exec "${0%/*}/php" --define apc.enable_cli=1 "$container/occ" "$@"
"""


class Nextcloud:
    """Its folder, and a folder of programs that reach it: php, and docker for those in containers."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        (programs / "containers").mkdir(parents=True)
        for name, text in (("php", PHP), ("docker", DOCKER)):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.folder = Path()

    def install(self, folder: Path, state: str = "disabled") -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        (folder / "occ").touch()
        (folder / "state").write_text(f"{state}\n")

    @property
    def state(self) -> str:
        return (self.folder / "state").read_text().strip()

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().split()


@pytest.fixture
def nextcloud(tmp_path: Path) -> Nextcloud:
    return Nextcloud(tmp_path / "programs")


@pytest.fixture
def job(nextcloud: Nextcloud, make_job: Callable[..., Job]) -> Job:
    return make_job(path=[nextcloud.programs])


@pytest.fixture(params=["all-in-one", "container", "host"])
def values(request: pytest.FixtureRequest, nextcloud: Nextcloud, tmp_path: Path) -> dict[str, Any]:
    """A Nextcloud of this kind, and what is filled in for it."""
    if request.param == "host":
        nextcloud.install(tmp_path / "my own 'cloud'")
        user = {"NEXTCLOUD_PATH": nextcloud.folder, "NEXTCLOUD_USER": getpass.getuser()}
        return {"INSTALLATION": "host", **user}
    name = "nextcloud-aio-nextcloud" if request.param == "all-in-one" else "cloud-app-1"
    nextcloud.install(nextcloud.programs / "containers" / name)
    chosen = (
        {}
        if request.param == "all-in-one"
        else {"CONTAINER": name, "NEXTCLOUD_PATH": "/srv/cloud", "NEXTCLOUD_USER": "abc"}
    )
    return {"INSTALLATION": request.param, **chosen}


def test_it_is_on_meanwhile_and_off_afterwards(nextcloud: Nextcloud, job: Job, values: dict) -> None:
    ran = job.run(TEMPLATE, **values)
    assert ran.ok, ran.output
    assert nextcloud.state == "enabled"

    for _ in range(2):
        ran = job.run(TEMPLATE, "post-backup", "success", **values)
        assert ran.ok, ran.output
        assert nextcloud.state == "disabled"
    assert nextcloud.calls.count("--off") == 1
    asked = {
        "all-in-one": "www-data apc.enable_cli=1 /var/www/html/occ",
        "container": "abc apc.enable_cli=1 /srv/cloud/occ",
    }
    if values["INSTALLATION"] in asked:
        assert (nextcloud.folder / "asked").read_text().strip() == asked[values["INSTALLATION"]]


def test_a_mode_that_was_on_before_stays_on(nextcloud: Nextcloud, job: Job, values: dict) -> None:
    (nextcloud.folder / "state").write_text("enabled\n")
    ran = job.run(TEMPLATE, **values)
    assert ran.ok
    assert "is on already, and stays on after the backup." in ran.last_line

    assert job.run(TEMPLATE, "post-backup", "success", **values).ok
    assert nextcloud.state == "enabled"
    assert (nextcloud.folder / "calls").read_text().split() == []


def test_what_was_noted_counts_and_not_what_is_filled_in_afterwards(
    nextcloud: Nextcloud, job: Job, values: dict
) -> None:
    assert job.run(TEMPLATE, **values).ok
    assert job.run(TEMPLATE, "post-backup", "success").ok

    assert nextcloud.state == "disabled"


def test_killed_while_it_turns_the_mode_on_it_is_off_afterwards(nextcloud: Nextcloud, job: Job, values: dict) -> None:
    assert job.run(TEMPLATE, "post-backup", "success", **values).ok  # nothing is noted yet
    (nextcloud.folder / "hold").touch()
    (nextcloud.folder / "calls").touch()
    running = job.start(TEMPLATE, **values)
    running.wait_until(lambda: "--on" in nextcloud.calls)
    assert running.identity
    os.killpg(running.identity.pid, signal.SIGKILL)
    running.end()
    (nextcloud.folder / "hold").unlink()
    (nextcloud.folder / "state").write_text("enabled\n")  # occ went on alone, in its container

    ran = job.run(TEMPLATE, "post-backup", "failure", **values)
    assert ran.ok, ran.output
    assert nextcloud.state == "disabled"


def test_a_nextcloud_that_does_not_answer_fails_before_and_is_tried_again_after(
    nextcloud: Nextcloud, job: Job, values: dict
) -> None:
    broken = nextcloud.folder / "broken"
    broken.touch()
    ran = job.run(TEMPLATE, **values)
    assert ran.exit_code == 1
    assert "does not say whether its maintenance mode is on: An unhandled exception" in ran.output
    assert job.run(TEMPLATE, "post-backup", "failure", **values).ok

    broken.unlink()
    assert job.run(TEMPLATE, **values).ok
    broken.touch()
    ran = job.run(TEMPLATE, "post-backup", "success", **values, WAIT_SECONDS=0)
    assert ran.exit_code == 1
    assert ran.last_line.startswith("Type: ")
    assert ran.last_line.endswith("maintenance:mode --off")

    running = job.start(TEMPLATE, "post-backup", "success", **values)
    running.wait_until(lambda: "--off" in nextcloud.calls[-2:])
    broken.unlink()
    assert running.end().ok
    assert nextcloud.state == "disabled"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"INSTALLATION": "host", "NEXTCLOUD_PATH": "/nowhere"}, "There is no file occ in /nowhere"),
        ({"INSTALLATION": "container", "CONTAINER": "nobody"}, "Error: No such container: nobody"),
        ({"CLIENT": "podman"}, "The program podman is not installed here"),
    ],
)
def test_what_is_not_there_is_told(values: dict, sentence: str, job: Job) -> None:
    if values.get("CLIENT"):
        job.environ["PATH"] = str(job.path[0])
        for name in ("bash", "cksum"):
            (job.path[0] / name).symlink_to(f"/usr/bin/{name}")
    ran = job.run(TEMPLATE, **values)

    assert ran.exit_code == 1
    assert sentence in ran.last_line


def test_a_container_that_is_stopped_is_told(nextcloud: Nextcloud, job: Job) -> None:
    nextcloud.install(nextcloud.programs / "containers" / "nextcloud")
    (nextcloud.folder / "stopped").touch()
    ran = job.run(TEMPLATE, INSTALLATION="container")

    assert ran.exit_code == 1
    assert "Container nextcloud is not running. Nothing was changed." in ran.last_line
