"""Windows and single backups that stop the same things, or use the same repository, with one slot: never at once."""

import pytest

from backups import pipeline, queue, windows
from backups.models import BackupJob, WindowRun
from backups.watch import StopRequest
from backups.windows import opening
from tests.backups.conftest import eventually, wait_for_all
from tests.rest import Rest

from .conftest import ALL, block, members_of_night, states


def test_with_one_slot_that_is_taken_a_window_backs_up_all_the_same(
    night, make_repository, attach, journal, launcher, settings, tmp_path
):
    """The only slot belongs to a backup that ends when the window has closed."""
    settings.WORKERS = 1
    other = make_repository("another")
    attach(other, "pre-backup", "wait", f"until grep -q start {journal.path}; do sleep 0.05; done", timeout=60)
    single = queue.enqueue(other, triggered_by="api")
    run = windows.open_now(night)

    wait_for_all(launcher, [single])
    serve_windows(launcher)

    run.refresh_from_db()
    assert (run.status, states(run)) == ("success", ["success"] * 3)
    assert journal.words == ["stop", *ALL, "start success"]
    assert not WindowRun.objects.unfinished().exists()


def test_nothing_that_interrupts_the_same_runs_beside_an_open_window(
    night, make_repository, make_window, attach, attach_to_window, journal, launcher, settings
):
    """One backup before the window, one behind it, and another window, with one slot: each waits, and says for whom."""
    settings.WORKERS = 1
    singles = [make_repository(name) for name in ("first", "last")]
    for one in singles:
        attach(one, "pre-backup", f"stop for {one.name}", block("the shop") + journal.note(f"stop {one.name}"))
        attach(
            one, "post-backup", f"start for {one.name}", block("the shop") + journal.note(f"start {one.name}"),
            run_on="always",
        )  # fmt: skip
    other = make_window("Other", [singles[0]])
    attach_to_window(other, "pre-backup", "other stop", block("the shop") + journal.note("stop other"))
    attach_to_window(other, "post-backup", "other start", block("the shop") + journal.note("start other"))
    work = [
        queue.enqueue(singles[0], triggered_by="api"),
        windows.open_now(night),
        queue.enqueue(singles[1], triggered_by="api"),
        windows.open_now(other),
    ]

    decision = queue.decide()

    assert decision.start == [work[0].pk]
    said = "which interrupts the shop too. Nothing has been stopped yet."
    assert decision.closed[work[1].pk] == f"Waiting for 'first' to finish, {said}"
    assert decision.waiting[work[2].pk] == f"Waiting for 'first' to finish, {said}"
    assert decision.open == []

    wait_for_all(launcher, [one for one in work if isinstance(one, BackupJob)])
    serve_windows(launcher)
    assert journal.words == [
        "stop first", "start first", "stop", *ALL, "start success", "stop last", "start last", "stop other", "start other",
    ]  # fmt: skip


def test_a_backup_by_the_api_behind_a_window_that_waits_lets_it_go_first(
    night, make_repository, attach, journal, launcher, settings, data_dir
):
    """With slots enough: what the window waits for is none of the backup's business, but the window is."""
    settings.WORKERS = 3
    stops = block("the mail") + journal.note("stop $REPOSITORY_NAME")
    mail, shop = make_repository("the mail alone"), make_repository("the shop alone")
    attach(mail, "pre-backup", "stop the mail", stops)
    attach(shop, "pre-backup", "stop the shop", stops.replace("the mail", "the shop"))
    attach(members_of_night()[1], "pre-backup", "stop the mail inside", stops.replace("$REPOSITORY_NAME", "inside"))
    first = queue.enqueue(mail, triggered_by="api")
    run = windows.open_now(night)
    api = Rest()
    answer = api.post(f"/repositories/{shop.pk}/backup")
    assert answer.status_code == 202, answer.content
    behind = BackupJob.objects.get(pk=answer.json()["id"])

    decision = queue.decide()
    queue.tell_waiting(decision.waiting)

    assert (decision.start, decision.open) == ([first.pk], [])
    said = "which interrupts the mail too. Nothing has been stopped yet."
    assert decision.closed[run.pk] == f"Waiting for 'the mail alone' to finish, {said}"
    said = "Waiting for the window 'Night' to close, which interrupts the shop too. Nothing has been stopped yet."
    assert api.get(f"/jobs/{behind.pk}").json()["message"] == said

    wait_for_all(launcher, [first, behind])
    serve_windows(launcher)
    words = [word for word in journal.words if word.startswith(("stop", "start"))]
    assert words == ["stop the mail alone", "stop", "stop inside", "start success", "stop the shop alone"]


