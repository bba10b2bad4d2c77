"""The truth tables of behaviour.md, sections 3 and 5, run for real."""

import signal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from scripts_library import assignments, chain
from scripts_library.models import ExecutionStatus, OnFailure, Outcome, RepositoryScript, RunOn, ScriptExecution
from scripts_library.running import Stop, Superseded

from .stage import POST, PRE, REQUIRED, SECRET, Stage, edit_outside, file_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

RAN, NOT_RUN, FAILED = ExecutionStatus.SUCCEEDED, ExecutionStatus.NOT_RUN, ExecutionStatus.FAILED
RUNS = {  # behaviour.md, section 5: which condition runs after which outcome
    "success": "success",
    "warning": "warning",
    "completed": "success warning",
    "failure": "failure cancelled",
    "always": "success warning failure cancelled skipped",
}


# --- after the backup -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("outcome", Outcome.values)
def test_each_condition_runs_after_just_its_outcomes(outcome: str, tmp_path: Path) -> None:
    stage = Stage()
    for run_on in RunOn.values:
        stage.attach(POST, run_on, f"touch {tmp_path}/{run_on}", run_on=run_on)

    stage.post(outcome)

    expected = {run_on for run_on, outcomes in RUNS.items() if outcome in outcomes.split()}
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == expected
    assert stage.statuses == {run_on: RAN if run_on in expected else NOT_RUN for run_on in RunOn.values}
    for run_on, row in stage.rows.items():
        assert bool(row.error_message) == (run_on not in expected), row.error_message


def test_the_condition_and_the_time_limit_of_the_assignment_win() -> None:
    stage = Stage()
    stage.attach(POST, "mine", "exit 0", run_on="always", timeout=50, custom_run_on="failure", custom_timeout=7)
    stage.attach(POST, "its", "exit 0", run_on="failure", timeout=50)
    stage.post("success")
    assert stage.statuses == {"mine": NOT_RUN, "its": NOT_RUN}
    assert [row.timeout for row in stage.rows.values()] == [7, 50]
    stage.post("failure")
    assert stage.statuses == {"mine": RAN, "its": RAN}


def test_a_failing_script_after_the_backup_never_stops_the_next() -> None:
    stage = Stage()
    stage.attach(POST, "exits", "exit 1", on_failure="abort", run_on="always")
    stage.attach(POST, "not now", "exit 75", on_failure="skip", run_on="always")
    stage.attach(POST, "killed", "kill -9 $$", run_on="always")
    stage.attach(POST, "no interpreter", shebang="#!/nowhere/sh", run_on="always")
    stage.attach(POST, "slow", "sleep 30", run_on="always", timeout=1)
    stage.attach(POST, "last", "exit 0", run_on="always")
    stage.post("failure")
    assert stage.statuses == {
        "exits": FAILED,
        "not now": FAILED,
        "killed": FAILED,
        "no interpreter": FAILED,
        "slow": ExecutionStatus.TIMED_OUT,
        "last": RAN,
    }
    assert stage.row("not now").exit_code == 75
    assert (stage.row("killed").exit_code, stage.row("killed").signal) == (None, signal.SIGKILL)


def test_a_script_with_a_problem_has_failed_and_the_rest_runs() -> None:
    stage = Stage()
    stage.attach(POST, "needs a value", REQUIRED, run_on="always")
    stage.attach(POST, "good", run_on="always")
    stage.post("failure")
    assert stage.statuses == {"needs a value": FAILED, "good": RAN}
    assert "CONTAINERS" in stage.row("needs a value").error_message


def test_a_problem_of_a_script_whose_condition_does_not_match_is_no_failure() -> None:
    stage = Stage()
    stage.attach(POST, "needs a value", REQUIRED, run_on="failure")
    stage.post("success")
    assert stage.statuses == {"needs a value": NOT_RUN}


def test_a_fault_of_our_own_is_the_failure_of_one_script_and_not_the_end_of_the_chain() -> None:
    stage = Stage()
    stage.attach(POST, "first", run_on="always")
    stage.attach(POST, "second", run_on="always")
    rows = stage.plan()
    rows[0].timeout = "soon"  # type: ignore[assignment]
    stage.post("success", rows)
    assert stage.statuses == {"first": FAILED, "second": RAN}
    assert stage.row("first").error_message.startswith("internal fault: TypeError")
    assert stage.row("first").completed_at


def test_whoever_was_superseded_starts_nothing_more(tmp_path: Path) -> None:
    stage = Stage()
    for name in ("first", "second"):
        stage.attach(POST, name, f"touch {tmp_path}/{name}", run_on="always")
    rows, run = stage.plan(), stage.run(POST, "success")

    def refuse(row: ScriptExecution, fields: dict[str, Any]) -> None:
        raise Superseded("somebody else has it")

    object.__setattr__(run, "write", refuse)
    with pytest.raises(Superseded):
        chain.run_post(rows, run)
    assert not (tmp_path / "first").exists()
    assert not (tmp_path / "second").exists()


