import pytest

from backups import queue
from backups.host import host_id
from backups.models import BackupJob, Repository

from .conftest import statuses, wait_for_all


def block(thing: str) -> str:
    return f'# /// borgui\n# interrupts = "{thing}"\n# ///\n'


def running(repository: Repository, **fields) -> BackupJob:
    defaults = {"status": "running", "phase": "backup", "claim": 1, "host_id": host_id(), "triggered_by": "api"}
    return BackupJob.objects.create(repository=repository, **{**defaults, **fields})


# --- who may start ----------------------------------------------------------------------------------------------------
def test_an_empty_queue_starts_nothing(db):
    assert queue.decide() == queue.Decision()


def test_a_queued_job_says_at_once_that_nothing_has_been_stopped(make_repository, make_job):
    assert make_job(make_repository()).message == "Waiting for the worker. Nothing has been stopped yet."


def test_jobs_start_in_the_order_in_which_they_came(make_repository, make_job, settings):
    settings.WORKERS = 2
    jobs = [make_job(make_repository(name)) for name in ("one", "two", "three")]

    decision = queue.decide()

    assert decision.start == [jobs[0].pk, jobs[1].pk]
    assert decision.waiting == {jobs[2].pk: "Waiting: 2 of 2 backups are running. Nothing has been stopped yet."}


def test_running_rows_are_counted_and_not_threads(make_repository, make_job, settings):
    settings.WORKERS = 1
    running(make_repository("music"))
    job = make_job(make_repository())

    assert queue.decide().start == []
    BackupJob.objects.filter(repository__name="music").update(host_id="another-host")
    assert queue.decide().start == [job.pk]


def test_a_job_for_which_a_process_was_started_takes_its_slot_and_is_not_started_twice(
    make_repository, make_job, settings
):
    settings.WORKERS = 1
    first, second = make_job(make_repository("one")), make_job(make_repository("two"))

    decision = queue.decide(starting=[first.pk])

    assert decision.start == []
    assert list(decision.waiting) == [second.pk]


def test_a_job_of_a_busy_repository_waits_and_does_not_block_others(make_repository, make_job):
    busy = make_repository("busy")
    running(busy)
    waits, starts = make_job(busy), make_job(make_repository("free"))

    decision = queue.decide()

    assert decision.start == [starts.pk]
    assert decision.waiting == {
        waits.pk: "Waiting for another backup of 'busy' to finish. Nothing has been stopped yet."
    }


def test_only_one_of_two_queued_jobs_of_a_repository_starts(make_repository, make_job):
    repository = make_repository()
    first, second = make_job(repository), make_job(repository)

    decision = queue.decide()

    assert decision.start == [first.pk]
    assert list(decision.waiting) == [second.pk]


def test_two_that_interrupt_the_same_do_not_start_together(make_repository, make_job, attach):
    names = ("one", "two", "three")
    jobs = {}
    for name in names:
        repository = make_repository(name)
        thing = "the shop" if name != "three" else "something else"
        attach(repository, "pre-backup", f"stop {thing}", block(thing))
        jobs[name] = make_job(repository)

    decision = queue.decide()

    assert decision.start == [jobs["one"].pk, jobs["three"].pk]
    assert decision.waiting == {
        jobs["two"].pk: "Waiting for 'one' to finish, which interrupts the shop too. Nothing has been stopped yet."
    }


def test_who_waits_for_a_thing_is_not_overtaken(make_repository, make_job, attach):
    """one interrupts a and runs; two wants a and b and waits; three wants b and came later."""
    running(make_repository("one"), interrupts=["a"])
    two, three = make_repository("two"), make_repository("three")
    for repository, things in ((two, "ab"), (three, "b")):
        for thing in things:
            attach(repository, "pre-backup", f"stop {thing}", block(thing))
    second, third = make_job(two), make_job(three)

    decision = queue.decide()

    assert decision.start == []
    assert "'one'" in decision.waiting[second.pk]
    assert "'two'" in decision.waiting[third.pk]


def test_a_new_backup_waits_until_the_scripts_of_an_old_one_have_run_again(make_repository, make_job):
    repository = make_repository()
    running(repository, status="failure", phase="post-backup")
    job = make_job(repository)

    assert list(queue.decide().waiting) == [job.pk]


def test_what_a_job_waits_for_is_written_down_only_where_it_changed(
    make_repository, make_job, django_assert_num_queries
):
    job = make_job(make_repository())
    queue.tell_waiting({job.pk: "Waiting for rain."})
    job.refresh_from_db()
    assert job.message == "Waiting for rain."

    with django_assert_num_queries(1):
        queue.tell_waiting({job.pk: "Waiting for rain."})


def test_a_job_that_has_begun_meanwhile_keeps_its_message(make_repository):
    job = running(make_repository(), message="It runs.")

    queue.tell_waiting({job.pk: "Waiting for rain."})

    job.refresh_from_db()
    assert job.message == "It runs."


def test_deciding_takes_the_same_queries_for_one_job_and_for_fifty(
    make_repository, make_job, attach, django_assert_num_queries, django_assert_max_num_queries
):
    for number in range(50):
        repository = make_repository(f"number {number}")
        attach(repository, "pre-backup", "stop", block("the shop"))
        make_job(repository)

    with django_assert_max_num_queries(5):
        queue.decide()


