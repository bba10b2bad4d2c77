"""What is kept, what goes, and who has to agree: on a repository with 340 archives of two machines."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from backups import archives, borg, pruning, retention, target
from backups.models import BackupJob, Repository
from scripts_library.errors import Conflict, Invalid
from tests import bulk_archives
from tests.backups import crowd
from tests.backups.borg.conftest import foreign_lock
from tests.rest import Rest, fields_of

pytestmark = pytest.mark.borg


@pytest.fixture(scope="session")
def crowded(tmp_path_factory: pytest.TempPathFactory, empty_repository: Path, real_borg: str) -> Path:
    path = tmp_path_factory.mktemp("crowd") / "repository"
    shutil.copytree(empty_repository, path)
    crowd.fill(real_borg, path)
    return path


@pytest.fixture
def web(transactional_db: None, make_repository: Callable[..., Repository], crowded: Path) -> Repository:
    """One of the two machines, connected."""
    row = make_repository("web", connected=True)
    shutil.copytree(crowded, row.path)
    return row


@pytest.fixture
def api(db: None) -> Rest:
    return Rest()


def listed(repository: Repository) -> set[str]:
    return {archive.name for archive in archives.newest_first(repository)}


def of(machine: str) -> set[str]:
    return {name for name, _ in crowd.names(machine)}


def confirmed(repository: Repository) -> retention.Preview:
    """What was shown and agreed to."""
    shown = retention.preview(repository)
    retention.confirm(repository, shown.fingerprint, timezone.now())
    return shown


# --- the preview ------------------------------------------------------------------------------------------------------
def test_the_preview_counts_names_the_oldest_and_says_why_each_one_stays(web: Repository) -> None:
    found = retention.preview(web)

    assert found.sentence == "Would delete 153 of 340 archives, the oldest from 2026-06-05."
    assert {archive.name for archive in found.others} == of("web-2")
    assert {archive.name for archive in found.pruned} | {kept.archive.name for kept in found.kept} == of("web")
    assert [kept.reason for kept in found.kept][::6] == [
        "the newest of its day, 1 of 7",
        "the newest of its day, 7 of 7",
        "the newest of its month, 2 of 6",
    ]
    assert found.kept[-1].reason == "the oldest of all, as long as there are fewer than 6 months"
    assert listed(web) == of("web") | of("web-2")


def test_numbers_that_are_not_saved_can_be_tried_out(web: Repository) -> None:
    web.keep_daily, web.keep_weekly, web.keep_monthly, web.keep_yearly = 3, 0, 0, 0

    assert len(retention.preview(web).pruned) == 167
    web.refresh_from_db()
    assert web.keep_daily == 7


def test_where_nothing_would_be_kept_there_is_no_preview(web: Repository) -> None:
    web.keep_daily = web.keep_weekly = web.keep_monthly = web.keep_yearly = 0

    with pytest.raises(Invalid, match="delete everything"):
        retention.preview(web)


def test_a_lock_of_somebody_else_is_named(web: Repository) -> None:
    foreign_lock(Path(web.path))

    with pytest.raises(Conflict, match="host nas"):
        retention.preview(web)


def test_if_borg_would_look_at_other_archives_than_we_mean_nothing_is_shown(
    web: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention.archive_names, "glob", lambda repository: "web-*")

    with pytest.raises(Conflict, match="340 archives, and 170 are this repository's own"):
        retention.preview(web)


# --- pruning ----------------------------------------------------------------------------------------------------------
def test_what_was_shown_is_what_goes_and_the_other_machine_keeps_everything(web: Repository) -> None:
    shown = confirmed(web)
    Repository.objects.update(prune_after=True)

    assert pruning.step(BackupJob(repository=web)) == {"pruned": 153}
    assert listed(web) == (of("web") | of("web-2")) - {archive.name for archive in shown.pruned}


def test_nothing_is_pruned_unasked_also_where_a_schedule_asks_for_it(web: Repository, make_job: Any, run: Any) -> None:
    job = run(make_job(web, asked_maintenance={"prune": True}))

    assert (job.status, job.maintenance_message) == ("success", "")
    assert "nobody has confirmed yet what would be deleted" in job.message
    assert listed(web) == of("web") | of("web-2") | {job.archive_name}


def test_after_the_confirmation_a_backup_is_followed_by_pruning_and_the_page_can_say_so(
    web: Repository, make_job: Any, run: Any
) -> None:
    confirmed(web)
    Repository.objects.update(prune_after=True, compact_after=True)

    job = run(make_job(web))

    assert (job.status, job.message) == ("success", "Backed up.")
    assert job.maintenance["pruned"] == 153 + 1, "the new archive makes one more than enough"
    assert job.maintenance["freed"] > 0
    assert of("web-2") | {job.archive_name} <= listed(web)
    log = (django_settings.LOGS_DIR / "jobs" / f"{job.pk}-prune.log").read_text()
    assert "Pruning archive (1/154)" in log


def test_after_a_new_name_the_archives_of_the_old_one_stay(web: Repository) -> None:
    Repository.objects.update(name="www", connected=False, prune_after=True, keep_daily=1)

    assert pruning.step(BackupJob(repository=web)) == {"pruned": 0}
    assert listed(web) == of("web") | of("web-2")


def test_what_is_switched_off_during_the_backup_is_not_done(web: Repository) -> None:
    Repository.objects.update(connected=False, prune_after=True)
    job = BackupJob(repository=Repository.objects.get())
    Repository.objects.update(prune_after=False)

    assert "switched off" in pruning.step(job)["remark"]


def test_the_archive_that_was_just_made_never_goes(web: Repository) -> None:
    Repository.objects.update(connected=False, prune_after=True)

    with pytest.raises(pruning.Failed, match="just made"):
        pruning.step(BackupJob(repository=web, archive_name=crowd.names("web")[1][0]))
    assert listed(web) == of("web") | of("web-2")


def test_a_lock_of_somebody_else_makes_the_backup_a_warning(web: Repository) -> None:
    Repository.objects.update(connected=False, prune_after=True)
    foreign_lock(Path(web.path))

    with pytest.raises(pruning.Failed, match="host nas"):
        pruning.step(BackupJob(repository=web))


def test_all_that_is_young_enough_is_kept(
    repository: Repository, make_job: Any, run: Any, real_borg: str, tmp_path: Path
) -> None:
    stamps = [timezone.now() - timedelta(hours=hours) for hours in (1, 30, 47, 49, 500)]
    named = [(f"photos-{stamp:%Y-%m-%dT%H:%M:%S}", stamp) for stamp in stamps]
    bulk_archives.make(real_borg, repository.path, named, tmp_path / "base-of-the-others")
    counts = dict.fromkeys(["keep_daily", "keep_weekly", "keep_monthly", "keep_yearly"], 0)
    Repository.objects.update(prune_after=True, keep_within="2d", **counts)

    job = run(make_job(repository))

    assert job.maintenance == {"pruned": 2}
    assert listed(repository) == {name for name, _ in named[:3]} | {job.archive_name}
    assert {kept.reason for kept in retention.preview(Repository.objects.get()).kept} == {"not older than 2d"}


# --- the rules, by the API --------------------------------------------------------------------------------------------
def test_a_repository_that_was_there_is_not_pruned_before_the_preview_is_confirmed(api: Rest, web: Repository) -> None:
    refused = api.put(f"/repositories/{web.pk}", {"prune_after": True})
    assert (refused.status_code, fields_of(refused)) == (422, ["prune_after"])

    shown = api.post(f"/repositories/{web.pk}/prune-preview").json()
    assert (len(shown["pruned"]), len(shown["kept"]), len(shown["others"]), shown["count"]) == (153, 17, 170, 340)
    wrong = api.post(f"/repositories/{web.pk}/prune-confirm", {"fingerprint": "of something else"})
    assert (wrong.status_code, fields_of(wrong)) == (409, ["fingerprint"])
    assert api.put(f"/repositories/{web.pk}", {"prune_after": True}).status_code == 422

    agreed = api.post(f"/repositories/{web.pk}/prune-confirm", {"fingerprint": shown["fingerprint"]})
    assert agreed.status_code == 200
    assert agreed.json()["prune_confirmed_at"]
    assert api.put(f"/repositories/{web.pk}", {"prune_after": True}).json()["prune_after"] is True
    assert listed(web) == of("web") | of("web-2")


def test_what_has_changed_since_the_preview_was_made_cannot_be_confirmed(web: Repository) -> None:
    shown = retention.preview(web)
    seen = Repository.objects.get()
    Repository.objects.update(keep_daily=1)

    for row in (seen, Repository.objects.get()):
        with pytest.raises(Conflict, match="look again"):
            retention.confirm(row, shown.fingerprint, timezone.now())
    assert Repository.objects.get().prune_confirmed_at is None


@pytest.mark.parametrize(
    "change", [{"keep_daily": 3}, {"keep_within": "2d"}, {"name": "web-2"}, {"archive_name_template": "{now}"}]
)
def test_a_confirmation_ends_with_what_was_confirmed(
    api: Rest, make_repository: Callable[..., Repository], change: dict[str, Any]
) -> None:
    web = make_repository("web", connected=True, prune_after=True, prune_confirmed_at=timezone.now())

    body = api.put(f"/repositories/{web.pk}", change).json()

    assert (body["prune_after"], body["prune_confirmed_at"]) == (False, None)
    assert api.put(f"/repositories/{web.pk}", {"compression": "zstd"}).status_code == 200


def test_a_repository_that_was_made_here_needs_no_confirmation(
    api: Rest, make_repository: Callable[..., Repository]
) -> None:
    made = make_repository("made")

    body = api.put(f"/repositories/{made.pk}", {"prune_after": True, "keep_daily": 3}).json()

    assert (body["prune_after"], body["prune_confirmed_at"], body["connected"]) == (True, None, False)


def test_at_another_place_a_repository_counts_as_one_that_was_there(
    api: Rest, make_repository: Callable[..., Repository], crowded: Path
) -> None:
    made = make_repository("web", prune_after=True)

    body = api.put(f"/repositories/{made.pk}", {"path": str(crowded)}).json()

    assert (body["prune_after"], body["connected"]) == (False, True)


@pytest.mark.parametrize("connected", [True, False])
def test_keeping_nothing_is_refused(api: Rest, make_repository: Callable[..., Repository], connected: bool) -> None:
    row = make_repository("web", connected=connected, prune_after=True, prune_confirmed_at=timezone.now())
    nothing = dict.fromkeys(["keep_daily", "keep_weekly", "keep_monthly", "keep_yearly"], 0)

    refused = api.put(f"/repositories/{row.pk}", {**nothing, "prune_after": True})

    assert (refused.status_code, fields_of(refused)) == (422, ["prune_after"])
    assert "delete everything" in refused.json()["detail"]


def test_nobody_can_write_the_confirmation_itself(api: Rest, make_repository: Callable[..., Repository]) -> None:
    row = make_repository("web", connected=True)

    refused = api.put(f"/repositories/{row.pk}", {"prune_confirmed_at": "2026-11-22T02:17:00Z"})

    assert (refused.status_code, fields_of(refused)) == (422, ["prune_confirmed_at"])


def test_connecting_and_pruning_cannot_be_asked_for_in_one_go(api: Rest, source: Path, crowded: Path) -> None:
    fields = {"name": "web", "path": str(crowded), "source_paths": [str(source)], "encryption": "none", "init": False}

    refused = api.post("/repositories", {**fields, "prune_after": True})
    assert (refused.status_code, fields_of(refused)) == (422, ["prune_after"])
    assert not Repository.objects.exists()

    body = api.post("/repositories", fields).json()
    assert (body["connected"], body["prune_after"], body["compact_after"]) == (True, False, False)


def test_the_target_of_other_calls_stays_in_utc(web: Repository) -> None:
    """Only prune counts days; lists of archives have times without an offset."""
    assert borg.environment(borg.find(django_settings.BORG), target.of(web))["TZ"] == "UTC"
