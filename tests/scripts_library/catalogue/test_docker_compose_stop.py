"""docker-compose-stop.sh: a project is stopped in the order of its dependencies and brought back, found by its labels."""

from collections.abc import Callable

import pytest

from .conftest import CATALOGUE, Job
from .engines import Podman, StandIn

TEMPLATE = "docker-compose-stop.sh"
POST = {"hook": "post-backup", "outcome": "success", "WAIT_SECONDS": 0}
LABEL = "com.docker.compose"


@pytest.fixture
def job(engine: Podman | StandIn, make_job: Callable[..., Job]) -> Job:
    return make_job(path=engine.path, environ=engine.environ)


def up(engine: Podman | StandIn, service: str, *needs: str, project: str = "cloud", **more: str) -> None:
    """A container as Docker Compose 2 labels it."""
    labels = {
        "project": project,
        "project.working_dir": f"/srv/my {project}",
        "service": service,
        "oneoff": "False",
        "depends_on": ",".join(f"{name}:service_started:false" for name in needs),
        **more,
    }
    name = f"{project}-{service}-1" if labels["oneoff"] == "False" else f"{project}-{service}-run"
    engine.make(name, labels=tuple(f"{LABEL}.{key}={value}" for key, value in labels.items()))


def states(engine: Podman | StandIn, *services: str) -> list[str]:
    return [engine.state(f"cloud-{service}-1") for service in services]


def test_who_needs_another_is_stopped_first_and_started_last(engine: Podman | StandIn, job: Job) -> None:
    up(engine, "app", "db", "cache")
    up(engine, "db")
    up(engine, "cache", "db")
    up(engine, "idle", "db")
    up(engine, "shell", oneoff="True")
    up(engine, "app", project="other")
    engine.do("stop", "cloud-idle-1")

    ran = job.run(TEMPLATE, PROJECT="cloud")
    assert ran.ok, ran.output
    said = [line.partition(":")[0] for line in ran.stdout.splitlines() if "stop done" in line]
    assert said == ["cloud-app-1", "cloud-cache-1", "cloud-db-1"]
    assert states(engine, "app", "cache", "db") == ["exited"] * 3
    assert (engine.state("other-app-1"), engine.state("cloud-shell-run")) == ("running", "running")

    ran = job.run(TEMPLATE, **POST, PROJECT="cloud")
    assert ran.ok, ran.output
    said = [line.partition(":")[0] for line in ran.stdout.splitlines() if "start done" in line]
    assert said == ["cloud-db-1", "cloud-cache-1", "cloud-app-1"]
    assert states(engine, "app", "cache", "db", "idle") == ["running", "running", "running", "exited"]


def test_by_folder_and_only_some_services(engine: Podman | StandIn, job: Job) -> None:
    up(engine, "app", "db")
    up(engine, "db")
    values = {"PROJECT": "/srv/./my cloud/", "SERVICES": "app\n"}

    assert job.run(TEMPLATE, **values).ok
    assert states(engine, "app", "db") == ["exited", "running"]
    assert job.run(TEMPLATE, **POST, **values).ok
    assert states(engine, "app", "db") == ["running", "running"]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"PROJECT": "clod"}, "No container belongs to a project 'clod'."),
        ({"PROJECT": "/srv/nothing"}, "No container belongs to a project '/srv/nothing'."),
        ({"PROJECT": "cloud", "SERVICES": "app web"}, "The project 'cloud' has no service 'web', only app db."),
    ],
)
def test_what_is_not_there_is_told_and_nothing_is_stopped(
    values: dict, sentence: str, standin: StandIn, make_job: Callable[..., Job]
) -> None:
    up(standin, "app", "db")
    up(standin, "db", "app")  # a circle does no harm
    job = make_job(path=standin.path)
    ran = job.run(TEMPLATE, **values)

    assert ran.exit_code == 1
    assert sentence in ran.last_line or sentence.replace("app db", "db app") in ran.last_line
    assert standin.calls == []
    assert job.run(TEMPLATE, **POST, **values).ok


def test_both_templates_for_containers_stop_and_start_by_the_same_lines() -> None:
    """They are two files, because each is one script; a repair of one is a repair of the other."""

    def shared(template: str, begin: str, end: str) -> str:
        text = (CATALOGUE / template).read_text().replace(template.removesuffix(".sh"), "TEMPLATE")
        return text[text.index(begin) : text.rindex(end)]

    for begin, end in (("# One file for each", "# --- before"), ("look_first() {", "# -------")):
        assert shared(TEMPLATE, begin, end) == shared("docker-container-mgmt.sh", begin, end)


def test_what_an_engine_would_kill_at_once_is_given_time_to_end(standin: StandIn, make_job: Callable[..., Job]) -> None:
    """As podman 4.3 notes it for what Compose made."""
    job = make_job(path=standin.path)
    up(standin, "db")
    standin.set("cloud-db-1", grace="0")

    assert job.run(TEMPLATE, PROJECT="cloud").ok
    assert standin.calls == ["stop cloud-db-1 -t 10"]
