"""The page that brings in a Borg Web UI: look, then import; from a folder or from files that were sent."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from backups import housekeeping
from backups.borg_ui_import import received
from backups.models import Repository, ScheduledJob
from borgui import upload_limit
from scripts_library.models import Script
from tests.rest import make_user

from .borg_ui_import.over_there import OverThere, usual

pytestmark = pytest.mark.django_db


@pytest.fixture
def there(tmp_path: Path, data_dir: Path) -> OverThere:
    (tmp_path / "there").mkdir()
    return usual(tmp_path / "there")


def look(client: Client, path: object) -> tuple[int, str]:
    answer = client.get("/import/", {"path": str(path)})
    return answer.status_code, answer.content.decode()


def seen(page: str) -> str:
    return page.split('name="seen" value="')[1].split('"')[0]


def test_the_empty_overview_offers_it(client: Client, data_dir: Path) -> None:
    assert 'href="/import/">Coming from Borg Web UI?' in client.get("/").content.decode()


def test_everything_is_shown_before_anything_is_done(client: Client, there: OverThere) -> None:
    status, page = look(client, there.folder)
    assert status == 200
    for words in ("web off-site", "ssh://u1@backup.example.net:23/./web", "What comes along", "Left out",
                  "Differences you will notice", "One maintenance window", "nightly: At 03:15 every day"):  # fmt: skip
        assert words in page
    for secret in ("made up 1", "made up 2", "made up 3", "made up 4"):
        assert secret not in page
    assert not Repository.objects.exists()


def test_then_it_is_imported_and_says_what_to_do_next(client: Client, there: OverThere) -> None:
    page = look(client, there.folder)[1]
    answer = client.post("/import/", {"action": "import", "path": str(there.folder), "seen": seen(page)})
    assert "What to do next" in answer.content.decode()
    assert (Repository.objects.count(), Script.objects.count(), ScheduledJob.objects.count()) == (4, 4, 2)
    assert Script.objects.first().created_by_user.username == "anna"
    page = look(client, there.folder)[1]
    assert "Everything that can come along is here already." in page
    photos = Repository.objects.get(name="photos")
    assert (
        "nobody has tried yet whether it can be reached" in client.get(f"/repositories/{photos.pk}/").content.decode()
    )


def test_paths_can_begin_otherwise_here(client: Client, there: OverThere) -> None:
    asked = {"path": str(there.folder), "there": "/srv", "here": "/mnt/srv"}
    page = client.get("/import/", asked).content.decode()
    assert "/mnt/srv/data" in page
    client.post("/import/", {**asked, "action": "import", "seen": seen(page)})
    assert Repository.objects.get(name="web").source_paths == ["/mnt/srv/data"]
    assert client.get("/import/", {**asked, "here": ""}).status_code == 422


def test_passphrases_that_could_not_be_read_are_asked_for(client: Client, there: OverThere) -> None:
    (there.folder / ".secret_key").unlink()
    page = look(client, there.folder)[1]
    name = page.split('name="passphrase_')[1].split('"')[0]
    data = {"action": "import", "path": str(there.folder), "seen": seen(page)}
    short = client.post("/import/", {**data, f"passphrase_{name}": "abc"})
    assert (short.status_code, Repository.objects.count()) == (422, 0)
    assert "at least 4 characters" in short.content.decode()
    client.post("/import/", {**data, f"passphrase_{name}": "from a person"})
    assert Repository.objects.get(name="photos").passphrase == "from a person"


def test_what_changed_meanwhile_is_shown_again_instead(client: Client, there: OverThere) -> None:
    page = look(client, there.folder)[1]
    there.repository("another")
    answer = client.post("/import/", {"action": "import", "path": str(there.folder), "seen": seen(page)})
    assert answer.status_code == 409
    assert "has changed since you looked" in answer.content.decode()
    assert not Repository.objects.exists()


@pytest.mark.parametrize("path", ["/nowhere/at/all", "relative", "/etc/hostname", "/\0"])
def test_where_there_is_nothing_it_says_so_and_keeps_what_was_typed(client: Client, data_dir: Path, path: str) -> None:
    status, page = look(client, path)
    assert status == 422
    assert 'role="alert"' in page
    assert path.replace("\0", "") in page


# --- files that were sent ---------------------------------------------------------------------------------------------
def send(client: Client, there: OverThere, **others: Any) -> Any:
    files = sorted((there.folder / "scripts" / "library").iterdir())
    data = {
        "action": "upload",
        "database": SimpleUploadedFile("borg.db", there.database.read_bytes()),
        "secret": SimpleUploadedFile(".secret_key", (there.folder / ".secret_key").read_bytes()),
        "scripts": [SimpleUploadedFile(file.name, file.read_bytes()) for file in files],
    }
    return client.post("/import/", {**data, **others})


def test_files_are_sent_looked_at_imported_and_gone(client: Client, there: OverThere, settings: Any) -> None:
    answer = send(client, there)
    assert answer.status_code == 302
    page = client.get(answer["Location"]).content.decode()
    assert "From the files that you sent." in page
    sent = answer["Location"].partition("sent=")[2]
    client.post("/import/", {"action": "import", "sent": sent, "seen": seen(page)})
    assert (Repository.objects.count(), Script.objects.count()) == (4, 4)
    assert not list((settings.CACHE_DIR / "imports").iterdir())
    assert client.get(answer["Location"]).status_code == 422


def test_what_one_person_sent_another_does_not_see(client: Client, there: OverThere) -> None:
    place = send(client, there)["Location"]
    other = Client(headers={"Host": "localhost"})
    other.force_login(make_user("bert"))
    assert other.get(place).status_code == 422


@pytest.mark.parametrize("others", [{"database": ""}, {"database": SimpleUploadedFile("x.db", b"nonsense" * 100)}])
def test_what_is_no_database_is_not_kept(
    client: Client, there: OverThere, settings: Any, others: dict[str, Any]
) -> None:
    assert send(client, there, **others).status_code == 422
    assert not list((settings.CACHE_DIR / "imports").glob("*"))


def test_too_much_is_refused_while_it_arrives(
    client: Client, there: OverThere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_limit.Limit, "__init__", _over(upload_limit.Limit.__init__))
    answer = send(client, there)
    assert answer.status_code == 422
    assert "more than 200 MiB" in answer.content.decode()


def _over(was: Any) -> Any:
    def init(self: Any, request: Any, largest: int) -> None:
        was(self, request, largest)
        self.is_over = True

    return init


def test_what_nobody_imported_goes_with_the_day(client: Client, there: OverThere, settings: Any) -> None:
    send(client, there)
    (folder,) = (settings.CACHE_DIR / "imports").iterdir()
    assert received.age_out() == 0
    yesterday = time.time() - 2 * 24 * 3600
    os.utime(folder, (yesterday, yesterday))
    assert housekeeping.age_out(timezone.now())["imports"] == 1
    assert not folder.exists()


def test_strangers_are_asked_to_sign_in(there: OverThere) -> None:
    make_user()
    answer = Client(headers={"Host": "localhost"}).get("/import/", {"path": str(there.folder)})
    assert (answer.status_code, "/sign-in/" in answer.get("Location", "")) == (302, True)
