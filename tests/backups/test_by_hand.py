import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backups import borg, by_hand, sources, target
from backups.archives import Archive

pytestmark = pytest.mark.django_db(transaction=True)

ARCHIVE = Archive("it's 2026", "abc", datetime(2026, 11, 23, tzinfo=UTC))


@pytest.mark.borg
def test_the_commands_can_be_pasted_into_a_shell(
    make_repository: Callable[..., Any], installation: Any, source: Path, tmp_path: Path
) -> None:
    repository = make_repository("my photos", real=True, passphrase="correct horse battery")
    assert borg.create(borg.find(""), target.of(repository), borg.Source((str(source),)), ARCHIVE.name).archive
    commands, environment = by_hand.commands(repository, ARCHIVE), {**installation.environment, "HOME": str(tmp_path)}

    def typed(command: str) -> str:
        done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "one.txt" in typed(commands.lists)
    typed(commands.extracts)
    assert Path(f"{tmp_path}/restored{source}/one.txt").read_text() == (source / "one.txt").read_text()


def test_in_the_image_they_are_typed_outside_of_it(
    make_repository: Callable[..., Any], settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.BASE_DIR = Path("/app")
    monkeypatch.setattr(sources, "CONTAINER_MARKS", (str(tmp_path),))
    commands = by_hand.commands(make_repository("photos"), ARCHIVE)
    start = ["docker", "compose", "exec", "borgui"]
    assert shlex.split(commands.lists) == [
        *start,
        sys.executable,
        "/app/manage.py",
        "borg",
        "photos",
        "--",
        "list",
        "::it's 2026",
    ]
    assert shlex.split(commands.extracts)[:6] == [*start, "sh", "-c"]
    assert shlex.split(shlex.split(commands.extracts)[6])[:3] == ["mkdir", "-p", f"{settings.DATA_DIR}/restored"]
