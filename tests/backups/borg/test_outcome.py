"""The two tables: ids and exit codes, and that none is missing."""

from pathlib import Path

import pytest

from backups.borg import FAILURE, SUCCESS, WARNING, Borg
from backups.borg.explanations import EXPLANATIONS
from backups.borg.outcome import NOT_SAVED, OUTCOME_OF, identify, of_exit, of_message, worst
from borgui import process

DOCUMENTED = Path(__file__).with_name("documented_ids.txt")

# Runs inside borg's own interpreter: borg is a program, and never imported here.
LIST_IDS = """
import importlib, pkgutil, borg
for module in pkgutil.walk_packages(borg.__path__, "borg."):
    if not any(part in module.name for part in ("testsuite", "__main__", "fuse")):
        importlib.import_module(module.name)
import borg.archive, borg.helpers
def below(kind):
    yield kind.__qualname__
    for child in kind.__subclasses__():
        yield from below(child)
roots = [getattr(module, name) for module in (borg.archive, borg.helpers)
         for name in ("Error", "BackupError", "BorgWarning") if hasattr(module, name)]
print(" ".join({name for root in roots for name in below(root)}))
"""


def documented() -> list[tuple[str, int | None]]:
    rows = [row.split() for row in DOCUMENTED.read_text().splitlines() if row and not row.startswith("#")]
    return [(msgid, None if code == "-" else int(code)) for msgid, code in rows]


@pytest.mark.parametrize(("msgid", "code"), documented())
def test_every_documented_id_has_an_outcome_that_agrees_with_its_exit_code(msgid, code) -> None:
    assert msgid in OUTCOME_OF
    assert code is None or OUTCOME_OF[msgid] == of_exit(code)


def test_both_tables_have_the_same_ids_and_none_but_documented_ones() -> None:
    assert set(OUTCOME_OF) == set(EXPLANATIONS) == {msgid for msgid, _ in documented()}


@pytest.mark.borg
def test_every_error_and_warning_that_this_borg_has_is_in_the_table(program: Borg, tmp_path) -> None:
    first = Path(program.path).read_bytes().split(b"\n", 1)[0].decode()
    assert first.startswith("#!"), "borg is not a Python script here: its ids cannot be listed"
    interpreter = first.removeprefix("#!").split()[0]
    printed = bytearray()
    result = process.run(
        [interpreter, "-I", "-c", LIST_IDS],
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(tmp_path), "BORG_BASE_DIR": str(tmp_path)},
        cwd=tmp_path,
        on_output=lambda _, data, __: printed.extend(data),
    )
    assert result.ok, printed.decode()
    ids = set(printed.decode().split())
    assert len(ids) > 50
    assert ids - set(OUTCOME_OF) == set()


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (0, SUCCESS),
        (1, WARNING),
        (2, FAILURE),
        (73, FAILURE),
        (99, FAILURE),
        (100, WARNING),
        (127, WARNING),
        (128, FAILURE),
        (143, FAILURE),
        (-9, FAILURE),
        (None, FAILURE),
    ],
)
def test_exit_codes_are_read_by_the_table_of_the_contract(code, outcome) -> None:
    assert of_exit(code) == outcome


def test_the_worst_outcome_counts() -> None:
    assert worst([SUCCESS, FAILURE, WARNING]) == FAILURE
    assert worst([SUCCESS, WARNING]) == WARNING
    assert worst([]) == SUCCESS


def test_a_message_without_an_id_says_nothing_and_an_unknown_id_says_what_its_level_says() -> None:
    assert of_message("ERROR", "") == SUCCESS
    assert of_message("ERROR", "SomethingNew") == FAILURE
    assert of_message("WARNING", "SomethingNew") == WARNING
    assert of_message("INFO", "SomethingNew") == SUCCESS


@pytest.mark.parametrize(
    ("text", "msgid", "path"),
    [
        ("/s/a: file changed while we backed it up", "FileChangedWarning", "/s/a"),
        ("/s/a: open: [Errno 13] Permission denied: 'a'", "BackupPermissionError", "/s/a"),
        ("/s/a: [Errno 2] No such file or directory: 'a'", "BackupFileNotFoundError", "/s/a"),
        ("/s/a: read: [Errno 5] Input/output error", "BackupIOError", "/s/a"),
        ("/s/a: extended stat (xattrs): [Errno 95] Not supported: 'a'", "BackupOSError", "/s/a"),
        ("/s/a: b: open: [Errno 1] Operation not permitted: 'b'", "BackupPermissionError", "/s/a: b"),
        ("/s/a: file inode changed (race condition), skipping file", "BackupRaceConditionError", "/s/a"),
        ("Unknown file type: /s/a", "BackupError", "/s/a"),
        ("Something else is odd", "", ""),
    ],
)
def test_a_warning_without_an_id_gets_the_one_that_newer_versions_give_it(text, msgid, path) -> None:
    assert identify("WARNING", "", text) == (msgid, path)


def test_a_warning_with_an_id_keeps_it_and_tells_its_file() -> None:
    text = "/s/a: file type or inode changed while we backed it up (race condition, skipped file)"
    assert identify("WARNING", "BackupRaceConditionError", text) == ("BackupRaceConditionError", "/s/a")
    assert identify("WARNING", "BackupError", "/s/a: backup error") == ("BackupError", "/s/a")


def test_an_error_is_not_taken_for_a_warning_about_a_file() -> None:
    assert identify("ERROR", "", "/repo: open: [Errno 13] Permission denied: '/repo'") == ("", "")


def test_what_was_not_saved_is_a_warning() -> None:
    assert {OUTCOME_OF[msgid] for msgid in NOT_SAVED} == {WARNING}
