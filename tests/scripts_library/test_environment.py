"""What a script finds in its environment: behaviour.md, section 9."""

import os
from pathlib import Path
from typing import Any

import pytest

from backups import pipeline
from backups.watch import StopRequest
from scripts_library import environment
from scripts_library.models import ExecutionStatus
from scripts_library.reserved import VARIABLES

from .stage import POST, PRE, Stage

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

NAMES = [
    *("HOOK_TYPE", "BACKUP_STATUS", "BACKUP_EXIT_CODE", "BACKUP_ERROR", "BACKUP_DATE", "BACKUP_TIMESTAMP"),
    *("REPOSITORY_ID", "REPOSITORY_NAME", "REPOSITORY_PATH", "SOURCE_PATHS", "ARCHIVE_NAME", "JOB_ID", "EXECUTION_ID"),
    *("TRIGGERED_BY", "WINDOW_NAME", "ATTEMPT", "EXECUTION_TOKEN", "LIBRARY_DIR", "STATE_DIR", "BACKUP_STATS"),
    "NOTIFY_FILE",
]
OF_THE_SHELL = {"PWD", "SHLVL", "_", "OLDPWD"}
DUMP = "env -0 > {path}"
PARAMETERS = """# /// borgui
# [[parameters]]
# name = "TEXT"
#
# [[parameters]]
# name = "SECRET"
# type = "secret"
#
# [[parameters]]
# name = "FLAG"
# type = "boolean"
#
# [[parameters]]
# name = "OTHER_FLAG"
# type = "boolean"
# default = false
#
# [[parameters]]
# name = "COUNT"
# type = "integer"
#
# [[parameters]]
# name = "UNSET"
# ///
"""


def dumped(path: Path) -> dict[str, str]:
    entries = path.read_bytes().split(b"\0")[:-1]
    return dict(os.fsdecode(entry).split("=", 1) for entry in entries)


def seen(stage: Stage, tmp_path: Path, body: str = "", outcome: str = "success", **fields: Any) -> dict[str, str]:
    """The environment of a post-backup script."""
    context = fields.pop("context", {})
    stage.attach(POST, "it", body + DUMP.format(path=tmp_path / "env"), run_on="always", **fields)
    stage.post(outcome, **context)
    assert stage.row().status == ExecutionStatus.SUCCEEDED, stage.row().error_message
    return dumped(tmp_path / "env")


def test_the_reserved_names_are_those_of_the_contract() -> None:
    assert set(NAMES) == VARIABLES


@pytest.mark.parametrize("hook", [PRE, POST])
def test_every_name_is_always_set_in_both_spellings(hook: str, tmp_path: Path) -> None:
    stage = Stage()
    stage.attach(hook, "it", DUMP.format(path=tmp_path / "env"), run_on="always")
    stage.pre() if hook == PRE else stage.post("failure")
    found = dumped(tmp_path / "env")
    assert {name: found[f"BORG_UI_{name}"] for name in NAMES} == {name: found[name] for name in NAMES}


def test_a_script_that_names_them_all_survives_set_u() -> None:
    stage = Stage()
    names = " ".join(f"${{{name}}}${{BORG_UI_{name}}}" for name in NAMES)
    stage.attach(PRE, "before", f"set -eu\n: {names}")
    stage.attach(POST, "after", f"set -eu\n: {names}", run_on="always")
    rows = stage.plan()
    assert stage.pre(rows).go_on
    stage.post("skipped", rows)
    assert set(stage.statuses.values()) == {ExecutionStatus.SUCCEEDED}


def test_nothing_else_of_the_servers_environment_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BORGUI_SECRET_KEY", "hunter22")
    monkeypatch.setenv("DOCKER_HOST", "unix:///somewhere")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    found = seen(Stage(), tmp_path)
    ours = {*NAMES, *(f"BORG_UI_{name}" for name in NAMES)}
    assert set(found) - ours - OF_THE_SHELL <= {"PATH", "LANG", "TZ", "HOME"}
    assert (found["TZ"], found["HOME"], found["PATH"]) == ("Asia/Tokyo", os.environ["HOME"], os.environ["PATH"])


def test_the_names_that_the_administrator_lists_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///somewhere")
    monkeypatch.setenv("JOB_ID", "nonsense")
    found = seen(Stage(), tmp_path, context={"pass_env": ("DOCKER_HOST", "NOT_SET_HERE", "JOB_ID"), "job_id": 5})
    assert found["DOCKER_HOST"] == "unix:///somewhere"
    assert "NOT_SET_HERE" not in found
    assert found["JOB_ID"] == "5"


def test_without_a_path_of_the_server_there_is_a_usual_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment.PASSED:
        monkeypatch.delenv(name, raising=False)
    assert environment.inherited()["PATH"].startswith("/usr/local/sbin:")
    assert environment.inherited() == {"PATH": environment.FALLBACK_PATH, "LANG": "C.UTF-8", "HOME": "/"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quotes", 'it\'s "quoted" `date` $HOME $(touch /tmp/borgui-must-not-exist) ; exit 9'),
        ("newlines", "one\ntwo\n\n  three  "),
        ("unicode", "Größe 日本 🗄"),
        ("options", "-rf --help"),
        ("30 KiB", "x" * 30 * 1024),
        ("like a name", "A=B=C"),
    ],
)
def test_a_value_arrives_as_it_is(name: str, value: str, tmp_path: Path) -> None:
    found = seen(Stage(), tmp_path, PARAMETERS, parameters={"TEXT": value})
    assert found["TEXT"] == value
    assert not Path("/tmp/borgui-must-not-exist").exists()


