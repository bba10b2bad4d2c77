"""A window around three backups with the real borg: what ran, in which order, and what became of it."""

import shutil
from datetime import timedelta

import pytest

from backups import queue, schedules, windows
from backups.models import BackupJob, BrokenPromise, JobStatus, Notification, ScheduledJob, ScheduleRun, WindowRun
from backups.windows import members, opening
from backups.windows.backups import Backups
from scripts_library.errors import Refused
from scripts_library.models import ScriptExecution
from tests.backups.conftest import meanwhile

from .conftest import ALL, NAMES, block, jobs_of, members_of_night, states


def told():
    """(event, whether it is about a window) of everything that is to be told."""
    rows = Notification.objects.order_by("id").values_list("event", "window_run_id")
    return [(event, run is not None) for event, run in rows]


def test_scripts_run_once_around_all_backups(real_night, open_window, journal):
    run = open_window(real_night)

    assert journal.words == ["stop", *ALL, "start success"]
    assert (run.status, run.outcome, run.services, run.phase) == ("success", "success", "up", "")
    assert [(job.repository.name, job.status, job.data, job.triggered_by) for job in jobs_of(run)] == [
        (name, "success", "good", "window") for name in NAMES
    ]
    [down] = windows.downtime_of(run)
    assert (down.name, down.still_down) == ("the shop", False)
    [saved] = windows.saved_by_thing(list(run.executions.all()), jobs_of(run))
    assert (saved.name, saved.down) == ("the shop", down.seconds)
    assert saved.seconds == windows.saved_downtime(run)
    assert told() == [("success", False)] * 3 + [("success", True)]
    assert not ScheduleRun.objects.filter(ended_at=None).exists()
    assert not run.executions.exclude(status="succeeded").exists()


def test_a_backup_that_fails_keeps_neither_the_next_one_nor_the_closing(real_night, open_window, journal):
    shutil.rmtree(members_of_night()[1].path)

    run = open_window(real_night)

    assert journal.words == [word.replace("mail success", "mail failure") for word in ["stop", *ALL, "start failure"]]
    assert (run.status, run.outcome, run.services) == ("failure", "failure", "up")
    assert "Not backed up: 'mail'." in run.message
    assert states(run) == ["success", "failure", "success"]
    # the failure is told by its own backup; the window adds that it was closed
    assert told() == [("success", False), ("failure", False), ("success", False), ("warning", True)]


@pytest.mark.parametrize(
    ("on_failure", "code", "status", "outcome", "events"),
    [
        ("abort", 1, "failure", "failure", [("window_not_opened", True)]),
        ("skip", 1, "skipped", "skipped", [("skipped", True)]),
        ("abort", 75, "skipped", "skipped", [("skipped", True)]),
    ],
)
def test_no_backup_begins_where_a_script_before_them_says_no(
    night, open_window, attach_to_window, journal, on_failure, code, status, outcome, events
):
    attach_to_window(night, "pre-backup", "dump", f"{journal.note('dump')}\nexit {code}", on_failure=on_failure)

    run = open_window(night)

    assert journal.words == ["stop", "dump", f"start {outcome}"]
    assert (run.status, run.services) == (status, "up")
    assert states(run) == [status] * 3
    assert all("'dump'" in job.message and job.started_at is None for job in jobs_of(run))
    assert told() == events
    assert [entry["phase"] for entry in run.phases] == ["pre-backup", "post-backup"]
    assert max(job.completed_at for job in jobs_of(run)) < run.executions.get(script_name="start").started_at


def test_a_script_that_may_fail_makes_the_window_a_warning(night, open_window, attach_to_window, journal):
    attach_to_window(night, "pre-backup", "dump", "exit 1", on_failure="continue")

    run = open_window(night)

    assert journal.words == ["stop", *ALL, "start warning"]
    assert (run.status, run.outcome) == ("warning", "warning")
    assert "'dump' failed" in run.message


def test_a_script_after_the_backups_that_fails_is_a_broken_promise_until_it_ran_well(
    night, open_window, attach_to_window, journal, here, tmp_path
):
    attach_to_window(
        night, "post-backup", "monitor", f"{journal.note('$WINDOW_NAME')}\ntest -e {tmp_path}/up", run_on="always"
    )

    run = open_window(night)

    assert journal.words[-2:] == ["start success", "Night"]
    assert (run.status, run.outcome, run.services) == ("warning", "success", "broken_promise")
    promise = BrokenPromise.objects.get()
    assert (promise.window_run, promise.job, promise.repository, promise.about) == (run, None, None, "Night")
    assert ("broken_promise", True) in told()

    (tmp_path / "up").touch()
    windows.request_post_scripts(run)
    assert here.manage("run_window", str(run.pk), expect=1) == ""

    run.refresh_from_db()
    promise.refresh_from_db()
    assert (run.status, run.services, run.phase) == ("warning", "up", "")
    assert promise.closed_at is not None
    assert journal.words[-3:] == ["start success", "Night", "Night"], "what had succeeded was not run again"
    with pytest.raises(queue.TooLate, match="No promise of this window is broken"):
        windows.request_post_scripts(run)


def test_what_a_window_stops_is_not_stopped_again_by_its_backups(night, open_window, attach, journal):
    for hook in ("pre-backup", "post-backup"):
        attach(members_of_night()[0], hook, "own shop", block("the shop") + journal.note("own"), run_on="always")
    attach(members_of_night()[0], "pre-backup", "window name", journal.note("in $WINDOW_NAME"))

    run = open_window(night)

    assert "own" not in journal.words
    assert "in Night" in journal.words
    held = ScriptExecution.objects.filter(script_name="own shop")
    assert {(row.hook_type, row.status, row.error_message) for row in held} == {
        (hook, "not_run", "Not needed: the shop is stopped by the window 'Night'.")
        for hook in ("pre-backup", "post-backup")
    }
    assert jobs_of(run)[0].services == "untouched"
    assert run.services == "up"