def test_when_the_time_of_a_planned_stop_is_over_the_rest_stays_planned() -> None:
    stage = Stage()
    for name in ("first", "second", "third"):
        stage.attach(POST, name, run_on="always")
    rows, run, answers = stage.plan(), stage.run(POST, "success"), iter([False, True])
    object.__setattr__(run, "is_out_of_time", lambda: next(answers))
    chain.run_post(rows, run)
    assert stage.statuses == {"first": RAN, "second": "planned", "third": "planned"}


# --- before the backup ------------------------------------------------------------------------------------------------
AFTER = {  # behaviour.md, section 3: whether borg runs, and the outcome so far
    OnFailure.ABORT: (False, Outcome.FAILURE),
    OnFailure.CONTINUE: (True, Outcome.WARNING),
    OnFailure.SKIP: (False, Outcome.SKIPPED),
}
WAYS_TO_END_BADLY: dict[str, dict[str, Any]] = {
    "exit 1": {"body": "exit 1"},
    "exit 3": {"body": "exit 3"},
    "exit 255": {"body": "exit 255"},
    "exit 137": {"body": "exit 137"},
    "timeout": {"body": "sleep 30", "timeout": 1},
    "signal": {"body": "kill -9 $$"},
    "interpreter missing": {"shebang": "#!/nowhere/python"},
    "interpreter of env missing": {"shebang": "#!/usr/bin/env no-such-program"},
    "interpreter not allowed": {"shebang": "#!/etc/passwd"},
}


@pytest.mark.parametrize("way", WAYS_TO_END_BADLY)
def test_the_assignment_decides_what_a_bad_end_means(way: str) -> None:
    for policy, (go_on, outcome) in AFTER.items():
        stage = Stage(name=policy)
        stage.attach(PRE, f"bad {policy}", **WAYS_TO_END_BADLY[way], on_failure=policy)
        stage.attach(PRE, f"next {policy}")

        verdict = stage.pre()

        assert (verdict.go_on, verdict.outcome) == (go_on, outcome)
        assert f"bad {policy}" in verdict.message
        bad = stage.row(f"bad {policy}")
        assert bad.status == (ExecutionStatus.TIMED_OUT if way == "timeout" else FAILED)
        assert bad.error_message
        assert stage.statuses[f"next {policy}"] == (RAN if go_on else NOT_RUN)
        assert bad.error_message.splitlines()[0] in verdict.message


def test_what_did_not_run_says_what_was_before_it() -> None:
    stage = Stage()
    stage.attach(PRE, "Stop database", "exit 3")
    stage.attach(PRE, "Dump database")
    stage.pre()
    assert stage.row("Dump database").error_message == "Did not run: 'Stop database' failed before it."


def test_what_did_not_run_today_says_who_said_so() -> None:
    stage = Stage()
    stage.attach(PRE, "USB disk present?", "exit 75")
    stage.attach(PRE, "Dump database")
    assert stage.pre().message == "'USB disk present?' said to skip."
    assert stage.row("Dump database").error_message == "Did not run: 'USB disk present?' said to skip."


@pytest.mark.parametrize("policy", OnFailure.values)
def test_exit_code_75_is_not_now_whatever_the_assignment_says(policy: str) -> None:
    stage = Stage()
    stage.attach(PRE, "busy", "exit 75", on_failure=policy)
    stage.attach(PRE, "next")
    verdict = stage.pre()
    assert (verdict.go_on, verdict.outcome) == (False, Outcome.SKIPPED)
    assert stage.statuses == {"busy": FAILED, "next": NOT_RUN}
    assert stage.row("busy").exit_code == 75
    assert "busy" in stage.row("next").error_message


@pytest.mark.parametrize("policy", OnFailure.values)
def test_a_text_that_is_empty_now_ends_badly_too(policy: str) -> None:
    stage = Stage()
    entry = stage.attach(PRE, "empty", "exit 0", on_failure=policy)
    edit_outside(entry.script, " \n")
    verdict = stage.pre()
    assert (verdict.go_on, verdict.outcome) == AFTER[OnFailure(policy)]
    assert "empty" in stage.row("empty").error_message
    assert stage.row("empty").started_at is None


def test_windows_line_ends_are_repaired_and_told() -> None:
    stage = Stage()
    stage.attach(PRE, "windows", "\ufeff#!/bin/sh\r\necho fine\r\n", shebang="")
    assert stage.pre().go_on
    row = stage.row("windows")
    assert (row.status, row.stdout, len(row.hints)) == (RAN, "fine\n", 2)


def test_what_never_started_has_no_start() -> None:
    stage = Stage()
    stage.attach(PRE, "it", shebang="#!/nowhere/sh")
    stage.pre()
    row = stage.row()
    assert (row.started_at, row.exit_code, row.signal, row.pid) == (None, None, None, None)
    assert row.completed_at
    assert row.error_message.startswith("Interpreter not found: /nowhere/sh")


def test_two_that_may_fail_both_are_told() -> None:
    stage = Stage()
    stage.attach(PRE, "one", "exit 1", on_failure="continue")
    stage.attach(PRE, "two", "exit 2", on_failure="continue")
    verdict = stage.pre()
    assert (verdict.go_on, verdict.outcome) == (True, Outcome.WARNING)
    assert "'one'" in verdict.message
    assert "'two'" in verdict.message


