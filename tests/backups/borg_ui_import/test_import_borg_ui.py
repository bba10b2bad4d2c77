"""The command: what it prints, its exit codes, and its JSON."""

import json
from typing import Any

import pytest
from django.core.management import call_command

from backups.models import Repository
from borgui.commands import Refused

from .over_there import OverThere

pytestmark = pytest.mark.django_db


def test_a_dry_run_says_everything_and_changes_nothing(usual_one: OverThere, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("import_borg_ui", str(usual_one.folder), "--dry-run")
    said = capsys.readouterr().out
    assert ended.value.code == 1
    for words in (
        "Left out:",
        "Differences you will notice:",
        "One window:",
        "Nothing was changed",
        "photos  /backups/photos",
    ):
        assert words in said
    assert not Repository.objects.exists()


def test_where_nothing_is_left_out_it_ends_with_0_also_the_second_time(there: OverThere, capsys: Any) -> None:
    there.repository("photos")
    call_command("import_borg_ui", str(there.database))
    assert "What to do next" in capsys.readouterr().out
    call_command("import_borg_ui", str(there.database))
    assert "Nothing was added." in capsys.readouterr().out
    assert Repository.objects.count() == 1


def test_json_is_one_thing(usual_one: OverThere, capsys: Any) -> None:
    with pytest.raises(SystemExit):
        call_command("import_borg_ui", str(usual_one.folder), "--json")
    told = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in told["repositories"]] == ["web", "web off-site", "photos", "dumps"]
    assert told["rows"]["backup_jobs"]["left_out"] == 1
    assert told["dry_run"] is False


def test_the_key_may_lie_elsewhere(usual_one: OverThere, tmp_path: Any, capsys: Any) -> None:
    key = (usual_one.folder / ".secret_key").rename(tmp_path / "key")
    with pytest.raises(SystemExit):
        call_command("import_borg_ui", str(usual_one.folder), "--json", key_file=str(key))
    assert json.loads(capsys.readouterr().out)["passphrases_needed"] == []


@pytest.mark.parametrize(("path", "key"), [("nowhere", None), ("", "no-key")])
def test_what_cannot_be_read_is_one_line(there: OverThere, tmp_path: Any, path: str, key: str | None) -> None:
    with pytest.raises(Refused) as refused:
        call_command("import_borg_ui", str(there.folder / path), key_file=key)
    assert "\n" not in str(refused.value)
    assert not Repository.objects.exists()
