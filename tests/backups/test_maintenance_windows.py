"""Making, changing, pausing and deleting maintenance windows, and what is backed up inside."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from backups import maintenance_windows as mw
from backups import schedules, window_scripts
from backups.models import MaintenanceWindow, Repository, ScheduledJob, WindowRun
from scripts_library.errors import Conflict, Invalid, Refused
from scripts_library.models import Script, WindowScript

from . import window_scenes

pytestmark = pytest.mark.django_db
NIGHTLY = {"name": "Night", "cron_expression": "17 2 * * *", "timezone": "Europe/Berlin"}


@pytest.fixture
def window(data_dir: Any) -> MaintenanceWindow:
    return mw.create(NIGHTLY)


@pytest.fixture
def photos(make_repository: Callable[..., Repository]) -> Repository:
    return make_repository("photos")


def errors(act: Callable[[], object]) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        act()
    return refused.value.errors


def next_run(window: MaintenanceWindow) -> datetime | None:
    window.refresh_from_db()
    return window.next_run


# --- making and changing ----------------------------------------------------------------------------------------------
def test_a_new_window_has_the_defaults_and_its_next_opening(window: MaintenanceWindow) -> None:
    assert (window.max_parallel, window.max_duration, window.catch_up) == (1, 8 * 3600, 3600)
    found = next_run(window)
    assert found is not None
    assert found > timezone.now()


def test_all_that_is_wrong_is_said_at_once(window: MaintenanceWindow) -> None:
    wrong = {"name": " ", "cron_expression": "61 * * * *", "timezone": "Mars/Base", "max_parallel": 0, "catch_up": -1}
    assert set(errors(lambda: mw.create(wrong))) == {"name", "cron_expression", "timezone", "max_parallel", "catch_up"}
    assert errors(lambda: mw.change(window, {"max_duration": 5})) == {
        "max_duration": "Use a whole number from 60 to 604800."
    }
    with pytest.raises(Conflict) as taken:
        mw.create(NIGHTLY)
    assert taken.value.field == "name"


def test_a_change_of_times_counts_from_now_and_null_sets_the_default_again(window: MaintenanceWindow) -> None:
    before = next_run(window)
    mw.change(window, {"cron_expression": "0  5 * * 1", "max_parallel": 3, "description": "All services"})
    assert next_run(window) != before
    assert window.cron_expression == "0 5 * * 1"
    mw.change(window, {"max_parallel": None, "description": None})
    window.refresh_from_db()
    assert (window.max_parallel, window.description) == (1, "")


def test_a_paused_window_has_no_next_opening_until_it_is_resumed(window: MaintenanceWindow) -> None:
    mw.pause(window)
    assert next_run(window) is None
    mw.resume(window)
    assert next_run(window) is not None


# --- what is backed up inside -----------------------------------------------------------------------------------------
def test_its_jobs_are_one_schedule_without_times_of_its_own(
    window: MaintenanceWindow, photos: Repository, make_repository: Callable[..., Repository]
) -> None:
    mail = make_repository("mail")
    own = mw.set_jobs(window, {"repositories": [photos.pk, mail.pk], "prune_after": True})
    assert (own.name, own.maintenance_window_id, own.next_run, own.prune_after) == ("Night", window.pk, None, True)
    assert schedules.members_of(own) == [photos.pk, mail.pk]
    mw.set_jobs(window, {"repositories": [mail.pk]})
    assert ScheduledJob.objects.count() == 1
    assert schedules.members_of(own) == [mail.pk]


def test_repositories_are_taken_out_of_their_other_schedules_when_somebody_says_so(
    window: MaintenanceWindow, photos: Repository, make_repository: Callable[..., Repository]
) -> None:
    mail = make_repository("mail")
    common = {"cron_expression": "0 3 * * *"}
    alone = schedules.create({"name": "alone", "repositories": [photos.pk], **common})
    both = schedules.create({"name": "both", "repositories": [photos.pk, mail.pk], **common})
    mw.set_jobs(window, {"repositories": [photos.pk]}, only_here=True)
    alone.refresh_from_db()
    assert (alone.enabled, alone.next_run) == (False, None)
    assert schedules.members_of(both) == [mail.pk]


# --- deleting ---------------------------------------------------------------------------------------------------------
def test_a_window_with_jobs_is_deleted_only_with_them(window: MaintenanceWindow, photos: Repository) -> None:
    mw.set_jobs(window, {"repositories": [photos.pk]})
    with pytest.raises(Refused, match="still has scheduled jobs: 'Night'"):
        mw.delete(window)
    window_scenes.closed(window, [photos])
    mw.delete(window, with_jobs=True)
    assert not ScheduledJob.objects.exists()
    assert WindowRun.objects.get().window_name == "Night", "the history stays"


def test_an_open_window_is_not_deleted(window: MaintenanceWindow, photos: Repository) -> None:
    mw.set_jobs(window, {"repositories": [photos.pk]})
    run = window_scenes.Opening(window).run
    with pytest.raises(Refused, match="is open at the moment"):
        mw.delete(window, with_jobs=True)
    assert ScheduledJob.objects.exists()
    run.delete()


# --- its scripts, as whole lists --------------------------------------------------------------------------------------
def test_lists_of_scripts_are_put_whole_and_keep_what_is_not_said(
    window: MaintenanceWindow, make_script: Callable[..., Script]
) -> None:
    stop, dump = make_script("stop"), make_script("dump")
    window_scripts.put(window, {"pre-backup": [{"script_id": stop.pk, "custom_timeout": 60}, {"script_id": dump.pk}]})
    window_scripts.put(window, {"pre-backup": [{"script_id": dump.pk}, {"script_id": stop.pk, "enabled": False}]})
    found = WindowScript.objects.chain(window.pk, "pre-backup")
    assert [(one.script.name, one.custom_timeout, one.enabled) for one in found] == [
        ("dump", None, True),
        ("stop", 60, False),
    ]
    window_scripts.put(window, {"pre-backup": []})
    assert not WindowScript.objects.exists()


def test_a_list_that_cannot_be_kept_changes_nothing(
    window: MaintenanceWindow, make_script: Callable[..., Script]
) -> None:
    stop = make_script("stop")
    window_scripts.put(window, {"pre-backup": [{"script_id": stop.pk}]})
    for wrong, field in (
        ([{"script_id": 999}], "post_scripts"),
        ([{"script_id": stop.pk}, {"script_id": stop.pk}], "post_scripts"),
        ([{"script_id": stop.pk, "custom_timeout": 0}], "post_scripts.0.custom_timeout"),
    ):
        given = {"pre-backup": [], "post-backup": wrong}
        assert list(errors(lambda given=given: window_scripts.put(window, given))) == [field]  # type: ignore[misc]
        assert WindowScript.objects.count() == 1
