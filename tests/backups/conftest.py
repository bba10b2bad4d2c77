"""What the tests of jobs share: a journal that scripts write, a borg that can be slowed down, real job processes."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from backups import pipeline, worker
from backups.launcher import Launcher
from backups.models import BackupJob, Repository
from backups.watch import StopRequest
from scripts_library.models import ScriptExecution

from .timetable import clock, make_schedule, tick_at  # noqa: F401 - fixtures

PATIENCE = 60.0  # seconds that nothing here needs on a healthy machine


def eventually(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What the condition says as soon as it holds."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


@dataclass
class Journal:
    """A file to which scripts append one word a line, in the order in which things happened."""

    path: Path

    def note(self, word: str) -> str:
        """The shell command that writes it."""
        return f'echo "{word}" >> {self.path}'

    @property
    def words(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []

    def has(self, word: str) -> bool:
        return word in self.words


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest.fixture(scope="session")
def real_borg() -> str:
    found = shutil.which(os.environ.get("BORGUI_BORG") or "borg")
    assert found, "there is no borg"
    return found


@pytest.fixture(scope="session")
def empty_repository(tmp_path_factory: pytest.TempPathFactory, real_borg: str) -> Path:
    """An unencrypted repository without archives, to be copied: `borg init` costs half a second."""
    path = tmp_path_factory.mktemp("borg") / "empty"
    environment = {**os.environ, "BORG_BASE_DIR": str(path.parent / "base")}
    argv = [real_borg, "init", "--encryption=none", str(path)]
    subprocess.run(argv, check=True, env=environment, capture_output=True)
    return path


@pytest.fixture
def repository(transactional_db: None, make_repository: Callable[..., Any], empty_repository: Path) -> Repository:
    """The repository 'photos', with a real and empty borg repository."""
    row = make_repository()
    shutil.copytree(empty_repository, row.path)
    return row


@dataclass
class Borg:
    """The real borg behind a script that counts the archives it is asked for, and may sleep before it begins."""

    path: Path
    real: str
    journal: Journal

    def slow(self, seconds: float = 60) -> "Borg":
        wait = f'case "$1" in create) {self.journal.note("create")}; sleep {seconds};; esac'
        self.path.write_text(f'#!/bin/sh\n{wait}\nexec {self.real} "$@"\n')
        self.path.chmod(0o755)
        return self

    @property
    def calls(self) -> int:
        """How often an archive was begun."""
        return len(self.journal.words)


@pytest.fixture
def counted_borg(tmp_path: Path, real_borg: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Borg:
    """Call `slow` to have it sleep; as it comes it only counts."""
    borg = Borg(tmp_path / "counted-borg", real_borg, Journal(tmp_path / "borg-calls")).slow(0)
    settings.BORG = str(borg.path)
    monkeypatch.setenv("BORGUI_BORG", str(borg.path))
    return borg


@pytest.fixture
def run(transactional_db: None) -> Callable[..., BackupJob]:
    """run(job): the job in this process, to its end; `stop` is what TERM would set."""

    def make(job: BackupJob, stop: StopRequest | None = None) -> BackupJob:
        pipeline.run(job.pk, StopRequest() if stop is None else stop)
        job.refresh_from_db()
        return job

    return make


def statuses(job: BackupJob) -> dict[str, str]:
    """The last status of each script of a job."""
    return {row.script_name: row.status for row in job.executions.in_order()}


def row_of(job: BackupJob, name: str, attempt: int = 1) -> ScriptExecution:
    return job.executions.get(script_name=name, attempt=attempt)


@contextmanager
def meanwhile(condition: Callable[[], Any], action: Callable[[], Any]) -> Iterator[None]:
    """Do something in another thread as soon as the condition holds; what goes wrong there is raised here."""
    faults: list[BaseException] = []

    def work() -> None:
        try:
            eventually(condition)
            action()
        except BaseException as fault:
            faults.append(fault)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join()
    assert not faults, faults


@dataclass
class Processes:
    """Real processes of the product; those that are still there at the end of the test are ended."""

    installation: Any
    started: list[Any]

    def start(self, *args: str, **kwargs: Any) -> Any:
        process = self.installation.start(*args, **kwargs)
        self.started.append(process)
        return process

    def run_job(self, job: BackupJob, **kwargs: Any) -> Any:
        return self.start("run_job", str(job.pk), **kwargs)

    def worker(self, **kwargs: Any) -> Any:
        """A worker that has reported."""
        process = self.start("run_worker", **kwargs)
        self.until(worker.is_alive)
        return process

    def until(self, condition: Callable[[], Any]) -> Any:
        """What the condition says, while the process that was started last lives; what that said if it does not."""

        def look() -> Any:
            ended = self.started[-1].poll() is not None
            found = condition()
            assert found or not ended, self.started[-1].communicate()
            return found

        return eventually(look)

    def lose(self, process: Any) -> None:
        """kill -9."""
        process.kill()
        process.wait()

    def ends(self, process: Any, expect: int | None = None) -> tuple[str, str]:
        said = process.communicate(timeout=PATIENCE)
        if expect is not None:
            assert process.returncode == expect, said
        return said


@pytest.fixture
def processes(installation: Any) -> Iterator[Processes]:
    found = Processes(installation, [])
    yield found
    for process in found.started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in found.started:
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@pytest.fixture
def launcher(installation: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launcher]:
    """The launcher of a worker, in this process; what it starts runs on the database of the test."""
    for name, value in {**installation.environment, "DJANGO_SETTINGS_MODULE": "borgui.settings"}.items():
        monkeypatch.setenv(name, value)
    found = Launcher()
    yield found
    for child in found.children.values():
        child.terminate()
    for child in found.children.values():
        child.wait()


def wait_for_all(launcher: Launcher, jobs: list[BackupJob]) -> None:
    """Serve as a worker does until all jobs are over."""

    def served() -> bool:
        if launcher.reap():
            launcher.start_due()
        return not BackupJob.objects.filter(pk__in=[job.pk for job in jobs]).unfinished().exists()

    launcher.start_due()
    eventually(served)
