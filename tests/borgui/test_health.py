from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from backups.host import host_id
from backups.models import Worker
from borgui import health

pytestmark = pytest.mark.django_db


def report(minutes_ago: float = 0, host: str | None = None) -> None:
    seen = timezone.now() - timedelta(minutes=minutes_ago)
    Worker.objects.create(host_id=host or host_id(), hostname="nas", owner="1 1 x", started_at=seen, last_seen=seen)


def test_without_signing_in_the_answer_is_ok_while_all_is_well() -> None:
    report()
    response = Client().get("/health/", headers={"Host": "127.0.0.1:8000"})
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_a_silent_worker_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    report(minutes_ago=4)
    monkeypatch.setattr(health, "age_of_this_process", lambda: 3600.0)
    response = Client().get("/health/", headers={"Host": "localhost"})
    assert (response.status_code, response.json()) == (503, {"status": "error", "failing": ["worker"]})


def test_a_worker_that_never_reported_is_given_time_to_start() -> None:
    now = timezone.now()
    assert health.failing_parts(now, starting=True) == []
    assert health.failing_parts(now) == ["worker"]


def test_the_worker_of_another_host_does_not_count() -> None:
    report(host="elsewhere")
    assert health.failing_parts(timezone.now()) == ["worker"]


def test_a_full_disk_and_a_broken_database_are_named(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(now: object) -> bool:
        raise DatabaseError("disk I/O error")

    settings.MIN_FREE = 2**62
    monkeypatch.setattr(health, "worker_reports", broken)
    assert health.failing_parts(timezone.now()) == ["database", "disk"]


def test_the_age_of_this_process_is_counted_from_its_start() -> None:
    assert 0 < health.age_of_this_process() < 24 * 3600
