"""A form whose session has ended: what was written arrives after a fresh sign-in."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from backups.models import BackupJob, Repository
from borgui.accounts.models import User
from tests.rest import make_user

pytestmark = pytest.mark.django_db
RIGHT = {"sign-in-username": "anna", "sign-in-password": "long enough"}


@pytest.fixture
def anna() -> User:
    return make_user("anna")


@pytest.fixture
def stranger(anna: User) -> Client:
    return Client(headers={"Host": "localhost"})


def hidden(answer: Any) -> list[tuple[str, str]]:
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', answer.content.decode())
    return [(html.unescape(name), html.unescape(value)) for name, value in found if name != "csrfmiddlewaretoken"]


def test_what_was_sent_comes_back_with_the_question_for_the_password(stranger: Client) -> None:
    sent = {"text": 'two\nlines "quoted" <b>', "several": ["one", "two"]}
    answer = stranger.post("/repositories/new/", sent)
    assert answer.status_code == 401
    assert "no-store" in answer["Cache-Control"]
    assert hidden(answer) == [("text", sent["text"]), ("several", "one"), ("several", "two")]


def test_after_a_wrong_password_it_is_still_there_and_nothing_was_done(
    stranger: Client, make_repository: Callable[..., Repository]
) -> None:
    repository = make_repository()
    answer = stranger.post(f"/repositories/{repository.pk}/backup/", {**RIGHT, "sign-in-password": "no", "text": "a"})
    assert (answer.status_code, hidden(answer)) == (422, [("text", "a")])
    assert "no" not in [value for _, value in hidden(answer)]
    assert not BackupJob.objects.exists()


def test_after_the_right_one_it_is_done_at_once_in_the_name_of_who_signed_in(
    stranger: Client, anna: User, make_repository: Callable[..., Repository]
) -> None:
    repository = make_repository()
    answer = stranger.post(f"/repositories/{repository.pk}/backup/", RIGHT)
    job = BackupJob.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/"
    assert job.triggered_by_user == anna
    assert stranger.get("/").status_code == 200


def test_another_site_cannot_use_it(anna: User) -> None:
    stranger = Client(enforce_csrf_checks=True, headers={"Host": "localhost"})
    assert stranger.post("/repositories/new/", RIGHT).status_code == 403
    assert stranger.get("/")["Location"].startswith("/sign-in/")
