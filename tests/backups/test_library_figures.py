"""The four figures of the library: what is counted, and what is not."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from backups import library_figures, status
from backups.models import MaintenanceWindow, ScheduledJob
from scripts_library import assignments
from scripts_library.models import Script

pytestmark = pytest.mark.django_db
NOTHING = {
    "repositories_per_script": None,
    "repositories_with_scripts": None,
    "scripts_from_templates": None,
    "repositories_in_window": None,
}


def schedule(name: str, repositories: list[Any], **fields: Any) -> ScheduledJob:
    made = ScheduledJob.objects.create(name=name, cron_expression="17 2 * * *", timezone="UTC", **fields)
    made.repositories.set(repositories, through_defaults={"position": 1})
    return made


def test_without_anything_there_is_nothing_to_say(data_dir: Any) -> None:
    assert status.overview(datetime.now(UTC))["library"] == NOTHING


def test_a_script_before_and_after_the_same_backup_serves_one_repository(
    make_repository: Callable[..., Any], make_script: Callable[..., Script]
) -> None:
    photos, letters, _, _ = (make_repository(name) for name in ("photos", "letters", "music", "films"))
    shared, unused = make_script("shared"), make_script("unused")
    Script.objects.filter(pk=unused.pk).update(category="template")
    for repository in (photos, letters):
        for hook in ("pre-backup", "post-backup"):
            assignments.assign(repository.pk, shared, hook)

    found = library_figures.figures()

    assert found.repositories_per_script == 1.0  # two repositories, two scripts
    assert found.repositories_with_scripts == 50
    assert found.scripts_from_templates == 50


def test_what_is_switched_off_or_deleted_is_not_counted(
    make_repository: Callable[..., Any], make_script: Callable[..., Script]
) -> None:
    photos, gone = make_repository("photos"), make_repository("gone")
    script = make_script("stop")
    assignments.assign(photos.pk, script, "pre-backup", enabled=False)
    assignments.assign(gone.pk, script, "pre-backup")
    type(gone).objects.filter(pk=gone.pk).update(deleted_at=datetime.now(UTC))

    found = library_figures.figures()

    assert (found.repositories_per_script, found.repositories_with_scripts) == (0.0, 0)


def test_a_repository_is_in_a_window_once_and_only_while_schedule_and_window_are_on(
    make_repository: Callable[..., Any],
) -> None:
    photos, letters, music, _ = (make_repository(name) for name in ("photos", "letters", "music", "films"))
    night = MaintenanceWindow.objects.create(name="Night", cron_expression="0 2 * * *")
    off = MaintenanceWindow.objects.create(name="Off", cron_expression="0 3 * * *", enabled=False)
    schedule("one", [photos], maintenance_window=night)
    schedule("two", [photos], maintenance_window=night)
    schedule("paused", [letters], maintenance_window=night, enabled=False)
    schedule("closed", [music], maintenance_window=off)

    assert library_figures.figures().repositories_in_window == 25