def test_a_value_is_never_pasted_into_the_text(tmp_path: Path) -> None:
    stage = Stage()
    body = PARAMETERS + f'cp "$0" {tmp_path}/copy\necho \'${{TEXT}}\'\necho "$TEXT"\n'
    stage.attach(POST, "it", body, run_on="always", parameters={"TEXT": "x'; exit 7; '"})
    stage.post("success")
    assert (tmp_path / "copy").read_text() == f"#!/bin/sh\n{body}\n"
    assert stage.row().stdout == "${TEXT}\nx'; exit 7; '\n"


def test_booleans_numbers_and_what_is_not_set(tmp_path: Path) -> None:
    found = seen(Stage(), tmp_path, PARAMETERS, parameters={"FLAG": True, "COUNT": -12})
    assert {name: found[name] for name in ("FLAG", "OTHER_FLAG", "COUNT", "UNSET", "SECRET")} == {
        "FLAG": "true",
        "OTHER_FLAG": "false",
        "COUNT": "-12",
        "UNSET": "",
        "SECRET": "",
    }


def test_the_values_of_the_assignment_win_over_those_of_the_library() -> None:
    stage = Stage()
    body = PARAMETERS + 'echo "$TEXT $COUNT"'
    entry = stage.attach(PRE, "it", body, parameters={"TEXT": "mine"})
    entry.script.parameters = {"TEXT": "its", "COUNT": 3}
    entry.script.save()
    stage.pre()
    assert stage.row().stdout == "mine 3\n"


def test_state_dir_is_shared_by_both_hooks() -> None:
    stage = Stage()
    stage.attach(PRE, "stops", 'echo nextcloud db > "$STATE_DIR/stopped"')
    stage.attach(POST, "starts", 'cat "$STATE_DIR/stopped"', run_on="always")
    rows = stage.plan()
    stage.pre(rows)
    stage.post("failure", rows)
    assert stage.row("starts").stdout == "nextcloud db\n"


def test_the_words_about_the_job(tmp_path: Path) -> None:
    stage = Stage(name="It's photos\nand more")
    context = {"exit_code": 2, "error": "e" * 5000, "job_id": 7, "archive_name": "a-1", "library_dir": "/lib"}
    found = seen(stage, tmp_path, outcome="failure", context=context)
    row = stage.row()
    assert found["BACKUP_STATUS"] == "failure"
    assert (found["BACKUP_EXIT_CODE"], len(found["BACKUP_ERROR"])) == ("2", 4000)
    assert (found["REPOSITORY_NAME"], found["REPOSITORY_ID"]) == ("It's photos\nand more", str(stage.repository.pk))
    assert (found["SOURCE_PATHS"], found["REPOSITORY_PATH"]) == ("/srv/one\n/srv/two", "/srv/photos")
    assert (found["EXECUTION_ID"], found["EXECUTION_TOKEN"], found["ATTEMPT"]) == (str(row.pk), row.token, "1")
    assert (found["JOB_ID"], found["ARCHIVE_NAME"], found["LIBRARY_DIR"]) == ("7", "a-1", "/lib")
    assert found["BACKUP_DATE"] == found["BACKUP_TIMESTAMP"][:10]
    assert found["BACKUP_TIMESTAMP"][-6] in "+-"


def test_before_the_backup_its_end_is_not_known(tmp_path: Path) -> None:
    stage = Stage()
    stage.attach(PRE, "it", DUMP.format(path=tmp_path / "env"))
    stage.pre()
    found = dumped(tmp_path / "env")
    assert found["HOOK_TYPE"] == "pre-backup"
    assert [found[name] for name in ("BACKUP_STATUS", "BACKUP_EXIT_CODE", "BACKUP_ERROR", "BACKUP_STATS")] == [""] * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\0b", "ab"), ("bad \ud800 end", "bad ? end"), ("raw \udcff byte", "raw \udcff byte"), ("é" * 5000, "é" * 4000)],
)
def test_a_strange_message_of_borg_keeps_no_script_from_starting(text: str, expected: str, tmp_path: Path) -> None:
    assert seen(Stage(), tmp_path, context={"error": text}, outcome="failure")["BACKUP_ERROR"] == expected


def test_more_sources_than_a_variable_can_carry_keep_no_script_from_starting(tmp_path: Path) -> None:
    sources = [f"/srv/{number:06}/{'x' * 90}" for number in range(2000)]
    found = seen(Stage(source_paths=sources), tmp_path)["SOURCE_PATHS"].split("\n")
    assert 1000 < len(found) < len(sources)
    assert found == sources[: len(found)]


@pytest.mark.borg
@pytest.mark.django_db(transaction=True)
def test_a_real_job_tells_its_scripts_what_they_need(make_repository: Any, make_job: Any, tmp_path: Path) -> None:
    stage = Stage(make_repository(real=True))
    stage.attach(PRE, "before", DUMP.format(path=tmp_path / "before"))
    stage.attach(POST, "after", DUMP.format(path=tmp_path / "after") + '\ncat "$BACKUP_STATS"', run_on="always")
    job = make_job(stage.repository)
    pipeline.run(job.pk, StopRequest())
    job.refresh_from_db()
    before, after = dumped(tmp_path / "before"), dumped(tmp_path / "after")
    assert job.status == "success"
    assert (after["BACKUP_STATUS"], after["BACKUP_EXIT_CODE"], after["BACKUP_ERROR"]) == ("success", "0", "")
    assert f'"archive": "{job.archive_name}"' in stage.row("after").stdout
    for name in ("ARCHIVE_NAME", "JOB_ID", "STATE_DIR", "BACKUP_TIMESTAMP", "TRIGGERED_BY"):
        assert before[name] == after[name] != ""
    assert before["EXECUTION_TOKEN"] != after["EXECUTION_TOKEN"]
    assert not any("PASSPHRASE" in name for name in {*before, *after})
