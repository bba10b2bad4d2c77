"""The guides about scripts are true: their examples are clean, and do what is said of them."""

import gzip
import os
import re
import socket
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from borgui import process
from scripts_library import interpreter, lint, manifest, mentions
from scripts_library.reserved import VARIABLES

PAGE = Path(__file__).parents[1] / "docs" / "writing-scripts.md"
EXAMPLES = {
    str(manifest.parse(text).name): text
    for text in re.findall(r"^```(?:bash|python)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
}
# What the examples ask docker: `inspect --format X NAME`, `stop NAME`, `start NAME`, of files that say whether NAME runs.
DOCKER = """\
#!/bin/sh
cd "$(dirname "$0")/containers" || exit 1
for name; do :; done
[ -e "$name" ] || exit 1
case $1 in inspect) cat "$name" ;; stop) echo false >"$name" ;; start) echo true >"$name" ;; esac
"""


@dataclass(frozen=True)
class Ran:
    exit_code: int | None
    printed: str


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a STATE_DIR, and a `docker` that two containers obey."""
    for name in ("state", "containers"):
        (tmp_path / name).mkdir()
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    for name, runs in (("web", "true"), ("db", "true"), ("old", "false")):
        (tmp_path / "containers" / name).write_text(f"{runs}\n")
    return tmp_path


def run(name: str, folder: Path, **values: str) -> Ran:
    """The example of this name, in the environment that a script finds."""
    prepared = interpreter.prepare(EXAMPLES[name])
    (folder / "script").write_bytes(prepared.content)
    defaults = {entry.name: str(entry.default or "") for entry in manifest.parse(EXAMPLES[name]).parameters}
    search = f"{folder}:{os.environ['PATH']}"
    given = {**dict.fromkeys(VARIABLES, ""), **defaults, "STATE_DIR": str(folder / "state"), **values, "PATH": search}
    printed = list[bytes]()
    command = [*prepared.argv, str(folder / "script")]
    result = process.run(
        command, env=given, cwd=folder, timeout=60, on_output=lambda stream, data, ms: printed.append(data)
    )
    return Ran(result.exit_code, b"".join(printed).decode())


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_is_found_in_an_example_and_it_declares_all_it_uses(name: str) -> None:
    report, declared = lint.check(EXAMPLES[name]), manifest.parse(EXAMPLES[name])

    assert [one for one in report.findings if one.level in ("error", "warning")] == []
    assert report.note == ""
    assert declared.description
    assert mentions.undeclared(EXAMPLES[name], [entry.name for entry in declared.parameters]) == []


def test_the_first_example_says_hello(folder: Path) -> None:
    ran = run("Say hello", folder, HOOK_TYPE="pre-backup", REPOSITORY_NAME="photos", ATTEMPT="1")

    assert ran == Ran(0, "pre-backup of photos, try 1\n")


def test_what_was_stopped_is_started_again_also_twice_and_nothing_else(folder: Path) -> None:
    pair, names = "Containers: stop and start", "web db old"

    def states() -> list[str]:
        return [(folder / "containers" / name).read_text().strip() for name in names.split()]

    assert run(pair, folder, HOOK_TYPE="pre-backup", CONTAINERS=names).exit_code == 0
    assert states() == ["false", "false", "false"]
    for _ in range(2):
        assert run(pair, folder, HOOK_TYPE="post-backup", CONTAINERS=names).exit_code == 0
        assert states() == ["true", "true", "false"]


def test_one_container_that_cannot_be_started_does_not_hold_the_others(folder: Path) -> None:
    pair = "Containers: stop and start"
    run(pair, folder, HOOK_TYPE="pre-backup", CONTAINERS="web db")
    (folder / "containers" / "web").unlink()

    assert run(pair, folder, HOOK_TYPE="post-backup", CONTAINERS="web db").exit_code == 1
    assert (folder / "containers" / "db").read_text() == "true\n"


def test_a_dump_is_there_whole_or_the_old_one_stays(folder: Path) -> None:
    database, dump = folder / "app.db", folder / "dump.sql.gz"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    values = {"DATABASE_FILE": str(database), "DUMP_FILE": str(dump)}

    assert run("Dump to a file", folder, **values).exit_code == 0
    whole = dump.read_bytes()
    database.write_bytes(b"no database")

    assert run("Dump to a file", folder, **values).exit_code not in (0, 75)
    assert "CREATE TABLE notes" in gzip.decompress(whole).decode()
    assert dump.read_bytes() == whole
    assert not list(folder.glob("*.part"))


def test_a_missing_disk_is_not_now(folder: Path) -> None:
    mark = folder / "mark"
    assert run("USB disk present?", folder, MARK_FILE=str(mark)).exit_code == 75

    mark.touch()
    assert run("USB disk present?", folder, MARK_FILE=str(mark)).exit_code == 0


def test_waiting_ends_well_when_something_listens_and_badly_when_nothing_does(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert run("Wait until it answers", folder, SERVICE_PORT=port).printed == "up after 0 s\n"

    ran = run("Wait until it answers", folder, SERVICE_PORT=port, SECONDS_TO_WAIT="1")
    assert ran == Ran(1, f"nothing listens on port {port} after 1 s\n")


def test_room_is_looked_for(folder: Path) -> None:
    assert run("Enough room?", folder, FOLDER=str(folder), MIN_FREE_MIB="0").exit_code == 0
    assert run("Enough room?", folder, FOLDER=str(folder), MIN_FREE_MIB="999999999").exit_code == 75


def test_the_guide_names_every_shell_that_is_checked() -> None:
    guide = (PAGE.parent / "scripts.md").read_text()
    row = next(line for line in guide.splitlines() if line.startswith("| `sh`"))

    assert set(re.findall(r"`(\w+)`", row)) == set(lint.DIALECTS) - {"busybox"}
