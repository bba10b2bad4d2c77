from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def choose(theme: str, back: str) -> Any:
    return Client(headers={"Host": "localhost"}).post("/theme/", {"theme": theme, "next": back})


def test_the_choice_is_kept_in_a_cookie_that_the_browser_may_read_too() -> None:
    answer = choose("dark", "/scripts/?search=a")
    cookie = answer.cookies["theme"]
    assert (cookie.value, cookie["samesite"], cookie["httponly"]) == ("dark", "Lax", "")
    assert answer["Location"] == "/scripts/?search=a"


def test_pages_have_the_theme_before_any_script_has_run() -> None:
    client = Client(headers={"Host": "localhost"})
    assert '<html lang="en" data-bs-theme="light">' in client.get("/").content.decode()
    client.post("/theme/", {"theme": "dark", "next": "/"})
    assert '<html lang="en" data-bs-theme="dark">' in client.get("/").content.decode()


@pytest.mark.parametrize("back", ["https://example.org/", "//example.org", "javascript:alert(1)", ""])
def test_it_leads_nowhere_else(back: str) -> None:
    assert choose("light", back)["Location"] == "/"


def test_what_is_no_theme_is_refused() -> None:
    answer = choose("pink", "/")
    assert answer.status_code == 400
    assert "theme" not in answer.cookies
