"""Every change that a person makes leaves its entry: who, what, before and after, and no secret."""

import json
from pathlib import Path
from typing import Any

import pytest

from borgui.accounts.models import AuditEntry
from tests.rest import Rest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]
SECRET = "s3cret-passphrase-of-a-test"
TEXT = """#!/bin/sh
# /// borgui
# hooks = ["pre-backup"]
# [[parameters]]
# name = "DB_PASSWORD"
# type = "secret"
# ///
echo hello
"""


def newest(action: str) -> AuditEntry:
    return AuditEntry.objects.filter(action=action)[0]


def test_a_walk_through_the_api_is_in_the_log_step_by_step(make_repository: Any) -> None:
    rest, repository = Rest(), make_repository(passphrase=SECRET)
    made = rest.post("/scripts", {"name": "dump", "content": TEXT}).json()
    rest.put(f"/scripts/{made['id']}", {"content": TEXT + "echo more\n", "sha256": made["sha256"], "timeout": 60})
    rest.put(f"/scripts/{made['id']}", {"timeout": 60})  # changes nothing
    place = f"/repositories/{repository.pk}/scripts"
    given = {"script_id": made["id"], "hook_type": "pre-backup", "parameters": {"DB_PASSWORD": SECRET}}
    entry = rest.post(place, given).json()
    rest.put(f"{place}/{entry['id']}", {"enabled": False, "parameters": {"DB_PASSWORD": SECRET + "2"}})
    rest.delete(f"{place}/{entry['id']}")
    rest.delete(f"/scripts/{made['id']}")
    schedule = {"name": "Nightly", "cron_expression": "17 2 * * *", "repositories": [repository.pk]}
    number = rest.post("/scheduled-jobs", schedule).json()["id"]
    rest.put(f"/scheduled-jobs/{number}", {"cron_expression": "18 2 * * *", "ping_url": f"https://hc.example/{SECRET}"})
    rest.delete(f"/scheduled-jobs/{number}")
    job = rest.post(f"/repositories/{repository.pk}/backup").json()
    rest.post(f"/jobs/{job['id']}/cancel")

    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
        "script created",
        "script changed",
        "script assigned",
        "assignment changed",
        "script detached",
        "script deleted",
        "schedule added",
        "schedule changed",
        "schedule deleted",
        "backup started",
        "backup cancelled",
    ]
    assert {(entry.username, entry.via, entry.address) for entry in AuditEntry.objects.all()} == {
        ("anna", "api", "127.0.0.1")
    }
    changed = newest("script changed")
    assert (changed.before["timeout"], changed.after["timeout"]) == (300, 60)
    assert changed.before["sha256"] == made["sha256"] != changed.after["sha256"]
    assert newest("assignment changed").before["enabled"] is True
    assert newest("schedule changed").after["ping_url"] == "(secret)"
    for one in AuditEntry.objects.all():
        assert SECRET not in json.dumps([one.before, one.after, one.name])


def test_a_repository_is_followed_from_the_first_day_to_the_last(tmp_path: Path, source: Path) -> None:
    rest = Rest()
    fields = {"name": "photos", "path": str(tmp_path / "repo"), "source_paths": [str(source)], "passphrase": SECRET}
    number = rest.post("/repositories", fields).json()["id"]
    rest.put(f"/repositories/{number}", {"compression": "zstd,3", "exclude_patterns": ["*.tmp"]})
    rest.delete(f"/repositories/{number}")

    actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["repository added", "repository changed", "repository forgotten"]
    assert newest("repository changed").after["compression"] == "zstd,3"
    assert SECRET not in json.dumps([[one.before, one.after] for one in AuditEntry.objects.all()])


def test_what_failed_leaves_nothing(make_script: Any) -> None:
    make_script("dump")
    before = AuditEntry.objects.count()
    assert Rest().post("/scripts", {"name": "dump", "content": TEXT}).status_code == 409
    assert AuditEntry.objects.count() == before
