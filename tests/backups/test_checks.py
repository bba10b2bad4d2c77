from pathlib import Path

from pytest_django import Settings

from backups import checks


def test_a_missing_borg_is_a_warning_and_not_a_reason_to_stay_down(settings: Settings, tmp_path: Path) -> None:
    settings.BORG = str(tmp_path / "no-borg-here")
    found = checks.borg_is_there(None)
    assert len(found) == 1
    assert not found[0].is_serious()
    assert "no-borg-here" in found[0].msg
