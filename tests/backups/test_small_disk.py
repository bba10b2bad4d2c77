"""A data directory whose disk is full in the middle of a job: a file system of a few MiB, in a namespace of its own."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.conftest import ROOT

from .conftest import Journal

SCRIPT = Path(__file__).with_name("small_disk.sh")
BLOCK = '# /// borgui\n# interrupts = "the shop"\n# ///\n'
FILL = 'dd if=/dev/zero of="$LIBRARY_DIR/../../fill" bs=4k 2>/dev/null; true'


def weathers() -> list[tuple[str, list[str]]]:
    """A disk of a few MiB where this user may mount one, as root or in a user namespace; the limit always."""
    found = [("limit", list[str]())]
    for words in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        if shutil.which("unshare") and may_mount(words):
            return [*found, ("disk", words)]
    return found


def may_mount(words: list[str]) -> bool:
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "probe", "/tmp"]
    return subprocess.run([*words, *mount], capture_output=True, check=False).returncode == 0


WEATHERS = weathers()


@pytest.mark.parametrize(("kind", "namespace"), WEATHERS, ids=[kind for kind, _ in WEATHERS])
@pytest.mark.borg
def test_a_disk_that_is_full_in_mid_job_keeps_no_service_down_and_loses_nothing(
    repository: Any,
    attach: Callable[..., Any],
    make_job: Callable[..., Any],
    journal: Journal,
    installation: Any,
    data_dir: Path,
    kind: str,
    namespace: list[str],
) -> None:
    attach(repository, "pre-backup", "stop", f"{BLOCK}{journal.note('stop')}")
    attach(repository, "pre-backup", "fill", FILL)
    attach(repository, "post-backup", "start", f"{BLOCK}{journal.note('start')}", run_on="always")
    for number in range(12):
        attach(repository, "post-backup", f"talk {number}", "yes no | head -c 60000; yes no | head -c 60000 >&2")
    attach(repository, "post-backup", "last", journal.note("last"), run_on="always")
    job = make_job(repository)
    copy_database(data_dir / "borg.db")
    data_dir.with_name("data.disk").mkdir()

    argv = [*namespace, str(SCRIPT), kind, str(data_dir), str(job.pk), sys.executable, str(ROOT / "manage.py")]
    environment = {**installation.environment, "BORGUI_DATABASE_URL": f"sqlite:///{data_dir / 'borg.db'}"}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)

    said = done.stdout + done.stderr
    assert "recover: 0" in said, said
    assert journal.words == ["stop", "start", "last"], said
    with closing(sqlite3.connect(data_dir.with_name("data.result") / "borg.db")) as database:
        [row] = database.execute("SELECT status, data, services FROM backup_jobs").fetchall()
        executions = dict(database.execute("SELECT script_name, status FROM script_executions").fetchall())
        [told] = database.execute("SELECT count(*) FROM notifications").fetchone()
    assert row[0] in ("failure", "success"), said  # borg keeps its cache on that disk too, and may do without
    assert row[2] == "up", said
    assert {executions["stop"], executions["start"], executions["last"]} == {"succeeded"}, said
    assert told == 1, said
    assert not (data_dir.with_name("data.result") / "run" / "jobs" / str(job.pk)).exists()


def copy_database(path: Path) -> None:
    connection.ensure_connection()
    with closing(sqlite3.connect(path)) as copy:
        connection.connection.backup(copy)
