"""What is kept: trying it out, saving it, agreeing to what goes; the same by pieces and by whole pages."""

import html
import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from backups.models import Repository
from tests import bulk_archives
from tests.backups import scenes
from tests.rest import make_user

PIECE = {"HX-Request": "true"}
NUMBERS = {
    "keep_within": "",
    "keep_hourly": "0",
    "keep_daily": "2",
    "keep_weekly": "0",
    "keep_monthly": "0",
    "keep_yearly": "0",
    "check_every_days": "",
}


@pytest.fixture
def web(
    transactional_db: None,
    make_repository: Callable[..., Repository],
    empty_repository: Path,
    real_borg: str,
    tmp_path: Path,
) -> Repository:
    """Connected, with five nights of its own and one archive of somebody else."""
    row = make_repository("web", connected=True, keep_daily=2, keep_weekly=0, keep_monthly=0, keep_yearly=0)
    shutil.copytree(empty_repository, row.path)
    nights = [timezone.now() - timedelta(days=days) for days in range(5)]
    named = [(f"web-{night:%Y-%m-%dT%H:%M:%S}", night) for night in nights]
    bulk_archives.make(real_borg, row.path, [*named, ("by-hand", nights[0])], tmp_path / "base-of-the-others")
    return row


def text_of(response: HttpResponse) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split()))


def fingerprint_in(response: HttpResponse) -> str:
    [found] = re.findall(r'name="fingerprint" value="(\w+)"', response.content.decode())
    return found


@pytest.mark.borg
def test_what_would_go_is_shown_and_confirmed_with_one_button(client: Client, web: Repository) -> None:
    shown = client.post(f"/repositories/{web.pk}/retention/preview/", NUMBERS, headers=PIECE)
    assert shown.status_code == 200
    assert "Would delete 3 of 6 archives, the oldest from" in text_of(shown)
    assert "2 would be kept. 1 carries other names and is never touched." in text_of(shown)
    assert "<html" not in shown.content.decode()

    fields = {**NUMBERS, "fingerprint": fingerprint_in(shown)}
    assert client.post(f"/repositories/{web.pk}/retention/confirm/", fields).status_code == 302
    web.refresh_from_db()
    assert web.prune_confirmed_at is not None
    assert web.prune_after


@pytest.mark.borg
def test_other_numbers_than_were_shown_cannot_be_confirmed_and_nothing_is_deleted_then(
    client: Client, web: Repository
) -> None:
    shown = client.post(f"/repositories/{web.pk}/retention/preview/", NUMBERS)
    fields = {**NUMBERS, "keep_daily": "1", "fingerprint": fingerprint_in(shown)}

    refused = client.post(f"/repositories/{web.pk}/retention/confirm/", fields)

    assert refused.status_code == 409
    assert "Not confirmed. Meanwhile something else would be deleted" in text_of(refused)
    assert "Would delete 4 of 6 archives" in text_of(refused)
    web.refresh_from_db()
    assert (web.prune_after, web.prune_confirmed_at) == (False, None)


@pytest.mark.borg
def test_what_borg_cannot_say_is_told(client: Client, web: Repository) -> None:
    shutil.rmtree(web.path)

    shown = client.post(f"/repositories/{web.pk}/retention/preview/", NUMBERS, headers=PIECE)

    assert "borg could not say what would be deleted." in text_of(shown)


def test_numbers_are_saved_and_a_confirmation_that_ends_is_told(
    client: Client, make_repository: Callable[..., Repository]
) -> None:
    row = make_repository("web", connected=True, prune_after=True, prune_confirmed_at=timezone.now())

    answer = client.post(f"/repositories/{row.pk}/retention/", {**NUMBERS, "prune_after": "on"}, follow=True)

    assert "nothing is deleted until you have confirmed it again" in text_of(answer)
    row.refresh_from_db()
    assert (row.keep_daily, row.prune_after, row.prune_confirmed_at) == (2, False, None)


def test_a_repository_that_was_there_cannot_be_switched_on_by_the_box_alone(
    client: Client, make_repository: Callable[..., Repository]
) -> None:
    row = make_repository("web", connected=True)

    page = client.get(f"/repositories/{row.pk}/schedule/")
    assert re.search(r'name="prune_after"[^>]*disabled', page.content.decode())
    client.post(f"/repositories/{row.pk}/retention/", {**NUMBERS, "prune_after": "on"})

    row.refresh_from_db()
    assert (row.keep_daily, row.prune_after) == (2, False)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"keep_daily": "-1"}, "greater than or equal to 0"),
        ({"keep_within": "two days"}, "Write a number and H, d, w, m or y: 7d."),
        ({"keep_daily": "", "prune_after": "on"}, "It would delete everything"),
        ({"check_every_days": "0"}, "from 1 to 3650"),
    ],
)
def test_what_cannot_be_kept_is_said_at_its_field(
    client: Client, make_repository: Callable[..., Repository], wrong: dict[str, str], said: str
) -> None:
    row = make_repository("web", prune_after=True)

    answer = client.post(f"/repositories/{row.pk}/retention/", {**NUMBERS, **wrong})

    assert answer.status_code == 422
    assert said in text_of(answer)
    row.refresh_from_db()
    assert row.keep_daily == 7


def test_the_page_of_a_backup_says_what_was_pruned_and_freed(
    client: Client, make_repository: Callable[..., Repository]
) -> None:
    job = scenes.success(make_repository("photos"))
    job.maintenance = {"pruned": 3, "freed": 1_288_490_189}
    job.save()

    assert "Afterwards Pruned 3 archives, freed 1.2 GiB." in text_of(client.get(f"/jobs/{job.pk}/"))


def test_a_new_name_that_ends_a_confirmation_says_so(
    client: Client, make_repository: Callable[..., Repository]
) -> None:
    row = make_repository("web", connected=True, prune_after=True, prune_confirmed_at=timezone.now())
    same = {"path": row.path, "source_paths": row.source_paths[0], "compression": "lz4"}

    answer = client.post(
        f"/repositories/{row.pk}/settings/",
        {**same, "name": "www", "archive_name_template": "{name}-{now}"},
        follow=True,
    )

    assert "nothing is deleted until somebody has looked at what would go" in text_of(answer)


@pytest.mark.parametrize("action", ["", "preview/", "confirm/"])
def test_strangers_are_asked_to_sign_in(make_repository: Callable[..., Repository], action: str) -> None:
    row = make_repository("web")
    make_user()

    answer = Client(headers={"Host": "localhost"}).post(f"/repositories/{row.pk}/retention/{action}", NUMBERS)

    assert answer.status_code == 401
