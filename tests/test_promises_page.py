"""docs/promises.md is true: its scripts do what it says, also when they are cut off; its numbers are those of the code."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from backups import attempts, ledger, pipeline, queue, takeover
from backups.models import BackupJob, Notification, Repository
from backups.watch import StopRequest
from scripts_library import library, manifest
from scripts_library.assignments import assign
from scripts_library.models import ScriptExecution

from .test_docs import blocks, table

PAGE = "docs/promises.md"
SCRIPTS = {manifest.parse(text).name: text for text in blocks(PAGE, "bash")}
STOP, START, TELL = "Containers: stop", "Containers: start again", "Tell what was started"
DOCKER = """#!/bin/bash
# Containers are files in a folder: up-NAME runs, down-NAME does not.
cd {folder}
case $1 in
ps) ls | sed -n 's/^up-//p' ;;
stop) for name in "${{@:2}}"; do mv "up-$name" "down-$name"; {accident}; done ;;
start) for name in "${{@:2}}"; do [ -e "up-$name" ] || mv "down-$name" "up-$name"; {accident}; done ;;
esac
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A docker with two running containers and one that was stopped before; `accident`: what happens after each step."""
    folder, bin_dir = tmp_path / "containers", tmp_path / "bin"
    for path in (folder, bin_dir):
        path.mkdir()
    for name in ("up-wiki", "up-cloud", "down-old"):
        (folder / name).touch()
    monkeypatch.setenv("PATH", f"{bin_dir}:{os.environ['PATH']}")

    def install(accident: str = ":") -> Path:
        program = bin_dir / "docker"
        program.write_text(DOCKER.format(folder=folder, accident=accident))
        program.chmod(0o755)
        return folder

    return install


@pytest.fixture
def repository(transactional_db: None, make_repository: Callable[..., Any], settings: Any) -> Repository:
    """One whose backup fails at once, with the pair of the page around it."""
    settings.BORG = "/nonexistent"
    return make_repository()


@pytest.fixture
def back_up(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Callable[..., BackupJob]:
    """Borg is not what this page is about: it fails, after the scripts before it have run."""
    monkeypatch.setattr("backups.borgcall.problems", lambda repository: "")

    def run(*names: str) -> BackupJob:
        for name in names:
            script = library.create(None, SCRIPTS[name], source="editor")
            assign(repository.pk, script, manifest.parse(SCRIPTS[name]).hooks[0])
        job = queue.enqueue(repository, triggered_by="api")
        pipeline.run(job.pk, StopRequest())
        job.refresh_from_db()
        return job

    return run


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_every_script_of_the_page_declares_itself_without_a_fault() -> None:
    assert len(SCRIPTS) == 5
    for text in SCRIPTS.values():
        found = manifest.parse(text)
        assert (found.errors, found.warnings) == ((), ())
        assert found.hooks == ("pre-backup",) or found.run_on == "always"
    assert not manifest.parse(SCRIPTS["Switch the machine off"]).rerun


def test_the_pair_starts_exactly_what_it_has_stopped(docker: Callable[..., Path], back_up: Any) -> None:
    containers = docker()

    job = back_up(STOP, START)

    assert (job.outcome, job.services) == ("failure", "up")
    assert names(containers) == ["down-old", "up-cloud", "up-wiki"]
    assert {row.script_name: row.status for row in job.executions.all()} == {STOP: "succeeded", START: "succeeded"}


def test_what_was_stopped_until_an_accident_is_started_again(docker: Callable[..., Path], back_up: Any) -> None:
    """docker fails after the first container: xargs gives up, the script fails, and the list names both."""
    containers = docker(accident='[ "$1" = start ] || exit 255')

    job = back_up(STOP, START)

    assert names(containers) == ["down-old", "up-cloud", "up-wiki"]
    assert job.executions.get(script_name=STOP).status == "failed"
    assert (job.outcome, job.services) == ("failure", "up")


def test_the_start_may_be_cut_off_and_run_again(docker: Callable[..., Path], back_up: Any) -> None:
    """Its first start fails after one container; the page's way to put that right brings the other one too."""
    containers = docker(accident='[ "$1" = stop ] || exit 255')
    job = back_up(STOP, START)
    assert job.services == "broken_promise"
    assert len([name for name in names(containers) if name.startswith("up-")]) == 1
    docker()

    queue.request_post_backup(job)
    pipeline.run(job.pk, StopRequest())

    job.refresh_from_db()
    assert job.services == "up"
    assert names(containers) == ["down-old", "up-cloud", "up-wiki"]


def test_without_a_list_nothing_is_started(docker: Callable[..., Path], back_up: Any) -> None:
    containers = docker()
    (containers / "down-wiki").touch()

    job = back_up(START)

    assert job.executions.get().status == "succeeded"
    assert (containers / "down-wiki").exists()


def test_people_are_told_what_was_started(docker: Callable[..., Path], back_up: Any) -> None:
    docker()

    job = back_up(STOP, START, TELL)

    told = Notification.objects.get(job=job, event="message")
    assert (told.title, told.text) == ("Started again after photos", "cloud,wiki (start 1)")


def test_a_further_attempt_clears_away_what_the_first_left(back_up: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "Remember the last good backup"
    blocked = SCRIPTS[name].replace("mkdir ", '[ "$ATTEMPT" -gt 1 ] || mkdir -p "$report.part/rest"; mkdir ')
    monkeypatch.setitem(SCRIPTS, name, blocked)
    job = back_up(name)
    assert job.executions.get().status == "failed", "its first start finds a rest"

    queue.request_post_backup(job)
    pipeline.run(job.pk, StopRequest())

    assert ScriptExecution.objects.get(attempt=2).status == "succeeded"


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    numbers = [int(row[1]) for row in table(PAGE, "what | how much")]

    assert numbers == [
        attempts.MOST_STARTS,
        attempts.THIRD_START_AFTER // timedelta(minutes=1),
        len(attempts.RETRY_AFTER),
        sum(attempts.RETRY_AFTER, timedelta()) // timedelta(minutes=1),
        takeover.MOST_TAKEOVERS,
        ledger.PATIENCE,
        django_settings.STOP_GRACE,
        django_settings.MIN_FREE // 2**20,
    ]