def test_scripts_run_in_order_and_those_switched_off_do_not() -> None:
    stage = Stage()
    entries = [stage.attach(PRE, name, f'echo {name} >> "$STATE_DIR/order"') for name in "abcd"]
    assignments.reorder(stage.repository.pk, PRE, [entry.pk for entry in reversed(entries)])
    assignments.change(entries[1], {"enabled": False})
    assert stage.pre().go_on
    assert (stage.directory.state / "order").read_text().split() == ["d", "c", "a"]
    assert "b" not in stage.rows


@pytest.mark.parametrize(
    ("reason", "outcome", "status"),
    [
        (Stop.CANCELLED, Outcome.CANCELLED, ExecutionStatus.CANCELLED),
        (Stop.SHUTDOWN, Outcome.FAILURE, ExecutionStatus.INTERRUPTED),
        (Stop.MAX_DOWNTIME, Outcome.FAILURE, ExecutionStatus.TIMED_OUT),
    ],
)
def test_whoever_stops_the_job_ends_the_script_and_the_chain(reason: str, outcome: str, status: str) -> None:
    stage = Stage()
    stage.attach(PRE, "runs", "echo begun; sleep 30", on_failure="continue")
    stage.attach(PRE, "next")
    rows, run = stage.plan(), stage.run(PRE)
    object.__setattr__(run, "should_stop", lambda row: reason if row.status == "running" else "")
    verdict = chain.run_pre(rows, run)
    assert (verdict.go_on, verdict.outcome) == (False, outcome)
    assert stage.statuses == {"runs": status, "next": NOT_RUN}
    assert stage.row("runs").stdout == "begun\n"


def test_a_stop_between_two_scripts_starts_nothing_more() -> None:
    stage = Stage()
    stage.attach(PRE, "next")
    stage.stop = Stop.CANCELLED
    verdict = stage.pre()
    assert (verdict.go_on, verdict.outcome) == (False, Outcome.CANCELLED)
    assert stage.statuses == {"next": NOT_RUN}


@pytest.mark.parametrize("policy", OnFailure.values)
def test_stopping_one_script_alone_is_a_bad_end_like_any_other(policy: str) -> None:
    stage = Stage()
    stage.attach(PRE, "runs", "sleep 30", on_failure=policy)
    rows, run = stage.plan(), stage.run(PRE)
    object.__setattr__(run, "should_stop", lambda row: Stop.STOPPED if row.status == "running" else "")
    verdict = chain.run_pre(rows, run)
    assert (verdict.go_on, verdict.outcome) == AFTER[OnFailure(policy)]
    assert stage.statuses == {"runs": ExecutionStatus.CANCELLED}


def test_a_fault_of_our_own_in_a_script_before_the_backup_leaves_no_running_row() -> None:
    stage = Stage()
    stage.attach(PRE, "it")
    rows = stage.plan()
    rows[0].timeout = "soon"  # type: ignore[assignment]
    verdict = stage.pre(rows)
    assert (verdict.go_on, verdict.outcome) == (False, Outcome.FAILURE)
    assert stage.statuses == {"it": FAILED}


# --- the check of the plan --------------------------------------------------------------------------------------------
def seal(entry: RepositoryScript) -> None:
    """As after the loss of the key."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE repository_scripts SET parameters = 'gAAAAAnonsense' WHERE id = %s", [entry.pk])


def test_the_check_of_the_plan_gives_all_reasons_at_once(settings: Any) -> None:
    settings.EXTERNAL_EDITS = "block"
    stage = Stage()
    stage.attach(PRE, "fine")
    gone = stage.attach(PRE, "gone", on_failure="skip")
    stage.attach(PRE, "valueless", REQUIRED, on_failure="continue")
    sealed = stage.attach(PRE, "sealed", SECRET, parameters={"TOKEN": "hunter22"})
    edited = stage.attach(POST, "edited", run_on="always")
    stage.attach(POST, "starts again", run_on="always")
    file_of(gone.script).unlink()
    seal(sealed)
    edit_outside(edited.script, "#!/bin/sh\nexit 9\n")

    rows = stage.plan()
    problems = chain.problems(rows)

    assert [line.split("'")[1] for line in problems.splitlines()] == ["gone", "valueless", "sealed", "edited"]
    assert "hunter22" not in problems
    chain.refuse_pre([row for row in rows if row.hook_type == PRE], stage.run(PRE))
    stage.post("failure", rows)
    assert stage.statuses == {
        "fine": NOT_RUN,
        "gone": FAILED,
        "valueless": FAILED,
        "sealed": FAILED,
        "edited": FAILED,
        "starts again": RAN,
    }


def test_a_problem_of_a_script_that_is_switched_off_is_none() -> None:
    stage = Stage()
    entry = stage.attach(PRE, "gone", enabled=False)
    file_of(entry.script).unlink()
    assert chain.problems(stage.plan()) == ""
