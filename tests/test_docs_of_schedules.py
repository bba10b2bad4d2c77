"""docs/schedules.md says what the code does: its times, their readings, the example of the API."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from backups import cron
from backups.models import ScheduledJob
from tests.rest import Rest
from tests.test_docs import blocks, read, table

PAGE = "docs/schedules.md"


def test_the_usual_times_are_those_of_the_form() -> None:
    assert [tuple(row) for row in table(PAGE, "expression")] == [(one.expression, one.words) for one in cron.PRESETS]


@pytest.mark.parametrize(("expression", "words"), table(PAGE, "cron expression"))
def test_the_readings_are_those_of_the_form(expression: str, words: str) -> None:
    assert cron.in_words(expression) == words


def test_what_is_made_up_for_by_default() -> None:
    limit = timedelta(seconds=ScheduledJob._meta.get_field("catch_up").get_default())
    assert f"({limit // timedelta(hours=1)} hours unless you say otherwise" in read(PAGE)


@pytest.mark.django_db
def test_the_example_of_the_api_is_taken_as_it_stands(make_repository: Callable[..., Any]) -> None:
    [text] = blocks(PAGE, "json")
    example, made = json.loads(text), [make_repository("photos").pk, make_repository("letters").pk]
    rest = Rest()
    answer = rest.post("/scheduled-jobs", {**example, "repositories": made})
    assert answer.status_code == 201
    assert answer.json() | {**example, "repositories": made} == answer.json()
    assert answer.json()["in_words"] == "At 02:17 every day"
    assert len(answer.json()["next_times"]) == 5
    pk = answer.json()["id"]
    posts = [(f"/scheduled-jobs/{pk}/pause", {"until": None}), (f"/scheduled-jobs/{pk}/resume", None)]
    for path, body in [*posts, ("/pause", {"until": None}), ("/resume", None)]:
        assert rest.post(path, body).status_code == 200, path
    assert rest.post(f"/scheduled-jobs/{pk}/run").status_code == 202
