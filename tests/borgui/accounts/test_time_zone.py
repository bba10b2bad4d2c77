"""In which zone times are said."""

from typing import Any

import pytest
from django.utils import timezone

from borgui.accounts import time_zone
from borgui.accounts.models import Installation


@pytest.fixture(autouse=True)
def nothing_is_known_yet(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_zone, "_known", (float("-inf"), ""))
    settings.TIME_ZONE_IS_SET = False


def answer(zone: str) -> None:
    Installation.objects.update_or_create(pk=1, defaults={"time_zone": zone})


def test_the_zone_is_the_one_that_set_up_was_told() -> None:
    answer("Asia/Kathmandu")
    assert time_zone.name() == "Asia/Kathmandu"


def test_it_is_asked_for_twice_a_minute_and_no_more(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time_zone.time, "monotonic", lambda: clock[0])
    answer("Asia/Kathmandu")
    with django_assert_num_queries(1):
        assert [time_zone.name() for _ in range(3)] == ["Asia/Kathmandu"] * 3
    answer("Europe/Berlin")
    assert time_zone.name() == "Asia/Kathmandu"
    clock[0] += time_zone.KEPT
    assert time_zone.name() == "Europe/Berlin"


@pytest.mark.parametrize("asked", [True, False])
def test_without_an_answer_it_is_that_of_the_machine(asked: bool, settings: Any) -> None:
    if asked:
        answer("")
    assert time_zone.name() == settings.TIME_ZONE


def test_what_the_environment_says_wins(settings: Any) -> None:
    answer("Asia/Kathmandu")
    settings.TIME_ZONE_IS_SET = True
    assert time_zone.name() == settings.TIME_ZONE


def test_a_page_says_its_times_there_and_the_thread_forgets_it() -> None:
    answer("Asia/Kathmandu")
    seen = []
    respond = time_zone.of_this_installation(lambda request: seen.append(timezone.get_current_timezone_name()))
    respond(None)
    assert seen == ["Asia/Kathmandu"]
    assert timezone.get_current_timezone_name() != "Asia/Kathmandu"
