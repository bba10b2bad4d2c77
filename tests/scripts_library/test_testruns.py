"""Test runs: behaviour.md, section 14."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backups import facts
from borgui import process
from borgui.rundir import Busy
from scripts_library import library, testruns
from scripts_library.models import ExecutionStatus, ScriptExecution
from scripts_library.running import Stop

from .stage import POST, PRE, Stage, file_of, make_script

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

GOOD, CUT_OFF = ExecutionStatus.SUCCEEDED, ExecutionStatus.INTERRUPTED
BOTH = '# /// borgui\n# hooks = ["post-backup", "pre-backup"]\n# interrupts = "web"\n# run_on = "failure"\n# ///\n'
PAIR = BOTH + (
    'if [ "$HOOK_TYPE" = pre-backup ]; then echo web > "$STATE_DIR/down"; else cat "$STATE_DIR/down"; fi\n'
    'echo "$HOOK_TYPE $BACKUP_STATUS $ATTEMPT"\n'
)


def never(row: ScriptExecution) -> str:
    return ""


def rows() -> list[ScriptExecution]:
    return list(ScriptExecution.objects.order_by("position", "attempt"))


def statuses() -> list[str]:
    return [row.status for row in rows()]


def test_a_single_one_is_recorded_like_every_other_run() -> None:
    first = testruns.queue(make_script("it", 'echo "$HOOK_TYPE $REPOSITORY_NAME $BACKUP_STATUS"'))
    assert (first.status, first.test_run_id) == ("planned", first.pk)
    row = testruns.run(first.pk, never)
    assert (row.status, row.triggered_by, row.stdout) == (GOOD, "test", "pre-backup sample \n")
    assert (row.backup_job_id, row.repository_id) == (None, None)
    assert not testruns.directory_of(first.pk).path.exists()


def test_it_can_be_told_hook_outcome_repository_and_values() -> None:
    stage = Stage()
    body = '# /// borgui\n# [[parameters]]\n# name = "WHAT"\n# ///\necho "$HOOK_TYPE $REPOSITORY_NAME $BACKUP_STATUS $WHAT"'
    first = testruns.queue(
        make_script("it", body),
        facts=facts.of(stage.repository),
        hook_type=POST,
        backup_status="cancelled",
        values={"WHAT": "web"},
    )
    row = testruns.run(first.pk, never)
    assert (row.stdout, row.repository_id) == ("post-backup photos cancelled web\n", stage.repository.pk)


def test_its_statistics_are_an_empty_object_after_the_backup() -> None:
    first = testruns.queue(make_script("it", 'set -u; cat "$BACKUP_STATS"'), hook_type=POST)
    assert testruns.run(first.pk, never).stdout == "{}"


def test_without_a_choice_it_is_the_first_hook_of_the_block() -> None:
    assert testruns.queue(make_script("both", BOTH)).hook_type == POST
    assert testruns.queue(make_script("plain")).hook_type == PRE


def test_what_was_queued_is_what_runs() -> None:
    script = make_script("it", "echo old")
    first = testruns.queue(script)
    library.update(script, changes={"content": "echo new\n"}, base_sha256=script.sha256, source="editor")
    assert testruns.run(first.pk, never).stdout == "old\n"


@pytest.mark.parametrize("damage", ["gone", "valueless"])
def test_what_cannot_run_has_failed_with_the_reason(damage: str) -> None:
    body = (
        '# /// borgui\n# [[parameters]]\n# name = "WHAT"\n# required = true\n# ///\n' if damage == "valueless" else ""
    )
    script = make_script("it", body)
    if damage == "gone":
        file_of(script).unlink()
    row = testruns.run(testruns.queue(script).pk, never)
    assert row.status == ExecutionStatus.FAILED
    assert row.error_message
    assert row.started_at is None


def test_a_pair_shares_state_dir_and_pauses_in_between() -> None:
    first = testruns.queue(make_script("it", PAIR), hook_type=testruns.BOTH, backup_status="success", pause=0.6)
    testruns.run(first.pk, never)
    before, after = rows()
    assert (before.stdout, after.stdout) == ("pre-backup  1\n", "web\npost-backup success 1\n")
    assert before.completed_at
    assert after.started_at
    assert (after.started_at - before.completed_at).total_seconds() >= 0.6


def test_a_person_ends_the_pause() -> None:
    first = testruns.queue(make_script("it", PAIR), hook_type=testruns.BOTH, pause=600)
    began = time.monotonic()

    def watch(row: ScriptExecution) -> str:
        testruns.go_on(first.pk)
        return ""

    assert not testruns.go_on(first.pk), "nothing waits yet"
    testruns.run(first.pk, watch)
    assert statuses() == [GOOD, GOOD]
    assert time.monotonic() - began < 60
    assert not testruns.go_on(first.pk)


def test_there_is_no_pause_after_a_pre_part_that_could_not_start() -> None:
    script = make_script("it", PAIR)
    first = testruns.queue(script, hook_type=testruns.BOTH, pause=600)
    ScriptExecution.objects.filter(pk=first.pk).update(problem="the required parameter WHAT has no value")
    testruns.run(first.pk, never)
    assert [row.not_before for row in rows()] == [None, None]
    assert statuses()[0] == ExecutionStatus.FAILED


def test_the_post_part_runs_also_when_the_pre_part_failed_or_ran_out_of_time() -> None:
    body = BOTH + '[ "$HOOK_TYPE" = post-backup ] && exit 0; echo > "$STATE_DIR/x"; sleep 30'
    first = testruns.queue(make_script("it", body, timeout=3), hook_type=testruns.BOTH)
    testruns.run(first.pk, never)
    assert statuses() == [ExecutionStatus.TIMED_OUT, GOOD]


def test_a_person_stops_the_one_that_runs_and_the_post_part_still_runs() -> None:
    body = BOTH + '[ "$HOOK_TYPE" = post-backup ] && exit 0; sleep 30'
    first = testruns.queue(make_script("it", body), hook_type=testruns.BOTH, pause=30)

    def watch(row: ScriptExecution) -> str:
        return Stop.STOPPED if row.pk == first.pk and row.status == "running" else ""

    testruns.run(first.pk, watch)
    assert statuses() == [ExecutionStatus.CANCELLED, GOOD]


def test_asking_to_stop_is_seen_in_the_row() -> None:
    first = testruns.queue(make_script("it"))
    assert not testruns.is_asked_to_stop(first)
    ScriptExecution.objects.update(cancel_requested_at=first.created_at)
    assert testruns.is_asked_to_stop(first)


def test_a_planned_stop_cuts_the_pause_short() -> None:
    first = testruns.queue(make_script("it", PAIR), hook_type=testruns.BOTH, pause=300)
    asked = iter(["", *[""] * 2])

    def watch(row: ScriptExecution) -> str:
        return next(asked, Stop.SHUTDOWN) if row.pk == first.pk else ""

    testruns.run(first.pk, watch)
    assert statuses() == [GOOD, GOOD]


def test_what_a_planned_stop_leaves_no_time_for_is_run_at_the_next_start() -> None:
    first = testruns.queue(make_script("it", PAIR), hook_type=testruns.BOTH)
    testruns.run(first.pk, lambda row: Stop.SHUTDOWN if row.position else "")
    assert statuses() == [GOOD, "planned"]
    assert testruns.directory_of(first.pk).path.exists()
    testruns.run(first.pk, never)
    assert statuses() == [GOOD, GOOD]
    assert rows()[1].stdout.startswith("web\n")
    assert testruns.unowned() == []


def test_a_post_part_that_a_planned_stop_ended_runs_again_at_the_next_start() -> None:
    body = BOTH + '[ "$HOOK_TYPE$ATTEMPT" = post-backup1 ] && sleep 30; exit 0'
    first = testruns.queue(make_script("it", body), hook_type=testruns.BOTH)
    testruns.run(first.pk, lambda row: Stop.SHUTDOWN if row.position and row.status == "running" else "")
    assert statuses() == [GOOD, CUT_OFF, "planned"]
    testruns.run(first.pk, never)
    assert statuses() == [GOOD, CUT_OFF, GOOD]
    assert not testruns.directory_of(first.pk).path.exists()


def test_a_post_part_that_is_cut_off_each_time_is_given_up() -> None:
    first = testruns.queue(make_script("it", PAIR), hook_type=testruns.BOTH)
    for _ in range(testruns.MOST_STARTS + 2):
        ScriptExecution.objects.filter(status="planned").update(status="running")
        testruns.run(first.pk, lambda row: Stop.SHUTDOWN)
    assert statuses() == [CUT_OFF, *[CUT_OFF] * testruns.MOST_STARTS]
    assert testruns.unowned() == []


def test_a_script_that_must_not_run_again_does_not() -> None:
    body = PAIR.replace('# interrupts = "web"', "# rerun = false")
    first = testruns.queue(make_script("it", body), hook_type=testruns.BOTH)
    ScriptExecution.objects.update(status="running")
    testruns.run(first.pk, never)
    assert statuses() == [CUT_OFF, CUT_OFF]


def test_two_processes_do_not_run_the_same_one() -> None:
    first = testruns.queue(make_script("it"))
    other = testruns.directory_of(first.pk)
    other.acquire()
    try:
        with pytest.raises(Busy):
            testruns.run(first.pk, never)
    finally:
        other.release()
    assert statuses() == ["planned"]


def test_an_execution_of_a_job_is_no_test_run() -> None:
    stage = Stage()
    stage.attach(PRE, "it")
    (row,) = stage.plan()
    with pytest.raises(ScriptExecution.DoesNotExist):
        testruns.run(row.pk, never)
    assert testruns.unowned() == []


# --- lost processes ---------------------------------------------------------------------------------------------------
def wait_for(condition: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def lose(installation: Any, first: ScriptExecution, mark: Path) -> None:
    """Start run_script, and kill it as soon as the script has made its mark."""
    child: subprocess.Popen[str] = installation.start("run_script", str(first.pk), start_new_session=True)
    try:
        wait_for(mark.exists)
    finally:
        child.kill()
        child.communicate()
    mark.unlink()
    assert child.returncode == -signal.SIGKILL


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_a_lost_one_is_cut_off_and_nothing_is_repeated(installation: Any, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    first = testruns.queue(make_script("it", f"echo ran >> {tmp_path}/ran; touch {mark}; sleep 60"))
    lose(installation, first, mark)
    assert testruns.unowned() == [first.pk]

    row = testruns.run(first.pk, never)

    assert (row.status, statuses()) == (CUT_OFF, [CUT_OFF])
    assert row.error_message.startswith("Cut off")
    assert (tmp_path / "ran").read_text() == "ran\n"
    assert process.carriers(row.token) == []
    assert testruns.unowned() == []


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_the_post_part_of_a_lost_pair_runs_until_it_has_come_to_an_end(installation: Any, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    body = BOTH + (
        f'echo "$HOOK_TYPE $ATTEMPT" >> {tmp_path}/ran; echo x >> "$STATE_DIR/kept"\n'
        f'[ "$HOOK_TYPE$ATTEMPT" = post-backup2 ] && exec cat "$STATE_DIR/kept"; touch {mark}; sleep 60'
    )
    first = testruns.queue(make_script("it", body), hook_type=testruns.BOTH)
    lose(installation, first, mark)
    lose(installation, first, mark)
    installation.manage("run_script", str(first.pk), expect=None)

    assert statuses() == [CUT_OFF, CUT_OFF, GOOD]
    assert (tmp_path / "ran").read_text().splitlines() == ["pre-backup 1", "post-backup 1", "post-backup 2"]
    assert rows()[-1].stdout == "x\nx\nx\n"
    assert all(process.carriers(row.token) == [] for row in rows())


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_a_pair_that_is_lost_in_its_pause_waits_for_the_rest_of_it_and_keeps_its_promise(
    installation: Any, tmp_path: Path
) -> None:
    body = BOTH + f'echo "$HOOK_TYPE" >> {tmp_path}/ran; echo x >> "$STATE_DIR/kept"; cat "$STATE_DIR/kept"'
    first = testruns.queue(make_script("it", body), hook_type=testruns.BOTH, pause=600)
    child = installation.start("run_script", str(first.pk), start_new_session=True)
    try:
        wait_for(lambda: rows()[1].not_before)
    finally:
        child.kill()
        child.communicate()
    assert testruns.unowned() == [first.pk]
    assert testruns.go_on(first.pk)

    installation.manage("recover")

    assert statuses() == [GOOD, GOOD]
    assert (tmp_path / "ran").read_text().splitlines() == ["pre-backup", "post-backup"]
    assert rows()[1].stdout == "x\nx\n"
    assert testruns.unowned() == []


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_a_person_stops_the_pre_part_of_a_pair_and_the_post_part_still_runs(installation: Any, tmp_path: Path) -> None:
    body = BOTH + f'[ "$HOOK_TYPE" = post-backup ] && exit 0; touch {tmp_path}/mark; sleep 60'
    first = testruns.queue(make_script("it", body), hook_type=testruns.BOTH, pause=600)
    child = installation.start("run_script", str(first.pk), start_new_session=True)
    try:
        wait_for((tmp_path / "mark").exists)
        ScriptExecution.objects.filter(pk=first.pk).update(cancel_requested_at=first.created_at)
        child.communicate(timeout=60)
    finally:
        child.kill()
    assert statuses() == [ExecutionStatus.CANCELLED, GOOD]


@pytest.mark.django_db(transaction=True)
def test_a_person_stops_it_through_the_row(installation: Any, tmp_path: Path) -> None:
    first = testruns.queue(make_script("it", f"touch {tmp_path}/mark; sleep 60"))
    child = installation.start("run_script", str(first.pk), start_new_session=True)
    try:
        wait_for((tmp_path / "mark").exists)
        ScriptExecution.objects.update(cancel_requested_at=first.created_at)
        child.communicate(timeout=60)
    finally:
        child.kill()
    assert statuses() == [ExecutionStatus.CANCELLED]