def test_a_cancel_ends_the_backups_and_closes_the_window(real_night, open_window, attach, journal):
    attach(members_of_night()[1], "pre-backup", "slow", f"{journal.note('slow')}\nexec sleep 60")

    def cancel():
        run = WindowRun.objects.get()
        windows.request_cancel(run)

    with meanwhile(lambda: journal.has("slow"), cancel):
        run = open_window(real_night)

    assert journal.words == ["stop", *ALL[:2], "begin mail", "slow", "end mail cancelled", "start cancelled"]
    assert (run.status, run.services) == ("cancelled", "up")
    assert states(run) == ["success", "cancelled", "cancelled"]
    assert jobs_of(run)[2].started_at is None
    assert told() == [("success", False), ("cancelled", False), ("cancelled", True)]
    with pytest.raises(queue.TooLate):
        windows.request_cancel(run)


def test_a_cancel_of_one_backup_is_that_of_no_other(night, open_window, attach, journal):
    attach(members_of_night()[0], "pre-backup", "slow", f"{journal.note('slow')}\nexec sleep 60")

    def cancel():
        for name in ("photos", "shop data"):  # one that runs, one that waits
            queue.request_cancel(BackupJob.objects.get(repository__name=name))

    with meanwhile(lambda: journal.has("slow"), cancel):
        run = open_window(night)

    assert states(run) == ["cancelled", "success", "cancelled"]
    assert journal.words[-1] == "start cancelled"


def test_no_backup_begins_after_the_longest_time(real_night, open_window, journal, monkeypatch):
    class Short(Backups):
        def _find_end(self):
            if any(job.status != JobStatus.QUEUED for job in self.jobs):  # it may be over when it is first looked at
                self.run.max_duration = 0
            super()._find_end()

    monkeypatch.setattr(opening, "Backups", Short)

    run = open_window(real_night)

    assert journal.words == ["stop", *ALL[:2], "start warning"]
    assert states(run) == ["success", "skipped", "skipped"]
    assert "had been open for as long as it may" in jobs_of(run)[1].message
    assert (run.status, run.services) == ("warning", "up")
    assert "2 of 3 backups did not begin." in run.message


def test_two_at_a_time_where_the_window_allows_it(night, open_window, attach, journal, tmp_path):
    for one, other in ((members_of_night()[0], 1), (members_of_night()[1], 0)):
        met = f"touch {tmp_path}/{1 - other}; until [ -e {tmp_path}/{other} ]; do sleep 0.05; done"
        attach(one, "pre-backup", f"meet {one.name}", met, timeout=60)
    night.max_parallel = 2
    night.save()

    run = open_window(night)

    assert states(run) == ["success"] * 3
    assert journal.words[-1] == "start success"


def test_a_window_that_is_open_or_waits_is_not_opened_again(night, here):
    run = windows.open_now(night)

    with pytest.raises(Refused, match="'Night' is about to open already"):
        windows.open_now(night)
    WindowRun.objects.filter(pk=run.pk).update(status="running")
    with pytest.raises(Refused, match="'Night' is open already"):
        windows.open_now(night)


def test_a_window_that_waits_is_cancelled_at_once(night, here, journal):
    run = windows.request_cancel(windows.open_now(night))

    assert (run.status, run.completed_at is None) == ("cancelled", False)
    assert opening.run(run.pk, StopAtNothing()) is None
    assert journal.words == []


class StopAtNothing:
    def __bool__(self):
        return False


def test_a_repository_is_backed_up_once_however_many_scheduled_jobs_name_it(night, here):
    first = ScheduledJob.objects.get(maintenance_window=night)
    schedules.change(first, {"prune_after": True})
    second = {"cron_expression": "0 2 * * *", "timezone": "UTC", "maintenance_window_id": night.pk}
    schedules.create({"name": "again", "repositories": [members_of_night()[1].pk], "check_every_days": 7, **second})
    off = schedules.create({"name": "off", "repositories": [members_of_night()[2].pk], "compact_after": True, **second})
    schedules.pause(off, None)

    run = windows.open_now(night)
    jobs = members.create(run, run.created_at)

    assert [job.repository_id for job in jobs] == [one.pk for one in members_of_night()]
    assert jobs[1].asked_maintenance == {"prune": True, "compact": False, "check_every_days": 7}
    assert jobs[2].asked_maintenance == {"prune": True, "compact": False, "check_every_days": None}
    assert ScheduleRun.objects.get(scheduled_job__name="again").ended_at == run.created_at


def test_an_opening_without_backups_stops_nothing(here, make_window, attach_to_window, journal):
    window = make_window("Empty")
    attach_to_window(window, "pre-backup", "stop", journal.note("stop"))
    run = WindowRun.objects.create(
        window=window, window_name="Empty", due_at=window.created_at + timedelta(hours=1), triggered_by="schedule"
    )

    assert opening.run(run.pk, StopAtNothing()) is None

    run.refresh_from_db()
    assert (run.status, journal.words, told()) == ("skipped", [], [])


def test_a_problem_of_the_plan_keeps_the_window_closed(night, open_window, attach_to_window, journal):
    text = '# /// borgui\n# [[parameters]]\n# name = "CONTAINERS"\n# required = true\n# ///\n'
    attach_to_window(night, "pre-backup", "containers", text)

    run = open_window(night)

    assert journal.words == ["start failure"]
    assert "CONTAINERS" in run.message or "Containers" in run.message
    assert (run.status, states(run), told()) == ("failure", ["failure"] * 3, [("window_not_opened", True)])
