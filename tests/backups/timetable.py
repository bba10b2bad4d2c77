"""Schedules made at a given moment, and what became of their due times."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from backups import schedules, scheduling
from backups.models import BackupJob, ScheduledJob


def at(text: str) -> datetime:
    """An instant of November 2026, in UTC: "23 02:17"."""
    return datetime.strptime(f"2026-11 {text}", "%Y-%m %d %H:%M").replace(tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[Any]:
    """The machine's clock: noon on 20 November 2026; `clock.move_to(at("21 02:17"))`."""
    with time_machine.travel(at("20 12:00"), tick=False) as traveller:
        yield traveller


@pytest.fixture
def make_schedule(clock: Any, make_repository: Callable[..., Any]) -> Callable[..., ScheduledJob]:
    """Every night at 02:17 UTC, of one repository of its own, unless the fields say otherwise."""

    def make(name: str = "Nightly", **fields: Any) -> ScheduledJob:
        given = {"cron_expression": "17 2 * * *", "timezone": "UTC", **fields}
        if "repositories" not in given:
            given["repositories"] = [make_repository(f"of {name}").pk]
        return schedules.create({"name": name, **given})

    return make


@pytest.fixture
def tick_at(clock: Any) -> Callable[[str], list[BackupJob]]:
    """tick_at("21 02:17"): the worker's tick at that moment."""

    def make(text: str) -> list[BackupJob]:
        clock.move_to(at(text))
        return scheduling.start_due(at(text))

    return make


def rows(schedule: ScheduledJob) -> list[tuple[str, str]]:
    """(due, status) of each run, in order of their due times; a catch-up is marked."""
    return [
        (f"{run.due_at:%d %H:%M}", "made up" if run.is_catch_up else run.status)
        for run in schedule.runs.order_by("due_at")
    ]
