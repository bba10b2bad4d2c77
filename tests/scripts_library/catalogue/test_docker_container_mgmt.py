"""docker-container-mgmt.sh: what was stopped is brought back, that alone, in order."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Job
from .engines import Podman, StandIn

TEMPLATE = "docker-container-mgmt.sh"
POST = {"hook": "post-backup", "outcome": "success", "WAIT_SECONDS": 0}


@pytest.fixture
def job(engine: Podman | StandIn, make_job: Callable[..., Job]) -> Job:
    """A job with the engine that the test is tried with."""
    return make_job(path=engine.path, environ=engine.environ)


@pytest.fixture
def odd_job(standin: StandIn, make_job: Callable[..., Job]) -> Job:
    """A job with the stand-in, for what a real engine cannot be brought to do."""
    return make_job(path=standin.path)


def notes(job: Job) -> list[str]:
    return [line for path in sorted(job.state.iterdir()) for line in path.read_text().splitlines()]


# --- stop and start ---------------------------------------------------------------------------------------------------
def test_what_ran_is_stopped_and_started_again_and_what_did_not_run_stays_as_it_was(
    engine: Podman | StandIn, job: Job
) -> None:
    for name in ("web", "db", "old", "frozen"):
        engine.make(name)
    engine.do("stop", "old")
    engine.do("pause", "frozen")
    values = {"CONTAINERS": "web  old\nfrozen db"}

    ran = job.run(TEMPLATE, **values)
    assert ran.ok, ran.output
    assert [engine.state(name) for name in ("web", "db", "old", "frozen")] == ["exited", "exited", "exited", "paused"]
    assert "old is not running (exited), and stays so." in ran.stdout

    for _ in range(2):  # a second time, as after a crash, is no error and changes nothing
        ran = job.run(TEMPLATE, **POST, **values)
        assert ran.ok, ran.output
        assert [engine.state(name) for name in ("web", "db", "old", "frozen")] == [
            "running",
            "running",
            "exited",
            "paused",
        ]


def test_a_pause_is_ended_by_unpause_and_one_that_was_paused_stays_so(engine: Podman | StandIn, job: Job) -> None:
    engine.make("web")
    engine.make("frozen")
    engine.do("pause", "frozen")
    values = {"CONTAINERS": "web frozen", "ACTION": "pause"}

    assert job.run(TEMPLATE, **values).ok
    assert engine.state("web") == "paused"

    assert job.run(TEMPLATE, **POST, **values).ok
    assert [engine.state("web"), engine.state("frozen")] == ["running", "paused"]


def test_a_paused_container_that_a_reboot_has_ended_runs_again(engine: Podman | StandIn, job: Job) -> None:
    engine.make("web")
    assert job.run(TEMPLATE, CONTAINERS="web", ACTION="pause").ok
    if isinstance(engine, Podman):
        engine.do("unpause", "web")
    engine.do("stop", "web")

    assert job.run(TEMPLATE, **POST, CONTAINERS="web", ACTION="pause").ok
    assert engine.state("web") == "running"


def test_by_label_after_those_by_name_and_each_once(engine: Podman | StandIn, job: Job) -> None:
    engine.make("app", labels=("stop.me=before backup", "tier=front"))
    engine.make("cache", labels=("stop.me=no",))
    engine.make("db")
    engine.make("old", labels=("tier=back",))
    engine.do("stop", "old")
    values = {"CONTAINERS": "db app", "LABELS": "  stop.me=before backup \n\ntier\n"}

    ran = job.run(TEMPLATE, **values)
    assert ran.ok, ran.output
    assert [line.split("|")[2] for line in notes(job) if line.startswith("stop")] == ["db", "app"]
    assert [engine.state(name) for name in ("app", "cache", "db")] == ["exited", "running", "exited"]

    assert job.run(TEMPLATE, **POST, **values).ok
    assert [engine.state(name) for name in ("app", "db", "old")] == ["running", "running", "exited"]


def test_they_are_started_in_the_reverse_order_of_stopping(standin: StandIn, odd_job: Job) -> None:
    for name in ("db", "web", "cache"):
        standin.make(name)
    odd_job.run(TEMPLATE, CONTAINERS="web cache db", STOP_SECONDS=3)
    odd_job.run(TEMPLATE, **POST, CONTAINERS="other names than before")  # what was noted counts

    stops = ["stop web -t 3", "stop cache -t 3", "stop db -t 3"]
    assert standin.calls == [*stops, "start db", "start cache", "start web"]


def test_what_an_engine_would_kill_at_once_is_given_time_to_end(engine: Podman | StandIn, job: Job) -> None:
    """As podman 4.3 notes it for what Compose made."""
    engine.make("db", grace="0")
    if isinstance(engine, Podman):
        wait_until_it_obeys(int(engine.say("inspect", "--format", "{{.State.Pid}}", "db")))
    ran = job.run(TEMPLATE, CONTAINERS="db")

    assert ran.ok, ran.output
    if isinstance(engine, Podman):
        assert engine.say("inspect", "--format", "{{.State.ExitCode}}", "db") == "0"
    else:
        assert engine.calls == ["stop db -t 10"]


def wait_until_it_obeys(pid: int) -> None:
    """The first process of a container passes over a signal that it does not catch."""
    status = Path(f"/proc/{pid}/status")
    while not int(status.read_text().partition("SigCgt:")[2].split()[0], 16) >> (signal.SIGTERM - 1) & 1:
        time.sleep(0.01)


# --- until it is up ---------------------------------------------------------------------------------------------------
def test_it_waits_until_healthy(engine: Podman | StandIn, job: Job) -> None:
    engine.make("web", health="exit 0")
    if isinstance(engine, StandIn):
        engine.set("web", health="healthy", becomes="starting")
    assert job.run(TEMPLATE, CONTAINERS="web").ok
    running = job.start(TEMPLATE, **{**POST, "WAIT_SECONDS": 50}, CONTAINERS="web")
    running.wait_until(lambda: "web: start done" in running.said())
    if isinstance(engine, StandIn):
        engine.set("web", health="healthy")
    else:
        engine.check_health("web")

    ran = running.end()
    assert ran.ok, ran.output


def test_who_is_not_healthy_in_time_is_named_and_the_others_run(engine: Podman | StandIn, job: Job) -> None:
    for name in ("web", "sick", "db"):
        engine.make(name, health="exit 1" if name == "sick" else "")
    if isinstance(engine, StandIn):
        engine.set("sick", health="healthy", becomes="unhealthy")
    assert job.run(TEMPLATE, CONTAINERS="web sick db").ok
    wait = 20 if isinstance(engine, Podman) else 1  # a check of podman's takes its time
    running = job.start(TEMPLATE, **{**POST, "WAIT_SECONDS": wait}, CONTAINERS="web sick db")
    running.wait_until(lambda: "web: start done" in running.said())
    if isinstance(engine, Podman):
        engine.check_health("sick")

    ran = running.end()
    assert ran.exit_code == 1
    assert ran.last_line == f"sick is not up after {wait} s: running, health check: unhealthy. See: docker logs sick"
    assert [engine.state(name) for name in ("web", "sick", "db")] == ["running"] * 3


def test_who_was_unhealthy_before_need_not_be_healthy_afterwards(standin: StandIn, odd_job: Job) -> None:
    standin.make("sick", health="unhealthy")
    assert odd_job.run(TEMPLATE, CONTAINERS="sick").ok
    ran = odd_job.run(TEMPLATE, **{**POST, "WAIT_SECONDS": 50}, CONTAINERS="sick")

    assert ran.ok
    assert "was unhealthy before the backup: not waited for" in ran.stdout


def test_one_that_ends_right_after_its_start_is_named(standin: StandIn, odd_job: Job) -> None:
    standin.make("web")
    assert odd_job.run(TEMPLATE, CONTAINERS="web").ok
    running = odd_job.start(TEMPLATE, **{**POST, "WAIT_SECONDS": 50}, CONTAINERS="web")
    running.wait_until(lambda: "web: start done" in running.said())
    standin.set("web", status="exited")

    assert "web did not stay up, it is exited." in running.end().last_line


def test_one_by_one_the_next_is_started_when_one_is_healthy(standin: StandIn, odd_job: Job) -> None:
    standin.make("web")
    standin.make("db", health="healthy", becomes="starting")
    assert odd_job.run(TEMPLATE, CONTAINERS="web db").ok
    running = odd_job.start(TEMPLATE, **{**POST, "WAIT_SECONDS": 50}, CONTAINERS="web db", ONE_BY_ONE=True)
    running.wait_until(lambda: "db: start done" in running.said())
    assert standin.calls[-1] == "start db"
    standin.set("db", health="healthy")

    assert running.end().ok
    assert standin.calls[-1] == "start web"


# --- which engine -----------------------------------------------------------------------------------------------------
def test_podman_alone_is_taken_and_what_was_noted_is_started_where_it_was_stopped(
    tmp_path: Path, make_job: Callable[..., Job]
) -> None:
    only = StandIn(tmp_path / "only").open("podman")
    only.make("web")
    job = make_job(path=only.path)
    assert job.run(TEMPLATE, CONTAINERS="web", CLIENT="podman", ENGINE_HOST="/run/user/1000/podman/podman.sock").ok
    assert notes(job)[0].endswith("|podman|unix:///run/user/1000/podman/podman.sock")

    assert job.run(TEMPLATE, **POST, CONTAINERS="web").ok  # here nobody filled in which program and where
    assert only.state("web") == "running"