CONTAINERS = "# /// borgui\n# interrupts = '${CONTAINERS}'\n# [[parameters]]\n# name = 'CONTAINERS'\n# ///\nexit 75"


@pytest.fixture
def stopping(make_repository, make_window, attach, attach_to_window):
    """stopping("web db"): an opening of a window that stops these; stopping("web", alone=True): a backup that does."""

    def make(names, *, alone=False):
        repository, values = make_repository(f"for {names}"), {"parameters": {"CONTAINERS": names}}
        if alone:
            attach(repository, "pre-backup", "stop", CONTAINERS, **values)
            return queue.enqueue(repository, triggered_by="api")
        window = make_window(f"window for {names}", [repository])
        attach_to_window(window, "pre-backup", f"stop {names}", CONTAINERS, **values)
        return windows.open_now(window)

    return make


def test_who_stops_one_of_several_containers_waits_for_who_stops_it_among_others(stopping):
    first, second, third = stopping("web db"), stopping("cache db"), stopping("mail")
    job = stopping("web", alone=True)

    decision = queue.decide()

    assert (decision.open, decision.start) == ([first.pk, third.pk], [])
    said = "Waiting for the window 'window for web db' to close, which interrupts {} too. Nothing has been stopped yet."
    assert decision.closed == {second.pk: said.format("db")}
    assert decision.waiting == {job.pk: said.format("web")}


def test_the_containers_of_an_open_window_are_asked_for_again_in_the_claim(stopping, here):
    first, second, other = stopping("web db"), stopping("cache db"), stopping("mail")
    job = stopping("web", alone=True)
    opening.run(first.pk, StopRequest())
    WindowRun.objects.filter(pk=first.pk).update(status="running", phase="backup")

    for run in (second, other):
        opening.run(run.pk, StopRequest())
    pipeline.run(job.pk, StopRequest())

    assert dict(WindowRun.objects.values_list("pk", "status")) == {
        first.pk: "running",
        second.pk: "queued",
        other.pk: "skipped",
    }
    job.refresh_from_db()
    assert job.status == "queued"


def test_the_containers_of_a_running_backup_keep_a_window_closed(stopping, here):
    job, run = stopping("web", alone=True), stopping("web db")
    pipeline.run(job.pk, StopRequest())
    BackupJob.objects.filter(pk=job.pk).update(status="running", phase="backup")

    opening.run(run.pk, StopRequest())

    run.refresh_from_db()
    assert run.status == "queued"
    assert queue.decide().closed[run.pk].startswith("Waiting for 'for web' to finish, which interrupts web too.")


def serve_windows(launcher):
    def served():
        if launcher.reap():
            launcher.start_due()
        return not WindowRun.objects.unfinished().exists()

    launcher.start_due()
    eventually(served)


def test_a_backup_waits_for_one_of_its_repository_that_runs_by_itself(night, attach, journal, launcher):
    """Started by hand a moment before: the others are not kept waiting by it."""
    attach(
        members_of_night()[0],
        "pre-backup",
        "wait",
        f"until grep -q 'end shop' {journal.path}; do sleep 0.05; done",
        timeout=60,
    )
    single = queue.enqueue(members_of_night()[0], triggered_by="api")
    launcher.start_due()
    queue_is_running = BackupJob.objects.filter(pk=single.pk, status="running")
    eventually(queue_is_running.exists)
    run = windows.open_now(night)

    serve_windows(launcher)

    run.refresh_from_db()
    assert (run.status, states(run)) == ("success", ["success"] * 3)
    order = [word for word in journal.words if word.startswith("end")]
    assert order == ["end mail success", "end shop data success", "end photos success", "end photos success"]
