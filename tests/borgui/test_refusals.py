"""What could not be done, as a page and as a piece of one; and the other pages that say no."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


@pytest.fixture
def over(make_repository: Callable[..., Any], make_job: Callable[..., Any]) -> Any:
    """A job that is over: nobody can stop it any more."""
    job = make_job(make_repository())
    type(job).objects.filter(pk=job.pk).update(status="success")
    return job


def test_it_says_what_why_and_the_way_back(client: Client, over: Any) -> None:
    came_from = f"http://localhost/jobs/{over.pk}/"
    answer = client.post(f"/jobs/{over.pk}/cancel/", headers={"Referer": came_from})
    body = answer.content.decode()
    assert answer.status_code == 409
    assert "That was not done" in body
    assert "This backup is over already (success)." in body
    assert f'href="{came_from}"' in body
    assert 'aria-label="Pages"' in body  # inside the shell


@pytest.mark.parametrize("elsewhere", ["", "https://example.org/jobs/1/", "javascript:alert(1)"])
def test_the_way_back_never_leads_to_another_site(client: Client, over: Any, elsewhere: str) -> None:
    answer = client.post(f"/jobs/{over.pk}/cancel/", headers={"Referer": elsewhere})
    assert "To the overview" in answer.content.decode()
    assert "Back, and look again" not in answer.content.decode()


def test_a_piece_of_a_page_stays_and_the_reason_is_a_toast(client: Client, over: Any) -> None:
    answer = client.post(f"/jobs/{over.pk}/cancel/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Reswap"], answer.content) == (409, "none", b"")
    (told,) = json.loads(answer["HX-Trigger"])["toasts"]["messages"]
    assert told == {"level": "error", "text": "This backup is over already (success)."}


def test_the_api_keeps_its_own_words(client: Client, over: Any) -> None:
    answer = client.post(f"/api/jobs/{over.pk}/cancel")
    assert answer["Content-Type"].startswith("application/json")


def test_what_is_not_there_is_said_inside_the_shell_to_those_who_may_see_it(client: Client) -> None:
    for path in ("/nothing/here/", "/repositories/4711/"):
        mine, strangers = client.get(path), Client(headers={"Host": "localhost"}).get("/nothing/here/")
        assert (mine.status_code, strangers.status_code) == (404, 404)
        assert 'aria-label="Pages"' in mine.content.decode()
        assert 'aria-label="Pages"' not in strangers.content.decode()
