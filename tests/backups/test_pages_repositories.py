"""The pages about repositories, without a browser: what they answer, and what they refuse."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backups import borg, target
from backups.models import BackupJob, Repository
from tests.rest import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

PASSPHRASE = "correct horse battery"


@pytest.fixture
def fields(tmp_path: Path, source: Path) -> dict[str, Any]:
    """What a person enters for a new repository on this machine."""
    return {
        "name": "photos",
        "kind": "local",
        "folder": str(tmp_path / "repository"),
        "source_paths": str(source),
        "passphrase": PASSPHRASE,
        "encryption": "repokey-blake2",
        "compression": "lz4",
        "archive_name_template": "{name}-{now}",
    }


def text_of(response: Any) -> str:
    return str(response.content.decode())


# --- access -----------------------------------------------------------------------------------------------------------
PAGES = ["", "new/", "1/archives/", "1/archives/list/", "1/settings/", "1/delete/", "1/kit/"]


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_asked_to_sign_in(page: str, make_repository: Callable[..., Any]) -> None:
    make_user()
    make_repository(pk=1)
    response = Client(headers={"Host": "localhost"}).get(f"/repositories/{page}")
    assert (response.status_code, response["Location"].split("?")[0]) == (302, "/sign-in/")


@pytest.mark.parametrize(
    "page", ["1/kit/", "1/kit/download/", "1/kit/saved/", "1/delete/", "1/settings/", "sources-seen/", "new/"]
)
def test_a_stranger_changes_nothing_and_learns_nothing(page: str, make_repository: Callable[..., Any]) -> None:
    make_user()
    make_repository(pk=1, passphrase=PASSPHRASE)
    response = Client(headers={"Host": "localhost"}).post(f"/repositories/{page}", {"name": "photos"})
    assert response.status_code == 401
    assert PASSPHRASE not in text_of(response)
    assert Repository.objects.kept().get().kit_saved_at is None


@pytest.mark.parametrize("page", PAGES[2:])
def test_what_is_not_there_is_404(client: Client, page: str) -> None:
    assert client.get(f"/repositories/{page}").status_code == 404


# --- the list ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def make_finished(make_repository: Callable[..., Any]) -> Callable[..., Repository]:
    """A repository with a job that ended so."""

    def make(name: str, status: str = "success", data: str = "good", services: str = "untouched") -> Repository:
        repository, now = make_repository(name), timezone.now()
        BackupJob.objects.create(
            repository=repository, status=status, data=data, services=services, triggered_by="api", completed_at=now
        )
        return repository

    return make


def test_an_empty_list_says_what_a_repository_is(client: Client) -> None:
    assert "No repositories yet. A repository is where borg keeps your archives" in text_of(
        client.get("/repositories/")
    )


def test_those_that_need_somebody_come_first(client: Client, make_finished: Callable[..., Repository]) -> None:
    make_finished("all well")
    make_finished("with warnings", "warning", "good_with_warnings")
    make_finished("failed", "failure", "none")
    make_finished("zz still stopped", "success", "good", "interrupted")
    page = client.get("/repositories/")
    assert [row.entry.repository.name for row in page.context["rows"]] == [
        "zz still stopped",
        "failed",
        "with warnings",
        "all well",
    ]
    assert page.context["attention"] == 2
    assert "<title>2 of 4 need you" in text_of(page)


def test_the_list_is_searched_and_filtered(client: Client, make_finished: Callable[..., Repository]) -> None:
    make_finished("photos")
    make_finished("letters", "failure", "none")
    assert shown(client, search="PHOTO") == ["photos"]
    assert shown(client, search="repos/letters") == ["letters"]
    assert shown(client, show="attention") == ["letters"]
    assert shown(client, show="attention", search="photo") == []
    assert shown(client, show="nonsense") == ["letters", "photos"]


def shown(client: Client, **query: str) -> list[str]:
    return [row.entry.repository.name for row in client.get("/repositories/", query).context["rows"]]


def test_a_piece_of_the_list_is_no_page(client: Client, make_finished: Callable[..., Repository]) -> None:
    make_finished("photos")
    piece = text_of(client.get("/repositories/", headers={"HX-Request": "true"}))
    assert 'id="repository-rows"' in piece
    assert "<html" not in piece


def test_the_number_of_queries_does_not_grow_with_the_list(
    client: Client, make_finished: Callable[..., Repository]
) -> None:
    make_finished("first")
    with CaptureQueriesContext(
        database,
    ) as of_one:
        client.get("/repositories/")
    for number in range(49):
        make_finished(f"number {number}")
    with CaptureQueriesContext(database) as of_fifty:
        assert len(client.get("/repositories/").context["rows"]) == 50
    assert len(of_fifty) == len(of_one)


def test_a_long_list_has_pages_that_keep_what_was_looked_for(
    client: Client, make_repository: Callable[..., Any]
) -> None:
    for number in range(51):
        make_repository(f"disk {number}")
    first = client.get("/repositories/", {"search": "disk"})
    assert len(first.context["rows"]) == 50
    assert "?search=disk&amp;page=2" in text_of(first)
    assert len(client.get("/repositories/", {"search": "disk", "page": "2"}).context["rows"]) == 1


# --- a new one --------------------------------------------------------------------------------------------------------
def test_every_visit_has_another_passphrase_and_shows_our_key(client: Client) -> None:
    first, second = client.get("/repositories/new/"), client.get("/repositories/new/")
    passphrases = {page.context["form"]["passphrase"].value() for page in (first, second)}
    assert len(passphrases) == 2
    assert min(map(len, passphrases)) >= 30
    assert "ssh-ed25519 " in text_of(first)
    assert first["Cache-Control"].count("no-store") == 1


def test_a_new_repository_is_made_and_backed_up(client: Client, fields: dict[str, Any]) -> None:
    response = client.post("/repositories/new/", fields)
    repository, job = Repository.objects.get(), BackupJob.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/jobs/{job.pk}/")
    assert (job.repository, job.triggered_by, job.status) == (repository, "manual", "queued")
    assert (repository.passphrase, repository.connected) == (PASSPHRASE, False)
    assert (Path(fields["folder"]) / "config").exists()


def test_where_a_repository_is_already_it_is_connected_to(client: Client, fields: dict[str, Any]) -> None:
    made_outside(fields["folder"])
    response = client.post("/repositories/new/", fields)
    assert response.status_code == 302
    repository = Repository.objects.get()
    assert (repository.connected, repository.encryption) == (True, "repokey")


def made_outside(path: str, encryption: str = "repokey") -> None:
    place = target.of(Repository(path=path, passphrase=PASSPHRASE, encryption=encryption))
    assert borg.init(borg.find(""), place, encryption).ok


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a::b"}, "name"),
        ({"folder": "relative"}, "folder"),
        ({"folder": ""}, "folder"),
        ({"source_paths": ""}, "source_paths"),
        ({"source_paths": "relative"}, "source_paths"),
        ({"passphrase": ""}, "passphrase"),
        ({"passphrase": "abc"}, "passphrase"),
        ({"encryption": "none"}, "unencrypted"),
        ({"kind": "ssh", "host": ""}, "host"),
        ({"kind": "ssh", "host": "-oProxyCommand=x"}, "host"),
        ({"kind": "ssh", "host": "nas", "user": "-x"}, "user"),
        ({"compression": "brotli"}, "compression"),
        ({"exclude_patterns": "re:("}, "exclude_patterns"),
        ({"backup_timeout": "soon"}, "backup_timeout"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_made(
    client: Client, fields: dict[str, Any], change: dict[str, str], field: str
) -> None:
    response = client.post("/repositories/new/", {**fields, **change})
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert not Repository.objects.exists()
    assert not Path(fields["folder"]).exists()


def test_a_repository_inside_its_own_source_is_refused_unless_left_out(
    client: Client, fields: dict[str, Any], source: Path
) -> None:
    inside = {**fields, "folder": str(source / "repository")}
    assert list(client.post("/repositories/new/", inside).context["form"].errors) == ["folder"]
    assert client.post("/repositories/new/", {**inside, "exclude_patterns": inside["folder"]}).status_code == 302


def test_a_wrong_passphrase_connects_to_nothing(client: Client, fields: dict[str, Any]) -> None:
    made_outside(fields["folder"])
    response = client.post("/repositories/new/", {**fields, "passphrase": "something else"})
    assert (response.status_code, list(response.context["form"].errors)) == (422, ["passphrase"])
    assert not Repository.objects.exists()


def test_a_name_that_is_taken_is_told_at_the_name(
    client: Client, fields: dict[str, Any], make_repository: Callable[..., Any]
) -> None:
    make_repository("photos")
    response = client.post("/repositories/new/", fields)
    assert (response.status_code, list(response.context["form"].errors)) == (422, ["name"])
    assert not Path(fields["folder"]).exists()


def test_without_encryption_only_for_who_has_typed_the_word(client: Client, fields: dict[str, Any]) -> None:
    response = client.post("/repositories/new/", {**fields, "encryption": "none", "unencrypted": "unencrypted"})
    assert response.status_code == 302
    assert (Repository.objects.get().encryption, Repository.objects.get().passphrase) == ("none", "")


def test_a_test_says_what_is_there_and_keeps_what_was_typed(client: Client, fields: dict[str, Any]) -> None:
    typed = {**fields, "name": "", "source_paths": "/nonesuch", "action": "test"}
    page = client.post("/repositories/new/", typed)
    assert page.status_code == 200
    assert "Nothing is there yet: a new repository will be made." in text_of(page)
    assert "/nonesuch" in text_of(page)
    assert not page.context["form"].errors
    assert not Repository.objects.exists()


def test_a_test_by_htmx_is_answered_with_its_piece(client: Client, fields: dict[str, Any]) -> None:
    piece = client.post("/repositories/new/", {**fields, "action": "test"}, headers={"HX-Request": "true"})
    assert text_of(piece).startswith('<div id="connection"')
    wrong = client.post(
        "/repositories/new/", {**fields, "folder": "", "action": "test"}, headers={"HX-Request": "true"}
    )
    assert (wrong.status_code, "#id_folder" in text_of(wrong)) == (422, True)


def test_the_missing_folder_is_made_when_somebody_says_so(
    client: Client, fields: dict[str, Any], tmp_path: Path
) -> None:
    deep = {**fields, "folder": str(tmp_path / "a" / "b" / "repository")}
    assert client.post("/repositories/new/", deep).status_code == 422
    assert f"Make the folder {tmp_path}/a/b" in text_of(client.post("/repositories/new/", {**deep, "action": "test"}))
    client.post("/repositories/new/", {**deep, "action": "make-folder"})
    assert (tmp_path / "a" / "b").is_dir()


def test_the_sources_are_shown_as_this_server_sees_them(client: Client, source: Path) -> None:
    piece = text_of(client.post("/repositories/sources-seen/", {"source_paths": f"{source}\n/nonesuch"}))
    assert "3 files" in piece
    assert "is not there." in piece


# --- settings ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def kept(make_repository: Callable[..., Any]) -> Repository:
    return make_repository(real=True, passphrase=PASSPHRASE, kit_saved_at=timezone.now())


def settings_of(client: Client, repository: Repository) -> dict[str, Any]:
    """The form as a browser would send it, unchanged."""
    form = client.get(f"/repositories/{repository.pk}/settings/").context["form"]
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value not in (None, False)}


def test_the_stored_passphrase_is_never_sent_to_a_browser(client: Client, kept: Repository) -> None:
    assert PASSPHRASE not in text_of(client.get(f"/repositories/{kept.pk}/settings/"))
    wrong = {**settings_of(client, kept), "passphrase": "not the right one"}
    response = client.post(f"/repositories/{kept.pk}/settings/", wrong)
    assert (response.status_code, list(response.context["form"].errors)) == (422, ["passphrase"])
    assert "not the right one" not in text_of(response)


def test_settings_are_saved_and_an_empty_passphrase_keeps_the_stored_one(client: Client, kept: Repository) -> None:
    change = {
        "name": "pictures",
        "exclude_patterns": "*/.cache\nsh:/home/*/tmp",
        "max_downtime": "2 h 30 min",
        "exclude_caches": "on",
    }
    response = client.post(f"/repositories/{kept.pk}/settings/", {**settings_of(client, kept), **change})
    assert response.status_code == 302, response.context["form"].errors
    kept.refresh_from_db()
    assert (kept.name, kept.max_downtime, kept.exclude_caches) == ("pictures", 9000, True)
    assert kept.exclude_patterns == ["*/.cache", "sh:/home/*/tmp"]
    assert kept.passphrase == PASSPHRASE
    assert settings_of(client, kept)["max_downtime"] == "2 h 30 min"


def test_a_kit_that_no_longer_fits_is_not_saved_any_more(client: Client, kept: Repository, tmp_path: Path) -> None:
    saved = {**settings_of(client, kept), "compression": "zstd,3"}
    client.post(f"/repositories/{kept.pk}/settings/", saved)
    kept.refresh_from_db()
    assert kept.kit_saved_at
    Path(kept.path).rename(tmp_path / "moved")
    assert (
        client.post(f"/repositories/{kept.pk}/settings/", {**saved, "path": str(tmp_path / "moved")}).status_code == 302
    )
    kept.refresh_from_db()
    assert (kept.path, kept.kit_saved_at) == (str(tmp_path / "moved"), None)


def test_the_test_of_the_settings_uses_the_stored_passphrase(client: Client, kept: Repository) -> None:
    page = client.post(f"/repositories/{kept.pk}/settings/", {**settings_of(client, kept), "action": "test"})
    assert "A repository with no archives is there" in text_of(page)


# --- goodbye ----------------------------------------------------------------------------------------------------------
def test_a_repository_is_forgotten_when_its_name_is_typed(client: Client, kept: Repository) -> None:
    assert client.post(f"/repositories/{kept.pk}/delete/", {"name": "photo"}).status_code == 422
    assert Repository.objects.kept().exists()
    assert client.post(f"/repositories/{kept.pk}/delete/", {"name": "photos"})["Location"] == "/repositories/"
    assert not Repository.objects.kept().exists()
    assert (Path(kept.path) / "config").exists()


def test_while_a_backup_waits_a_repository_is_kept(
    client: Client, kept: Repository, make_job: Callable[..., Any]
) -> None:
    make_job(kept)
    response = client.post(f"/repositories/{kept.pk}/delete/", {"name": "photos"})
    assert response.status_code == 409
    assert "cancel it or let it finish first" in text_of(response)


# --- archives ---------------------------------------------------------------------------------------------------------
def test_the_page_of_the_archives_does_not_wait_for_borg(client: Client, make_repository: Callable[..., Any]) -> None:
    repository = make_repository()  # there is no borg repository at its place
    page = text_of(client.get(f"/repositories/{repository.pk}/archives/"))
    assert f'hx-get="/repositories/{repository.pk}/archives/list/"' in page
    assert "No archives yet. The first backup makes one." in page
    assert "There is no repository at" in text_of(client.get(f"/repositories/{repository.pk}/archives/list/"))


def test_each_archive_has_the_commands_that_read_it(
    client: Client, make_repository: Callable[..., Any], source: Path
) -> None:
    repository = make_repository("my photos", real=True, passphrase=PASSPHRASE)
    for name in ("first", "second one"):
        made = borg.create(borg.find(""), target.of(repository), borg.Source((str(source),)), name)
        assert made.archive
    page = text_of(client.get(f"/repositories/{repository.pk}/archives/?list=1"))
    print(page[page.index("archive-list") :][:3000])
    assert "2 archives, the newest first" in page
    assert page.index("::second one") < page.index("::first")
    assert "manage.py borg &#x27;my photos&#x27; -- list &#x27;::second one&#x27;" in page
    assert "mkdir -p ~/restored &amp;&amp; cd ~/restored &amp;&amp; " in page


# --- the emergency kit ------------------------------------------------------------------------------------------------
def test_the_kit_is_shown_only_when_asked_for(client: Client, kept: Repository) -> None:
    assert PASSPHRASE not in text_of(client.get(f"/repositories/{kept.pk}/kit/"))
    page = client.post(f"/repositories/{kept.pk}/kit/")
    assert PASSPHRASE in text_of(page)
    assert "no-store" in page["Cache-Control"]


def test_the_kit_is_a_file_with_all_that_is_needed(client: Client, kept: Repository) -> None:
    response = client.post(f"/repositories/{kept.pk}/kit/download/")
    assert response["Content-Disposition"] == 'attachment; filename="emergency-kit-photos.txt"'
    text = text_of(response)
    assert all(part in text for part in (PASSPHRASE, kept.path, "BORG_KEY ", "borg extract --list ::ARCHIVE"))


def test_a_person_says_that_the_kit_is_stored_elsewhere(client: Client, make_repository: Callable[..., Any]) -> None:
    repository = make_repository()
    assert "Kit not saved" in text_of(client.get("/repositories/"))
    assert client.get(f"/repositories/{repository.pk}/kit/saved/").status_code == 405
    client.post(f"/repositories/{repository.pk}/kit/saved/")
    repository.refresh_from_db()
    assert timezone.now() - repository.kit_saved_at < timedelta(minutes=5)
    assert "Kit not saved" not in text_of(client.get("/repositories/"))
