"""What follows a good backup: compact and check, by the real borg."""

from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from backups import maintenance, queue
from backups.models import BackupJob, Repository

from .conftest import Journal, meanwhile


@pytest.fixture
def verbs(repository, tmp_path, settings, real_borg):
    """Every verb that borg was called with; `fail` makes one of them fail."""
    calls = Journal(tmp_path / "verbs")

    def watch(fail: str = "none", sleep: str = "none") -> Journal:
        program = tmp_path / "watched-borg"
        program.write_text(
            f"#!/bin/sh\n{calls.note('$1')}\n"
            f'[ "$1" != {fail} ] || {{ echo broken >&2; exit 2; }}\n[ "$1" != {sleep} ] || sleep 60\nexec {real_borg} "$@"\n'
        )
        program.chmod(0o755)
        settings.BORG = str(program)
        return calls

    return watch


@pytest.mark.borg
def test_compact_and_check_really_run_after_a_good_backup(repository, make_job, run, verbs):
    calls = verbs()
    Repository.objects.update(compact_after=True, check_every_days=7)

    job = run(make_job(repository))

    assert calls.words == ["--version", "create", "compact", "check"]
    assert (job.status, job.message) == ("success", "Backed up.")
    repository.refresh_from_db()
    assert repository.last_check_at >= job.started_at
    assert (django_settings.LOGS_DIR / "jobs" / f"{job.pk}-check.log").exists()


@pytest.mark.borg
@pytest.mark.parametrize("step", ["compact", "check"])
def test_a_step_that_fails_makes_a_success_a_warning_and_the_archive_stays_good(repository, make_job, run, verbs, step):
    calls = verbs(fail=step)
    Repository.objects.update(compact_after=True, check_every_days=7)

    job = run(make_job(repository))

    assert (job.status, job.outcome, job.data) == ("warning", "success", "good")
    assert f"The archive is good. Afterwards {step} failed" in job.message
    assert calls.words[-1] == step, "the first that fails ends them"
    repository.refresh_from_db()
    assert repository.last_check_at is None


@pytest.mark.borg
def test_a_cancel_stops_the_step_and_the_backup_is_a_warning(repository, make_job, run, verbs):
    calls = verbs(sleep="compact")
    Repository.objects.update(compact_after=True, check_every_days=7)
    job = make_job(repository)

    with meanwhile(lambda: calls.has("compact"), lambda: queue.request_cancel(job)):
        run(job)

    job.refresh_from_db()
    assert (job.status, job.outcome, job.data) == ("warning", "success", "good")
    assert "Afterwards compact was stopped" in job.message
    assert not calls.has("check")


@pytest.mark.borg
@pytest.mark.parametrize("body", ["exit 1", "exit 75"])
def test_there_is_no_maintenance_without_a_backup(repository, attach, make_job, run, verbs, body):
    calls = verbs()
    Repository.objects.update(compact_after=True, check_every_days=7)
    attach(repository, "pre-backup", "no", body)

    job = run(make_job(repository))

    assert job.status in ("failure", "skipped")
    assert not {"create", "compact", "check"} & set(calls.words)
    assert "maintenance" not in [entry["phase"] for entry in job.phases]


@pytest.mark.parametrize(
    ("days", "last", "due"),
    [(None, None, False), (0, None, False), (7, None, True), (7, 6, False), (7, 7, True), (7, 30, True)],
)
def test_when_a_check_is_due(days, last, due):
    ago = timezone.now() - timedelta(days=last) if last is not None else None
    job = BackupJob(repository=Repository(check_every_days=days, last_check_at=ago))

    assert maintenance.steps(job, timezone.now()) == (["check"] if due else [], {})


@pytest.mark.parametrize(
    ("own", "asked", "due"), [(None, 7, True), (30, 7, True), (7, 30, True), (30, None, False), (None, 30, False)]
)
def test_the_more_frequent_check_of_repository_and_schedule_counts(own, asked, due):
    repository = Repository(check_every_days=own, last_check_at=timezone.now() - timedelta(days=10))
    job = BackupJob(repository=repository, asked_maintenance={"check_every_days": asked})

    assert maintenance.steps(job, timezone.now())[0] == (["check"] if due else [])


def test_what_the_schedule_asks_for_is_done_and_pruning_comes_first():
    job = BackupJob(repository=Repository(), asked_maintenance={"prune": True, "compact": True})

    assert maintenance.steps(job, timezone.now()) == (["prune", "compact"], {})


@pytest.mark.parametrize("outcome", ["failure", "skipped", "cancelled"])
def test_maintenance_follows_good_outcomes_only(outcome):
    job = BackupJob(outcome=outcome, repository=Repository(compact_after=True))

    maintenance.run(job, None, None, lambda phase: pytest.fail("it began"))
