"""How many further attempts a post-backup script gets, and when (behaviour.md, section 6, point 3)."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from backups import attempts
from backups.models import BackupJob
from backups.watch import StopRequest
from scripts_library import links
from scripts_library.models import ScriptExecution

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def row(status: str, attempt: int = 1, position: int = 1, **fields) -> ScriptExecution:
    defaults = {"hook_type": "post-backup", "run_on": "always", "timeout": 5, "script_name": "start", "claim": 2}
    return ScriptExecution(status=status, attempt=attempt, position=position, **{**defaults, **fields})


@pytest.mark.parametrize(
    ("statuses", "rerun", "further"),
    [
        (["succeeded"], True, []),
        (["failed"], True, []),
        (["not_run"], True, []),
        (["cancelled"], True, []),
        (["timed_out"], True, []),
        (["interrupted"], True, [(2, None)]),
        (["interrupted"], False, []),
        (["interrupted", "interrupted"], True, [(3, NOW + timedelta(minutes=5))]),
        (["interrupted", "interrupted", "interrupted"], True, []),
        (["interrupted", "succeeded"], True, []),
        (["interrupted", "failed"], True, []),
        (["failed", "interrupted"], True, [(3, None)]),
        (["failed", "interrupted", "failed", "interrupted"], True, [(5, NOW + timedelta(minutes=5))]),
    ],
)
def test_a_script_that_was_cut_off_starts_three_times_at_most(statuses, rerun, further):
    rows = [row(status, number, rerun=rerun) for number, status in enumerate(statuses, 1)]

    assert [(one.attempt, one.not_before) for one in attempts.after_interruption(rows, NOW)] == further


def test_a_pre_backup_script_that_was_cut_off_never_starts_again():
    assert attempts.after_interruption([row("interrupted", hook_type="pre-backup")], NOW) == []


def test_each_script_has_counters_of_its_own():
    rows = [row("interrupted", position=1), row("interrupted", position=2), row("interrupted", 2, position=2)]

    found = attempts.after_interruption(rows, NOW)

    assert [(one.position, one.attempt, one.not_before is None) for one in found] == [(1, 2, True), (2, 3, False)]


def test_a_further_attempt_is_the_same_link_with_a_token_of_its_own():
    first = row("interrupted", parameters={"NAME": "web"}, secret_names=["NAME"], interrupts="web", assignment_id=7)

    second = attempts.next_attempt(first)

    assert (second.attempt, second.status, second.pk) == (2, "planned", None)
    for name in links.PINNED:
        assert getattr(second, name) == getattr(first, name), name
    assert second.token != first.token


def test_rows_that_are_due_come_in_the_order_of_the_chain_and_the_others_by_time():
    late, later = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)
    rows = [
        row("planned", position=3),
        row("succeeded", position=0),
        row("planned", position=5, not_before=later),
        row("planned", position=4, not_before=late),
        row("planned", position=6, hook_type="pre-backup"),
        row("planned", 2, position=1, not_before=NOW),
    ]

    due, waiting = attempts.open_rows(rows, NOW)

    assert [one.position for one in due] == [1, 3]
    assert [one.position for one in waiting] == [4, 5]


@pytest.mark.parametrize(
    ("statuses", "left"),
    [
        (["planned"], True),
        (["interrupted"], True),
        (["interrupted", "planned"], True),
        (["interrupted", "succeeded"], False),
        (["failed"], False),
        (["interrupted"] * 3, False),
    ],
)
def test_what_is_left_to_be_done(statuses, left):
    rows = [row(status, number) for number, status in enumerate(statuses, 1)]

    assert attempts.is_anything_left(rows) is left


def test_waiting_ends_when_the_time_has_come():
    waiting = row("planned", not_before=datetime.now(UTC) + timedelta(seconds=0.2))

    attempts.wait_for(waiting, StopRequest())

    assert waiting.not_before is None


def test_waiting_ends_at_once_at_a_planned_stop():
    stop, began = StopRequest(), time.monotonic()
    stop.ask()

    attempts.wait_for(row("planned", not_before=datetime.now(UTC) + timedelta(minutes=4)), stop)

    assert stop.is_out_of_time()
    assert time.monotonic() - began < 60


# --- retries of what failed in recovery -------------------------------------------------------------------------------
class Book:
    """Takes what is planned, as the ledger does."""

    def add(self, rows):
        return True


def retries(rows, outcome: str = "failure") -> list[ScriptExecution]:
    listed = list(rows)
    attempts.plan_retries(BackupJob(outcome=outcome), listed, Book())
    return listed[len(rows) :]


def test_a_promise_that_failed_in_recovery_is_tried_five_times_more_within_fifteen_minutes():
    rows, pauses = [row("failed")], []
    while planned := retries(rows):
        (again,) = planned
        pauses.append((again.not_before - datetime.now(UTC)).total_seconds())
        again.status, again.claim = "failed", 2
        rows.append(again)

    assert len(pauses) == 5
    assert pauses == sorted(pauses)
    assert 890 < sum(pauses) <= 900


@pytest.mark.parametrize(
    "fields",
    [
        {"claim": 1},  # failed before the loss: an undisturbed failure
        {"claim": 0},  # could not run at all
        {"run_on": "success"},
        {"run_on": "completed"},
        {"hook_type": "pre-backup"},
    ],
)
def test_what_is_no_promise_or_did_not_fail_in_recovery_is_not_tried_again(fields):
    assert retries([row("failed", **fields)]) == []


def test_a_promise_whose_condition_does_not_match_is_not_tried_again():
    assert retries([row("failed", run_on="failure")], outcome="success") == []


@pytest.mark.parametrize("status", ["succeeded", "cancelled", "not_run", "interrupted"])
def test_only_failures_are_tried_again(status):
    assert retries([row(status)]) == []


def test_a_time_limit_is_a_failure_too():
    assert len(retries([row("timed_out")])) == 1