# --- with real processes ----------------------------------------------------------------------------------------------
def test_six_jobs_never_run_three_at_once_and_begin_in_order(
    transactional_db, make_repository, make_job, attach, launcher, journal, settings, monkeypatch
):
    settings.WORKERS = 2
    monkeypatch.setenv("BORGUI_WORKERS", "2")
    jobs = []
    for number in range(6):
        repository = make_repository(f"number {number}")
        pair = number // 2 * 2 + 2  # each waits until the other of its pair has begun
        together = f'until [ "$(grep -c begin {journal.path})" -ge {pair} ]; do sleep 0.05; done\nsleep 0.3'
        body = f"{journal.note('begin $REPOSITORY_NAME')}\n{together}\n{journal.note('end')}\nexit 75"
        attach(repository, "pre-backup", "slow", body, timeout=60)
        jobs.append(make_job(repository))

    wait_for_all(launcher, jobs)

    depth = deepest = 0
    for word in journal.words:
        depth += 1 if word.startswith("begin") else -1
        deepest = max(deepest, depth)
    assert deepest == 2
    begun = [int(word.split()[-1]) for word in journal.words if word.startswith("begin")]
    assert sorted(begun) == list(range(6))
    assert all(abs(place - number) <= 1 for place, number in enumerate(begun)), "two at a time, in order"
    assert set(BackupJob.objects.values_list("status", flat=True)) == {"skipped"}


def test_two_that_interrupt_the_same_never_overlap(
    transactional_db, make_repository, make_job, attach, launcher, journal
):
    jobs = []
    for name in ("one", "two", "three"):
        repository = make_repository(name)
        attach(
            repository, "pre-backup", "stop the shop", f"{block('the shop')}{journal.note('down')}\nsleep 0.2\nexit 75"
        )
        attach(repository, "post-backup", "start the shop", f"{block('the shop')}{journal.note('up')}", run_on="always")
        jobs.append(make_job(repository))

    wait_for_all(launcher, jobs)

    assert journal.words == ["down", "up"] * 3


# --- asking to stop ---------------------------------------------------------------------------------------------------
def test_a_queued_job_is_cancelled_at_once_and_nothing_runs(make_repository, make_job, attach):
    repository = make_repository()
    attach(repository, "post-backup", "start", run_on="always")
    job = queue.request_cancel(make_job(repository))

    assert (job.status, job.outcome, job.data, job.services) == ("cancelled", "cancelled", "none", "untouched")
    assert job.completed_at is not None
    assert "before it began" in job.message
    assert statuses(job) == {}


@pytest.mark.parametrize("phase", ["pre-backup", "backup"])
def test_a_running_job_is_asked_and_goes_on_to_its_own_end(make_repository, phase):
    job = queue.request_cancel(running(make_repository(), phase=phase))

    assert (job.status, job.cancel_requested_at is not None) == ("running", True)


def test_maintenance_can_be_cancelled(make_repository):
    job = queue.request_cancel(running(make_repository(), phase="maintenance", outcome="success"))

    assert job.cancel_requested_at is not None


def test_the_post_backup_chain_cannot_be_cancelled(make_repository):
    job = running(make_repository(), phase="post-backup", outcome="success")

    with pytest.raises(queue.TooLate, match="bring services back"):
        queue.request_cancel(job)

    job.refresh_from_db()
    assert job.cancel_requested_at is None


@pytest.mark.parametrize("status", ["success", "warning", "failure", "skipped", "cancelled"])
def test_what_is_over_cannot_be_cancelled(make_repository, status):
    with pytest.raises(queue.TooLate, match=f"over already \\({status}\\)"):
        queue.request_cancel(running(make_repository(), status=status, phase=""))


@pytest.mark.parametrize(
    ("status", "words"), [("planned", "has not started yet"), ("succeeded", "is over already \\(succeeded\\)")]
)
def test_only_a_script_that_runs_can_be_stopped(make_repository, status, words):
    job = running(make_repository())
    row = job.executions.create(
        script_name="slow", hook_type="post-backup", status=status, timeout=1, triggered_by="api"
    )

    with pytest.raises(queue.TooLate, match=words):
        queue.request_execution_cancel(row)


# --- scripts run again ------------------------------------------------------------------------------------------------
def finished(repository: Repository, **fields) -> BackupJob:
    return running(repository, **{"status": "failure", "outcome": "failure", "phase": "", **fields})


def post_row(job: BackupJob, **fields):
    defaults = {"script_name": "start", "hook_type": "post-backup", "run_on": "always", "timeout": 1, "position": 1}
    return job.executions.create(**{**defaults, "triggered_by": "api", "status": "failed", **fields})


def break_promise(job: BackupJob, row) -> None:
    job.broken_promises.create(repository=job.repository, execution_id=row.pk, position=row.position, message="broken")


def test_the_scripts_that_have_not_succeeded_are_planned_again(make_repository):
    job = finished(make_repository())
    break_promise(job, post_row(job))
    post_row(job, script_name="good", position=2, status="succeeded")
    post_row(job, script_name="only after success", position=3, run_on="success", status="not_run")

    job = queue.request_post_backup(job)

    planned = job.executions.get(status="planned")
    assert (planned.script_name, planned.attempt, planned.triggered_by) == ("start", 2, "rerun")
    assert (job.status, job.phase) == ("failure", "post-backup")
    with pytest.raises(queue.TooLate, match="running already"):
        queue.request_post_backup(job)


def test_without_a_broken_promise_there_is_nothing_to_put_right(make_repository):
    job = finished(make_repository())
    post_row(job)

    with pytest.raises(queue.TooLate, match="nothing to put right"):
        queue.request_post_backup(job)


def test_scripts_are_not_run_again_while_another_backup_has_stopped_the_same(make_repository):
    repository = make_repository()
    job = finished(repository)
    break_promise(job, post_row(job))
    running(repository)

    with pytest.raises(queue.TooLate, match="is running that uses the same services"):
        queue.request_post_backup(job)

    job.refresh_from_db()
    assert job.phase == ""
    assert not job.executions.filter(status="planned").exists()
