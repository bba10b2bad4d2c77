"""Repositories made, connected, changed and deleted through the API, with the real borg."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from backups import borg, repositories, target
from backups.models import BackupJob, Repository
from scripts_library.models import RepositoryScript, Script
from tests.rest import Rest, fields_of

pytestmark = [pytest.mark.django_db, pytest.mark.borg]

PASSPHRASE = "correct horse battery"


@pytest.fixture
def api() -> Rest:
    return Rest()


@pytest.fixture
def fields(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "letter").write_text("dear all")
    return {
        "name": "photos",
        "path": str(tmp_path / "repository"),
        "source_paths": [str(tmp_path / "source")],
        "passphrase": PASSPHRASE,
    }


def made_outside(path: Path, encryption: str, passphrase: str = PASSPHRASE) -> None:
    """A repository that somebody made without us."""
    place = target.of(Repository(path=str(path), passphrase=passphrase, encryption=encryption))
    assert borg.init(borg.find(settings.BORG), place, encryption).ok


# --- made -------------------------------------------------------------------------------------------------------------
def test_a_new_repository_is_made_by_borg_and_has_the_defaults(api: Rest, fields: dict[str, Any]) -> None:
    response = api.post("/repositories", fields)
    body = response.json()
    assert response.status_code == 201, body
    assert (Path(fields["path"]) / "config").exists()
    expected = {
        "encryption": "repokey-blake2",
        "compression": "lz4",
        "archive_name_template": "{name}-{now}",
        "keep_daily": 7,
        "keep_weekly": 4,
        "keep_monthly": 6,
        "keep_yearly": 1,
        "prune_after": True,
        "compact_after": True,
        "one_file_system": False,
        "exclude_patterns": [],
        "backup_timeout": None,
        "max_downtime": None,
        "remote_path": None,
        "lock_wait": None,
        "check_every_days": None,
        "keep_within": None,
    }
    assert expected.items() <= body.items()
    assert "passphrase" not in body
    assert PASSPHRASE not in response.content.decode()


def test_the_stored_passphrase_is_encrypted_and_opens_the_repository(api: Rest, fields: dict[str, Any]) -> None:
    pk = api.post("/repositories", fields).json()["id"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT passphrase FROM repositories WHERE id = %s", [pk])
        assert PASSPHRASE not in cursor.fetchone()[0]
    assert api.get(f"/repositories/{pk}/archives").json() == {"count": 0, "items": []}


@pytest.mark.parametrize("encryption", ["none", "keyfile", "authenticated"])
def test_every_kind_of_encryption_is_made(api: Rest, fields: dict[str, Any], encryption: str) -> None:
    response = api.post("/repositories", {**fields, "encryption": encryption})
    assert (response.status_code, response.json()["encryption"]) == (201, encryption)
    assert api.get(f"/repositories/{response.json()['id']}/archives").status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"passphrase": None}, "passphrase"),
        ({"passphrase": ""}, "passphrase"),
        ({"passphrase": "abc"}, "passphrase"),
        ({"path": "relative/place"}, "path"),
        ({"path": ""}, "path"),
        ({"path": None}, "path"),
        ({"path": "/nowhere/at/all/repository"}, "path"),
        ({"source_paths": []}, "source_paths"),
        ({"source_paths": ["home"]}, "source_paths"),
        ({"source_paths": "/home"}, "source_paths"),
        ({"source_paths": [3]}, "source_paths"),
        ({"source_paths": ["/a\nb"]}, "source_paths"),
        ({"encryption": "rot13"}, "encryption"),
        ({"compression": "zip"}, "compression"),
        ({"compression": "zstd,99"}, "compression"),
        ({"archive_name_template": "same"}, "archive_name_template"),
        ({"archive_name_template": "{now}-{hostname}"}, "archive_name_template"),
        ({"name": "x" * 101}, "name"),
        ({"name": " "}, "name"),
        ({"name": 5}, "name"),
        ({"lock_wait": -1}, "lock_wait"),
        ({"backup_timeout": 0}, "backup_timeout"),
        ({"upload_rate_limit": "fast"}, "upload_rate_limit"),
        ({"init": "yes"}, "init"),
        ({"compresion": "lz4"}, "compresion"),
    ],
)
def test_what_cannot_be_is_422_with_its_field_and_leaves_nothing(
    api: Rest, fields: dict[str, Any], change: dict[str, Any], field: str
) -> None:
    response = api.post("/repositories", {**fields, **change})
    assert response.status_code == 422, response.json()
    assert fields_of(response) == [field]
    assert not Repository.objects.exists()
    assert not Path(fields["path"]).exists()


def test_a_folder_that_holds_something_else_is_left_alone(api: Rest, fields: dict[str, Any]) -> None:
    place = Path(fields["path"])
    place.mkdir()
    (place / "diary").write_text("mine")
    response = api.post("/repositories", fields)
    assert (response.status_code, fields_of(response)) == (422, ["path"])
    assert (place / "diary").read_text() == "mine"


def test_a_repository_that_is_there_is_not_made_again(api: Rest, fields: dict[str, Any]) -> None:
    made_outside(Path(fields["path"]), "repokey")
    response = api.post("/repositories", fields)
    assert (response.status_code, fields_of(response)) == (422, ["path"])
    assert (Path(fields["path"]) / "config").exists()


def test_a_name_and_a_place_that_are_taken_are_409(api: Rest, fields: dict[str, Any], tmp_path: Path) -> None:
    api.post("/repositories", fields)
    same_name = api.post("/repositories", {**fields, "path": str(tmp_path / "another")})
    assert (same_name.status_code, fields_of(same_name)) == (409, ["name"])
    assert not (tmp_path / "another").exists()
    same_place = api.post("/repositories", {**fields, "name": "other", "path": f"{fields['path']}/../repository/"})
    assert (same_place.status_code, fields_of(same_place)) == (409, ["path"])


def test_a_source_that_is_not_there_yet_is_accepted(api: Rest, fields: dict[str, Any]) -> None:
    assert api.post("/repositories", {**fields, "source_paths": ["/not/mounted/yet"]}).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_of_two_with_the_same_name_at_once_one_wins_and_the_other_leaves_nothing(
    fields: dict[str, Any], tmp_path: Path
) -> None:
    outcomes: list[str] = []

    def create(number: int) -> None:
        try:
            repositories.create({**fields, "path": str(tmp_path / f"place{number}")})
            outcomes.append("made")
        except repositories.Conflict as conflict:
            outcomes.append(conflict.field)
        finally:
            connection.close()

    threads = [threading.Thread(target=create, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "name"]
    assert [str(path) for path in tmp_path.glob("place*")] == [Repository.objects.get().path]


# --- connected --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("encryption", ["repokey", "repokey-blake2", "authenticated-blake2"])
def test_connecting_learns_how_the_repository_is_encrypted(api: Rest, fields: dict[str, Any], encryption: str) -> None:
    made_outside(Path(fields["path"]), encryption)
    response = api.post("/repositories", {**fields, "init": False})
    assert response.status_code == 201, response.json()
    assert (response.json()["encryption"], response.json()["connected"]) == (encryption, True)


def test_connecting_with_a_wrong_passphrase_or_none_is_422_for_the_passphrase(
    api: Rest, fields: dict[str, Any]
) -> None:
    made_outside(Path(fields["path"]), "repokey-blake2")
    for passphrase in ("something else", None):
        response = api.post("/repositories", {**fields, "init": False, "passphrase": passphrase})
        assert (response.status_code, fields_of(response)) == (422, ["passphrase"])
    assert not Repository.objects.exists()


def test_connecting_to_nothing_is_422_for_the_path(api: Rest, fields: dict[str, Any]) -> None:
    response = api.post("/repositories", {**fields, "init": False})
    assert (response.status_code, fields_of(response)) == (422, ["path"])
    Path(fields["path"]).mkdir()
    response = api.post("/repositories", {**fields, "init": False})
    assert (response.status_code, fields_of(response)) == (422, ["path"])


def test_an_unencrypted_repository_is_connected_only_where_that_was_said(api: Rest, fields: dict[str, Any]) -> None:
    made_outside(Path(fields["path"]), "none", passphrase="")
    response = api.post("/repositories", {**fields, "init": False})
    assert (response.status_code, fields_of(response)) == (422, ["encryption"])
    said = {**fields, "init": False, "encryption": "none", "passphrase": None}
    assert api.post("/repositories", said).status_code == 201


# --- changed ----------------------------------------------------------------------------------------------------------
def test_an_absent_field_stays_and_null_sets_the_default(api: Rest, fields: dict[str, Any]) -> None:
    made = api.post("/repositories", {**fields, "compression": "zstd,3", "lock_wait": 7, "keep_daily": 30}).json()
    path = f"/repositories/{made['id']}"
    assert api.put(path, {}).json() == made
    changed = api.put(path, {"lock_wait": None, "keep_daily": None, "exclude_patterns": ["*.tmp"]}).json()
    assert (changed["lock_wait"], changed["keep_daily"], changed["compression"]) == (None, 7, "zstd,3")
    assert changed["exclude_patterns"] == ["*.tmp"]
    for needed in ("name", "path", "source_paths", "passphrase"):
        response = api.put(path, {needed: None})
        assert (response.status_code, fields_of(response)) == (422, [needed])


def test_a_new_passphrase_is_tried_before_it_is_kept(api: Rest, fields: dict[str, Any]) -> None:
    path = f"/repositories/{api.post('/repositories', fields).json()['id']}"
    refused = api.put(path, {"passphrase": "something else"})
    assert (refused.status_code, fields_of(refused)) == (422, ["passphrase"])
    assert api.get(f"{path}/archives").status_code == 200
    assert api.put(path, {"passphrase": PASSPHRASE}).status_code == 200
    assert api.put(path, {"passphrase": ""}).status_code == 200
    assert api.get(f"{path}/archives").status_code == 200


def test_a_repository_that_moved_is_found_at_its_new_place(api: Rest, fields: dict[str, Any], tmp_path: Path) -> None:
    path = f"/repositories/{api.post('/repositories', fields).json()['id']}"
    refused = api.put(path, {"path": str(tmp_path / "moved")})
    assert (refused.status_code, fields_of(refused)) == (422, ["path"])
    Path(fields["path"]).rename(tmp_path / "moved")
    assert api.put(path, {"path": str(tmp_path / "moved")}).status_code == 200
    assert api.get(f"{path}/archives").status_code == 200


def test_the_encryption_cannot_be_changed(api: Rest, fields: dict[str, Any]) -> None:
    path = f"/repositories/{api.post('/repositories', fields).json()['id']}"
    response = api.put(path, {"encryption": "keyfile"})
    assert (response.status_code, fields_of(response)) == (422, ["encryption"])
    assert api.put(path, {"encryption": "repokey-blake2"}).status_code == 200


def test_a_passphrase_that_no_longer_decrypts_says_what_to_do(api: Rest, fields: dict[str, Any]) -> None:
    pk = api.post("/repositories", fields).json()["id"]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE repositories SET passphrase = 'gAAAAAnonsense' WHERE id = %s", [pk])
    response = api.get(f"/repositories/{pk}/archives")
    assert response.status_code == 409
    assert "enter it again" in response.json()["detail"]
    assert api.put(f"/repositories/{pk}", {"passphrase": PASSPHRASE}).status_code == 200
    assert api.get(f"/repositories/{pk}/archives").status_code == 200


# --- deleted ----------------------------------------------------------------------------------------------------------
def test_deleting_forgets_the_repository_and_never_touches_it(api: Rest, fields: dict[str, Any]) -> None:
    pk = api.post("/repositories", fields).json()["id"]
    script = api.post("/scripts", {"name": "s", "content": "true\n"}).json()
    api.post(f"/repositories/{pk}/scripts", {"script_id": script["id"], "hook_type": "pre-backup"})
    job = BackupJob.objects.create(repository_id=pk, triggered_by="api")
    refused = api.delete(f"/repositories/{pk}")
    assert refused.status_code == 409
    job.status = "success"
    job.save()
    assert api.delete(f"/repositories/{pk}").status_code == 204
    assert api.get(f"/repositories/{pk}").status_code == 404
    assert api.get("/repositories").json()["count"] == 0
    assert (Path(fields["path"]) / "config").exists()
    assert not RepositoryScript.objects.exists()
    assert Script.objects.count() == 1
    assert api.get(f"/jobs/{job.pk}").status_code == 200
    again = api.post("/repositories", {**fields, "init": False})
    assert again.status_code == 201


# --- archives and the lock --------------------------------------------------------------------------------------------
def test_archives_are_listed_newest_first_with_times_that_have_an_offset(api: Rest, fields: dict[str, Any]) -> None:
    pk = api.post("/repositories", fields).json()["id"]
    repository = Repository.objects.get(pk=pk)
    source = borg.Source(paths=tuple(repository.source_paths))
    for name in ("first", "second", "third"):
        program = borg.find(settings.BORG)
        borg.create(program, target.of(repository), source, name, cwd=settings.DATA_DIR, token=name)
    listed = api.get(f"/repositories/{pk}/archives", page_size=2).json()
    assert listed["count"] == 3
    assert [item["name"] for item in listed["items"]] == ["third", "second"]
    assert listed["items"][0]["time"].endswith(("Z", "+00:00"))
    assert len(listed["items"][0]["id"]) == 64
    assert api.get(f"/repositories/{pk}/archives", search="FIR").json()["count"] == 1


def test_where_borg_cannot_list_the_answer_is_409_with_its_reason(api: Rest, fields: dict[str, Any]) -> None:
    pk = api.post("/repositories", fields).json()["id"]
    Path(fields["path"]).rename(f"{fields['path']}.away")
    response = api.get(f"/repositories/{pk}/archives")
    assert response.status_code == 409
    assert response.json()["detail"]


def test_a_foreign_lock_is_broken_but_not_that_of_a_running_backup(api: Rest, fields: dict[str, Any]) -> None:
    pk = api.post("/repositories", fields).json()["id"]
    lock = Path(fields["path"]) / "lock.exclusive"
    lock.mkdir()
    (lock / "elsewhere@12345.4711-0").touch()
    assert api.get(f"/repositories/{pk}/archives").status_code == 409
    job = BackupJob.objects.create(repository_id=pk, triggered_by="api", status="running")
    assert api.post(f"/repositories/{pk}/break-lock").status_code == 409
    job.delete()
    assert api.post(f"/repositories/{pk}/break-lock").status_code == 200
    assert not lock.exists()
    assert api.get(f"/repositories/{pk}/archives").status_code == 200


def test_without_borg_the_answer_says_so_and_nothing_is_made(api: Rest, fields: dict[str, Any], settings: Any) -> None:
    settings.BORG = "/nowhere/borg"
    response = api.post("/repositories", fields)
    assert response.status_code == 409
    assert "borg" in response.json()["detail"]
    assert not Repository.objects.exists()
