"""docs/disaster-recovery.md, tried: an installation is copied, lost, brought back elsewhere, and backs up there."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

ROOT = Path(__file__).parents[1]
PASSPHRASE = "correct horse battery"
MAKE = """
from backups import repositories
repositories.create({"name": "photos", "path": %r, "source_paths": [%r], "passphrase": %r})
"""


def manage(data: Path, *words: str, expect: int = 0) -> str:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "BORGUI_BORG") if name in os.environ}
    environment = {**kept, "BORGUI_DATA_DIR": str(data), "BORGUI_MIN_FREE": "0"}
    argv = [sys.executable, str(ROOT / "manage.py"), *words]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == expect, (words, done.stdout, done.stderr)
    return done.stdout + done.stderr


@pytest.mark.borg
def test_a_copy_with_its_keys_is_an_installation(tmp_path: Path, source: Path) -> None:
    old, copy, new = tmp_path / "old", tmp_path / "copy", tmp_path / "new machine" / "data"
    old.mkdir()
    manage(old, "prepare")
    manage(old, "create_api_token", "anna", "--name", "monitor")
    manage(old, "shell", "-v", "0", "-c", MAKE % (str(tmp_path / "repo"), str(source), PASSPHRASE))
    manage(old, "backup", "photos")

    copy.mkdir()
    with sqlite3.connect(old / "borg.db") as running, sqlite3.connect(copy / "borg.db") as target:
        running.backup(target)
    for folder in ("keys", "scripts", "borg"):
        if (old / folder).exists():
            shutil.copytree(old / folder, copy / folder, symlinks=True)
    shutil.rmtree(old)

    shutil.copytree(copy, new)
    manage(new, "prepare")
    manage(new, "backup", "photos")
    assert manage(new, "borg", "photos", "--", "list", "--short").count("photos-") == 2
    assert "monitor" in manage(new, "api_tokens")

    (new / "keys" / "encryption_key").write_text(Fernet.generate_key().decode() + "\n")
    assert "encrypted under another key" in manage(new, "prepare", expect=1)
