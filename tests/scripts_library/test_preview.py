"""The preview says what then really happens: behaviour.md, section 14."""

from pathlib import Path
from typing import Any

import pytest

from backups import facts
from scripts_library.models import ExecutionStatus, Outcome, RunOn
from scripts_library.preview import Entry, as_json, preview

from .stage import POST, PRE, Stage, edit_outside, file_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

BLOCK = """# /// borgui
# [[parameters]]
# name = "CONTAINERS"
# required = true
#
# [[parameters]]
# name = "TOKEN"
# type = "secret"
# ///
"""


def shown(stage: Stage) -> dict[str, dict[str, list[Entry]]]:
    return preview(facts.of(stage.repository))


def everything(stage: Stage) -> None:
    """One of each kind at both hooks."""
    stage.attach(PRE, "before")
    stage.attach(PRE, "before, off", enabled=False)
    for run_on in RunOn.values:
        stage.attach(POST, f"its own {run_on}", run_on=run_on)
        stage.attach(POST, f"custom {run_on}", run_on="warning", custom_run_on=run_on, custom_timeout=9)
    stage.attach(POST, "undeclared")
    stage.attach(POST, "after, off", run_on="always", enabled=False)
    stage.attach(POST, "valued", BLOCK, run_on="always", parameters={"CONTAINERS": "web", "TOKEN": "hunter22"})


@pytest.mark.parametrize("outcome", Outcome.values)
def test_what_it_shows_is_what_runs(outcome: str) -> None:
    stage = Stage()
    everything(stage)
    told = shown(stage)[outcome]

    rows = stage.plan()
    assert stage.pre(rows).go_on
    stage.post(outcome, rows)

    ran = [name for name, status in stage.statuses.items() if status == ExecutionStatus.SUCCEEDED]
    assert [entry.script_name for hook in ("pre_backup", "post_backup") for entry in told[hook] if entry.runs] == ran
    for entry in told["pre_backup"] + told["post_backup"]:
        row = stage.rows.get(entry.script_name)
        assert entry.reason
        if row:
            assert (entry.timeout, entry.run_on, entry.on_failure) == (row.timeout, row.run_on, row.on_failure)
        else:
            assert (entry.runs, "switched off" in entry.reason) == (False, True)


def test_a_problem_blocks_everything_before_the_backup_and_itself_afterwards(settings: Any) -> None:
    settings.EXTERNAL_EDITS = "block"
    stage = Stage()
    stage.attach(PRE, "fine")
    stage.attach(POST, "valueless", BLOCK, run_on="always")
    edited = stage.attach(POST, "edited", run_on="always").script
    gone = stage.attach(PRE, "gone").script
    stage.attach(POST, "starts again", run_on="always")
    edit_outside(edited, "#!/bin/sh\nexit 7\n")
    file_of(gone).unlink()

    told = shown(stage)["failure"]

    assert {entry.script_name: entry.runs for entry in told["pre_backup"]} == {"fine": False, "gone": False}
    assert {entry.script_name: entry.runs for entry in told["post_backup"]} == {
        "valueless": False,
        "edited": False,
        "starts again": True,
    }
    reasons = {entry.script_name: entry.reason for entry in told["pre_backup"] + told["post_backup"]}
    assert "'valueless'" in reasons["fine"] or "'gone'" in reasons["fine"]
    assert "CONTAINERS" in reasons["valueless"]
    assert "missing" in reasons["gone"]
    assert "changed outside" in reasons["edited"]
    assert [bool(entry.problems) for entry in told["post_backup"]] == [True, True, False]


def test_it_shows_the_variables_and_no_secret() -> None:
    stage = Stage()
    everything(stage)
    told = shown(stage)
    after = {entry.script_name: entry.variables for entry in told["failure"]["post_backup"]}["valued"]
    assert (after["CONTAINERS"], after["TOKEN"]) == ("web", "***")
    assert (after["BACKUP_STATUS"], after["HOOK_TYPE"]) == ("failure", "post-backup")
    assert (after["REPOSITORY_NAME"], after["SOURCE_PATHS"]) == ("photos", "/srv/one\n/srv/two")
    assert told["failure"]["pre_backup"][0].variables["BACKUP_STATUS"] == ""
    assert "hunter22" not in str(as_json(told))


def test_it_names_every_variable_that_a_script_will_find(tmp_path: Path) -> None:
    stage = Stage()
    stage.attach(POST, "it", f"env -0 > {tmp_path}/env", run_on="always")
    (entry,) = shown(stage)["success"]["post_backup"]
    stage.post("success")
    found = {line.split(b"=")[0].decode() for line in (tmp_path / "env").read_bytes().split(b"\0") if line}
    ours = {name.removeprefix("BORG_UI_") for name in found if name.startswith("BORG_UI_")}
    assert set(entry.variables) == ours


def test_an_inline_text_is_shown_and_so_is_what_is_switched_off_beside_it() -> None:
    stage = Stage(pre_backup_script="exit 0")
    stage.attach(PRE, "new", enabled=False)
    told = shown(stage)["success"]["pre_backup"]
    assert [(entry.script_name, entry.script_id is None, entry.runs) for entry in told] == [
        ("Inline text before the backup", True, True),
        ("new", False, False),
    ]


def test_it_runs_nothing_and_plans_nothing(tmp_path: Path) -> None:
    stage = Stage()
    stage.attach(PRE, "it", f"touch {tmp_path}/ran")
    shown(stage)
    assert not (tmp_path / "ran").exists()
    assert stage.rows == {}


def test_a_repository_without_scripts_has_empty_chains() -> None:
    assert shown(Stage()) == {outcome: {"pre_backup": [], "post_backup": []} for outcome in Outcome.values}
