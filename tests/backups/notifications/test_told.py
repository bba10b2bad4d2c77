"""From a real backup to real receivers: what people read when it failed, when a promise broke, and when all is well again."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from backups import notifications
from backups.models import Notification, Repository, ScheduledJob
from backups.notifications import approvals, sending
from backups.notifications.mail import Encryption, Mail

pytestmark = [pytest.mark.services, pytest.mark.borg, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def heard(make_channel, hook, mailbox):
    """By the web hook and by mail: the same."""
    make_channel("hook", hook.url)
    mail = Mail("127.0.0.1", "borg@example.org", "anna@example.org", mailbox.port, Encryption.NONE)
    make_channel("mail", mail.url())

    def read() -> list[tuple[str, str]]:
        """Title and text of what came since the last time, in order."""
        notifications.look(timezone.now())
        assert sending.run()
        got = [(one.title, one.text) for one in hook.got]
        assert got == [(one.title, one.text) for one in mailbox.got]
        hook.got.clear()
        mailbox.got.clear()
        return got

    return read


def interrupting(repository: Repository, attach, make_script, after: str = "exit 0") -> None:
    """A script before the backup that stops the shop, one after it that starts it again."""
    block = '# /// borgui\n# interrupts = "the shop"\n# ///\n'
    for hook, name, body in (("pre-backup", "Stop the shop", "exit 0"), ("post-backup", "Start the shop", after)):
        make_script(name, block + body, run_on="always")
        attach(repository, hook, name)


def test_a_failure_and_then_it_works_again(repository, make_job, run, heard):
    there = Path(repository.path)
    away = there.rename(there.with_name("away"))
    run(make_job(repository))

    [(title, text)] = heard()
    assert title == "photos: not backed up"
    first = text.splitlines()[0]
    assert first.endswith("No archive was made. There is no good backup yet. Nothing was stopped.")

    away.rename(there)
    run(make_job(repository))

    titles = dict(heard())
    assert list(titles) == ["photos: works again"], "a good backup that ends a bad time is told once"
    assert titles["photos: works again"].startswith("It works again. ")
    run(make_job(repository))
    assert [title for title, _ in heard()] == ["photos: backed up"]


def test_a_failure_before_borg_says_that_nothing_was_written_and_that_the_services_run(
    repository, attach, make_script, make_job, run, heard
):
    interrupting(repository, attach, make_script)
    attach(repository, "pre-backup", "Dump PostgreSQL", "exit 1")
    run(make_job(repository))

    [(_, text)] = heard()

    assert "'Dump PostgreSQL' failed" in text
    assert "Nothing was written to the repository. Services are running again after " in text.splitlines()[0]


def test_a_broken_promise_says_first_that_services_may_be_stopped(
    repository, attach, make_script, make_job, run, heard
):
    interrupting(repository, attach, make_script, after="echo port 443 is already in use >&2; exit 1")
    job = run(make_job(repository))

    [(title, text)] = heard()

    assert title == "photos: services may still be stopped"
    assert text.startswith("Services may still be stopped. 'Start the shop' failed, last at ")
    assert text.endswith("Your data was saved.")
    assert Notification.objects.get(job=job, event="broken_promise").signature.startswith("broken_promise:")


def test_a_message_of_a_script(repository, attach, make_job, run, heard):
    attach(repository, "post-backup", "Tell", 'printf "Disk\\nnearly full" > "$NOTIFY_FILE"', run_on="always")
    run(make_job(repository))

    told = dict(heard())

    assert told["Disk"] == "nearly full\n\n(Written by a script of the backup of 'photos'.)"
    assert "photos: backed up" in told


def test_a_restart_during_a_backup(repository, attach, make_job, run, heard):
    attach(repository, "post-backup", "after", run_on="always")
    job = make_job(repository)
    type(job).objects.update(claim=1)
    run(job)
    Notification.objects.all().delete()
    Notification.objects.create(
        event="recovered",
        repository=repository,
        job=job,
        title="photos: not backed up (picked up after an interruption)",
        text="The server restarted during this backup (02:31). No archive was made. Services are running again.",
    )

    [(title, text)] = heard()

    assert title == "photos: not backed up (picked up after an interruption)"
    assert text.startswith("The server restarted during this backup (02:31). No archive was made. Services are running")


def test_overdue_with_the_worker_started_late_and_then_a_good_backup(repository, make_job, run, heard):
    long_ago = timezone.now() - timedelta(days=9)
    nightly = ScheduledJob.objects.create(
        name="nightly", cron_expression="17 2 * * *", timezone="UTC", created_at=long_ago
    )
    nightly.members.create(repository=repository, position=1)
    Repository.objects.update(last_good_at=long_ago, created_at=long_ago)

    assert [title for title, _ in heard()] == ["photos: overdue"]
    assert heard() == []
    run(make_job(repository))

    assert [title for title, _ in heard()] == ["photos: works again"]


def test_a_receiver_that_is_gone_delays_and_fails_no_backup(repository, make_job, run, make_channel, hook):
    hook.answer = "hang"
    make_channel(url=hook.url)

    job = run(make_job(repository))

    assert job.status == "success"
    assert hook.tried == 0, "sending is the work of another process"


def test_the_worker_tells_when_a_backup_has_ended(repository, make_job, make_channel, hook, processes):
    make_channel(url=hook.url)
    Path(repository.path).rename(f"{repository.path}-away")
    make_job(repository)

    processes.worker()
    processes.until(lambda: hook.titles)

    assert hook.titles == ["photos: not backed up"]


def test_an_outside_edit_is_told_once_for_each_change(make_script, make_repository, attach, heard, settings):
    script = make_script("Stop the shop")
    attach(make_repository(), "pre-backup", "Stop the shop")
    type(script).objects.update(unseen_edit=True)

    [(title, text)] = heard()
    assert heard() == []

    assert title == "Stop the shop: changed outside its page"
    assert text.endswith("The new version runs with the next backups of 1 repository.")
    type(script).objects.update(sha256="0" * 64)
    assert len(heard()) == 1


def test_what_waits_for_approval_is_told_once_for_each_version_and_not_at_every_save(
    make_script, make_repository, attach, heard, settings, monkeypatch
):
    script = make_script("Stop the shop")
    attach(make_repository(), "pre-backup", "Stop the shop")
    assert heard() == [], "four eyes is off"
    settings.FOUR_EYES = True
    assert heard() == [], "somebody may still be writing it"
    script.revisions.update(created_at=timezone.now() - approvals.SETTLED)

    [(title, text)] = heard()
    assert heard() == []

    assert title == "Stop the shop: waits for approval"
    assert "Nobody else can" in text
    assert text.endswith("It was never approved, so the next backups of 1 repository fail.")
    type(script).objects.update(approved_sha256=script.sha256)
    assert heard() == []
    type(script).objects.update(approved_sha256="0" * 64)
    Notification.objects.all().delete()
    assert heard()[0][1].endswith("Until then the approved version runs with the backups of 1 repository.")
