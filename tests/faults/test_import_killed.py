"""An import that is killed in the middle leaves nothing half, and the next one does all of it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backups.borg_ui_import import applying, reading
from backups.models import ImportedRow, Repository
from scripts_library import library
from scripts_library.models import RepositoryScript, Script
from tests.backups.borg_ui_import.over_there import usual

pytestmark = pytest.mark.faults

KILLED = """
import os, signal, sys
import django
django.setup()
from pathlib import Path
from backups.borg_ui_import import applying, reading
module, name, after = sys.argv[2:5]
owner = __import__(module, fromlist=["x"])
was, calls = getattr(owner, name), []
def dies(*args, **fields):
    calls.append(1)
    if len(calls) > int(after):
        os.kill(os.getpid(), signal.SIGKILL)
    return was(*args, **fields)
setattr(owner, name, dies)
applying.run(reading.read(Path(sys.argv[1])))
"""
PLACES = [
    ("scripts_library.library", "add_revision", "2"),
    ("backups.schedules", "create", "1"),
]


@pytest.mark.parametrize(("module", "name", "after"), PLACES)
def test_killed_in_the_middle(installation: Any, tmp_path: Path, module: str, name: str, after: str) -> None:
    (tmp_path / "there").mkdir()
    there = usual(tmp_path / "there")
    before = there.state()
    child = _start(installation, tmp_path, str(there.folder), module, name, after)
    child.communicate(timeout=120)
    assert child.returncode == -9
    assert not any(model.objects.exists() for model in (Repository, Script, RepositoryScript, ImportedRow))
    assert library.store().candidates()  # the files that a crash leaves, until somebody comes
    applying.undo_unfinished()
    assert not library.store().candidates()

    applying.run(reading.read(there.folder))
    assert (Repository.objects.count(), Script.objects.count(), RepositoryScript.objects.count()) == (4, 4, 4)
    assert len(library.store().candidates()) == 4
    assert there.state() == before


def _start(installation: Any, folder: Path, *args: str) -> Any:
    """A process of the product that ends itself with SIGKILL at a chosen call."""
    (folder / "killed.py").write_text(KILLED)
    root = Path(__file__).parents[2]
    environment = {**installation.environment, "DJANGO_SETTINGS_MODULE": "borgui.settings", "PYTHONPATH": str(root)}
    return subprocess.Popen(
        [sys.executable, str(folder / "killed.py"), *args],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
