"""docker-container-mgmt.sh when something goes wrong: nothing stays down in silence, and nothing is stopped for nothing."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Job, Running
from .engines import NEEDS_ROOT, Podman, StandIn

TEMPLATE = "docker-container-mgmt.sh"
POST = {"hook": "post-backup", "outcome": "success", "WAIT_SECONDS": 0}
AFTER_FAILURE = {**POST, "outcome": "failure"}


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


def kill(running: Running) -> None:
    """SIGKILL to everything, as when the machine goes down; nothing of it is left to write anything."""
    assert running.identity
    os.killpg(running.identity.pid, signal.SIGKILL)
    running.end()


# --- what goes wrong before the backup --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"CONTAINERS": "web nobody"}, "There is no container 'nobody'."),
        ({"CONTAINERS": "web 'quoted'"}, "There is no container ''quoted''."),
        ({"CONTAINERS": "web *"}, "There is no container '*'."),
        ({"CONTAINERS": "web --all"}, "There is no container '--all'."),
        ({"CONTAINERS": "web", "LABELS": "no.such=label"}, "No container has the label 'no.such=label'."),
    ],
)
def test_who_does_not_exist_is_found_before_anything_is_stopped(
    values: dict, sentence: str, standin: StandIn, odd_job: Job
) -> None:
    standin.make("web")
    ran = odd_job.run(TEMPLATE, **values)

    assert ran.exit_code == 1
    assert sentence in ran.last_line
    assert "Nothing was stopped" in ran.last_line
    assert standin.state("web") == "running"
    assert notes(odd_job) == []
    assert odd_job.run(TEMPLATE, **POST, **values).ok


def test_one_that_cannot_be_stopped_ends_the_first_half_and_the_second_starts_the_others(
    standin: StandIn, odd_job: Job
) -> None:
    for name, more in (("web", {}), ("stuck", {"fails": "stop"}), ("db", {})):
        standin.make(name, **more)
    ran = odd_job.run(TEMPLATE, CONTAINERS="web stuck db")

    assert ran.exit_code == 1
    assert "stuck did not stop: Error response from daemon" in ran.last_line
    assert standin.state("db") == "running"

    assert odd_job.run(TEMPLATE, **AFTER_FAILURE, CONTAINERS="web stuck db").ok
    assert standin.state("web") == "running"
    assert standin.calls == ["stop web", "stop stuck", "start web"]


def test_without_an_engine_it_fails_with_what_to_look_at(
    engine: Podman | StandIn, make_job: Callable[..., Job]
) -> None:
    if isinstance(engine, StandIn):
        (engine.folder / "down").touch()
    job = make_job(path=engine.path)
    ran = job.run(TEMPLATE, CONTAINERS="web", ENGINE_HOST=f"{job.folder}/nobody.sock")

    assert ran.exit_code == 1
    assert "Cannot connect to the Docker daemon" in ran.last_line
    assert "Address of the engine" in ran.last_line


@pytest.mark.parametrize("client", ["auto", "docker", "podman"])
def test_without_the_program_it_says_so(client: str, make_job: Callable[..., Job], tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("bash", "cksum", "id"):
        (tmp_path / "bin" / name).symlink_to(f"/usr/bin/{name}")
    job = make_job()
    env = job.environment(TEMPLATE, "pre-backup", "", {"CONTAINERS": "web", "CLIENT": client}) | {
        "PATH": f"{tmp_path}/bin"
    }
    copy = Path(__file__).parents[3] / "scripts_library" / "catalogue" / TEMPLATE
    ran = Running(["/bin/bash", str(copy)], env, job.folder, []).end()

    assert ran.exit_code == 1
    assert f"The program {'docker or podman' if client == 'auto' else client} is not installed here" in ran.output


def test_neither_names_nor_labels_is_told(make_job: Callable[..., Job]) -> None:
    ran = make_job().run(TEMPLATE, CONTAINERS=" \n ", LABELS=" ")

    assert (ran.exit_code, ran.last_line) == (1, "Neither containers nor labels are given: fill in one of the two.")


def test_one_that_would_be_deleted_by_stopping_is_refused_and_may_be_paused(standin: StandIn, odd_job: Job) -> None:
    standin.make("web")
    standin.make("passing", rm="true")
    ran = odd_job.run(TEMPLATE, CONTAINERS="web passing")

    assert (ran.exit_code, standin.calls) == (1, [])
    assert "passing was started with --rm" in ran.last_line
    assert odd_job.run(TEMPLATE, CONTAINERS="web passing", ACTION="pause").ok


def test_a_dead_container_is_left_alone_with_a_word_before_and_is_a_failure_after(
    standin: StandIn, odd_job: Job
) -> None:
    standin.make("web")
    standin.make("corpse", status="dead")
    standin.make("dying")
    ran = odd_job.run(TEMPLATE, CONTAINERS="web corpse dying")
    assert ran.ok
    assert "corpse is dead" in ran.stdout

    standin.set("dying", status="dead")
    ran = odd_job.run(TEMPLATE, **POST, CONTAINERS="web corpse dying")
    assert ran.exit_code == 1
    assert "dying is dead and cannot be started" in ran.stderr
    assert standin.state("web") == "running"


def test_a_full_disk_stops_nothing(standin: StandIn, make_job: Callable[..., Job]) -> None:
    standin.make("web")
    job = make_job(path=standin.path)
    (standin.folder / "sync").write_text("#!/bin/sh\necho 'sync: No space left on device' >&2\nexit 1\n")
    (standin.folder / "sync").chmod(0o755)
    ran = job.run(TEMPLATE, CONTAINERS="web")

    assert ran.exit_code == 1
    assert "STATE_DIR cannot be written, so web was not stopped." in ran.last_line
    assert standin.state("web") == "running"


# --- what goes wrong after it -----------------------------------------------------------------------------------------
def test_who_is_gone_is_told_and_the_others_are_started(engine: Podman | StandIn, job: Job) -> None:
    for name in ("web", "gone", "db"):
        engine.make(name)
    assert job.run(TEMPLATE, CONTAINERS="web gone db").ok
    engine.do("rm", "gone")
    ran = job.run(TEMPLATE, **POST, CONTAINERS="web gone db")

    assert ran.exit_code == 1
    assert "gone is gone: somebody removed it" in ran.stderr
    assert [engine.state("web"), engine.state("db")] == ["running", "running"]


def test_one_that_was_renamed_or_created_anew_is_found_again(standin: StandIn, odd_job: Job) -> None:
    standin.make("web")
    standin.make("db")
    assert odd_job.run(TEMPLATE, CONTAINERS="web db").ok
    standin.set("web", name="web_old")
    standin.do("rm", "db")
    standin.make("db", status="created")
    ran = odd_job.run(TEMPLATE, **POST, CONTAINERS="web db")

    assert ran.ok, ran.output
    assert "web is now called web_old." in ran.stdout
    assert "db has been created anew since it was stopped." in ran.stdout
    assert [standin.state("web_old"), standin.state("db")] == ["running", "running"]


def test_one_that_cannot_be_started_does_not_hold_the_others(standin: StandIn, odd_job: Job) -> None:
    for name, more in (("web", {}), ("broken", {"fails": "start"}), ("db", {})):
        standin.make(name, **more)
    assert odd_job.run(TEMPLATE, CONTAINERS="web broken db").ok
    ran = odd_job.run(TEMPLATE, **POST, CONTAINERS="web broken db")

    assert ran.exit_code == 1
    assert "broken did not start: Error response from daemon" in ran.stderr
    assert [standin.state(name) for name in ("web", "broken", "db")] == ["running", "exited", "running"]

    standin.set("broken", fails="")
    ran = odd_job.run(TEMPLATE, **POST, CONTAINERS="web broken db")  # recovery tries it again
    assert ran.ok
    assert standin.calls[-1] == "start broken"


def test_an_engine_that_is_not_up_yet_is_a_failure_that_a_later_try_puts_right(standin: StandIn, odd_job: Job) -> None:
    standin.make("web")
    assert odd_job.run(TEMPLATE, CONTAINERS="web").ok
    (standin.folder / "down").touch()
    assert odd_job.run(TEMPLATE, **POST, CONTAINERS="web").exit_code == 1

    (standin.folder / "down").unlink()
    assert odd_job.run(TEMPLATE, **POST, CONTAINERS="web").ok
    assert standin.state("web") == "running"


# --- killed in the middle ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("while_stopping", ["web", "db", "cache"])
def test_killed_between_two_containers_all_run_again(while_stopping: str, standin: StandIn, odd_job: Job) -> None:
    for name in ("web", "db", "cache"):
        standin.make(name)
    standin.hold("stop", while_stopping)
    running = odd_job.start(TEMPLATE, CONTAINERS="web db cache")
    running.wait_until(lambda: f"stop {while_stopping}" in standin.calls)
    assert notes(odd_job)[-1].split("|")[2] == while_stopping, "noted before it is stopped"
    kill(running)
    standin.release()

    ran = odd_job.run(TEMPLATE, **AFTER_FAILURE, CONTAINERS="web db cache")
    assert ran.ok, ran.output
    assert [standin.state(name) for name in ("web", "db", "cache")] == ["running"] * 3


@pytest.mark.services
@pytest.mark.skipif(os.geteuid() != 0, reason=NEEDS_ROOT)
def test_an_engine_that_goes_on_stopping_after_its_client_was_killed_has_the_first_word_and_the_script_the_last(
    podman: Podman, make_job: Callable[..., Job]
) -> None:
    job = make_job(environ=podman.environ)
    podman.make("web")
    podman.make("db", stubborn=True)
    try:
        running = job.start(TEMPLATE, CONTAINERS="web db", STOP_SECONDS=10)
        running.wait_until(lambda: podman.state("db") == "stopping")
        kill(running)

        ran = job.run(TEMPLATE, **AFTER_FAILURE, CONTAINERS="web db", STOP_SECONDS=10)
        assert ran.ok, ran.output
        assert "db was about to be stopped" in ran.stdout
        assert [podman.state("web"), podman.state("db")] == ["running", "running"]
    finally:
        podman.forget_all()


def test_a_line_that_was_cut_off_by_a_power_cut_belongs_to_nothing(standin: StandIn, odd_job: Job) -> None:
    standin.make("web")
    assert odd_job.run(TEMPLATE, CONTAINERS="web").ok
    (file,) = odd_job.state.iterdir()
    with file.open("a") as half:
        half.write("stop|c0ffee")

    assert odd_job.run(TEMPLATE, **POST, CONTAINERS="web").ok
    assert standin.state("web") == "running"
