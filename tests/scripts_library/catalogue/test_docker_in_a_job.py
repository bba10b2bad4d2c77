"""The template for containers at both hooks of real jobs, whose process is killed in the middle."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from backups import queue
from scripts_library import assignments, library
from tests.scripts_library.stage import POST, PRE, Stage

from .conftest import CATALOGUE
from .engines import Podman, StandIn

TEXT = (CATALOGUE / "docker-container-mgmt.sh").read_text()
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]


@pytest.fixture
def stage(make_repository: Any) -> Stage:
    return Stage(make_repository())


def attach_pair(stage: Stage, name: str, **values: Any) -> None:
    """A script made from the template, at both hooks."""
    script = library.create(name, TEXT, source="editor")
    for hook in (PRE, POST):
        assignments.assign(stage.repository.pk, script, hook, parameters={"WAIT_SECONDS": 0, **values})


def states(engine: Podman | StandIn, *names: str) -> list[str]:
    return [engine.state(name) for name in names]


def test_two_scripts_of_the_template_in_one_chain_start_what_each_has_stopped(
    stage: Stage, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where their names begin with the same forty letters, which is all that the name of a copy has of them."""
    monkeypatch.setenv("PATH", f"{standin.folder}:{os.environ['PATH']}")
    for name in ("web", "db", "old"):
        standin.make(name)
    standin.do("stop", "old")
    attach_pair(stage, "Docker containers: stop and start (nextcloud web)", CONTAINERS="web old")
    attach_pair(stage, "Docker containers: stop and start (nextcloud database)", CONTAINERS="db")
    rows = stage.plan()
    web, database = [row for row in rows if row.hook_type == POST]

    stage.pre(rows)
    assert states(standin, "web", "db", "old") == ["exited"] * 3
    stage.post("success", [web])
    assert states(standin, "web", "db", "old") == ["running", "exited", "exited"]
    stage.post("success", [database])
    assert states(standin, "web", "db", "old") == ["running", "running", "exited"]


def test_a_first_half_that_had_no_turn_leaves_its_partner_nothing_but_what_others_left(
    stage: Stage, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{standin.folder}:{os.environ['PATH']}")
    standin.make("web")
    attach_pair(stage, "first", CONTAINERS="web nobody")
    attach_pair(stage, "second", CONTAINERS="web")
    rows = stage.plan()
    verdict = stage.pre(rows)
    assert verdict.outcome == "failure"
    assert states(standin, "web") == ["running"]

    stage.post("failure", rows)
    assert standin.calls == []
    assert stage.statuses == {"first": "succeeded", "second": "succeeded"}


@pytest.mark.services
def test_a_job_that_is_killed_between_two_containers_leaves_none_stopped(
    stage: Stage, best_engine: Podman | StandIn, installation: Any
) -> None:
    engine = best_engine
    for name in ("web", "db", "old"):
        engine.make(name, **({"stubborn": True} if name == "db" and isinstance(engine, Podman) else {}))
    engine.do("stop", "old")
    if isinstance(engine, StandIn):
        engine.hold("stop", "db")
    attach_pair(stage, "Containers", CONTAINERS="web old db", STOP_SECONDS=2)
    search = ":".join([*map(str, engine.path), os.environ["PATH"]])
    extra = {"PATH": search, "BORGUI_PASS_ENV": ",".join(engine.environ), **engine.environ}
    job = queue.enqueue(stage.repository, triggered_by="api")

    process = installation.start("run_job", str(job.pk), extra=extra)
    until(lambda: is_stopping(engine, "db"), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert states(engine, "web", "old") == ["exited", "exited"]
    if isinstance(engine, StandIn):
        engine.release()
    installation.manage("recover", extra=extra)

    job.refresh_from_db()
    before, after = job.executions.order_by("pk")
    assert (before.status, after.status) == ("interrupted", "succeeded"), after.stderr
    assert (job.status, job.services) == ("failure", "up")
    assert states(engine, "web", "old", "db") == ["running", "exited", "running"]


def is_stopping(engine: Podman | StandIn, name: str) -> bool:
    return f"stop {name} -t 2" in engine.calls if isinstance(engine, StandIn) else engine.state(name) == "stopping"


def until(ready: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 60
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
