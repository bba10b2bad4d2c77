"""docs/templates-services.md says what happens: every example is run, with what the template needs brought along."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts_library import manifest
from tests.scripts_library.catalogue.conftest import CATALOGUE, Job
from tests.scripts_library.catalogue.engines import StandIn
from tests.scripts_library.catalogue.test_docker_compose_stop import up
from tests.scripts_library.catalogue.test_lvm_snapshot import Machine
from tests.scripts_library.catalogue.test_nextcloud_maintenance import Nextcloud
from tests.test_docs import blocks, table

PAGE = "docs/templates-services.md"
EXAMPLES = [(text.splitlines()[0].removeprefix("# "), tomllib.loads(text)) for text in blocks(PAGE, "toml")]


def examples(template: str) -> list[dict[str, Any]]:
    found = [values for name, values in EXAMPLES if name == template]
    assert found
    return found


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Job]:
    """run(template, values, path=[...]): both halves of one job, with what is to hold in between."""

    def both(template: str, values: dict[str, Any], meanwhile: Callable[[], None], **fields: Any) -> Job:
        job = Job(tmp_path / f"job-{len(list(tmp_path.iterdir()))}", **fields)
        first = job.run(template, **values)
        assert first.ok, first.output
        meanwhile()
        second = job.run(template, "post-backup", "success", **values)
        assert second.ok, second.output
        return job

    return both


def test_the_table_says_which_hooks_each_has_and_every_one_has_its_example() -> None:
    rows = table(PAGE, "template")

    for template, _, after in rows:
        declared = manifest.parse((CATALOGUE / template).read_text())
        assert ("post-backup" in declared.hooks) == bool(after)
        assert declared.hooks[0] == "pre-backup"
    assert {row[0] for row in rows} == {name for name, _ in EXAMPLES}


def test_containers(run: Callable, tmp_path: Path) -> None:
    by_name, by_label = examples("docker-container-mgmt.sh")
    engine = StandIn(tmp_path / "docker").open()
    names = by_name["CONTAINERS"].split()
    for name in names:
        engine.make(name)
    engine.make("labelled", labels=(by_label["LABELS"],))

    def states() -> list[str]:
        return [engine.state(name) for name in (*names, "labelled")]

    def stopped() -> None:
        assert states() == ["exited"] * len(names) + ["running"]

    def paused() -> None:
        assert states() == ["running"] * len(names) + ["paused"]

    run("docker-container-mgmt.sh", by_name, stopped, path=engine.path)
    run("docker-container-mgmt.sh", by_label, paused, path=engine.path)
    assert states() == ["running"] * (len(names) + 1)


def test_a_compose_project(run: Callable, tmp_path: Path) -> None:
    [values] = examples("docker-compose-stop.sh")
    engine = StandIn(tmp_path / "docker").open()
    for service in ("webserver", "broker", "db"):
        up(engine, service, **{"project.working_dir": values["PROJECT"]})

    def stopped() -> None:
        assert [engine.state(f"cloud-{name}-1") for name in ("webserver", "broker", "db")] == [
            "exited",
            "running",
            "exited",
        ]

    run("docker-compose-stop.sh", values, stopped, path=engine.path)
    assert engine.state("cloud-db-1") == "running"


def test_nextcloud(run: Callable, tmp_path: Path) -> None:
    in_container, on_host = examples("nextcloud-maintenance.sh")
    nextcloud = Nextcloud(tmp_path / "programs")

    def is_on() -> None:
        assert nextcloud.state == "enabled"

    nextcloud.install(nextcloud.programs / "containers" / in_container["CONTAINER"])
    run("nextcloud-maintenance.sh", in_container, is_on, path=[nextcloud.programs])
    assert nextcloud.state == "disabled"

    nextcloud.install(tmp_path / "www")
    for name in ("runuser", "sudo"):  # who runs the tests need not be allowed to become another
        (nextcloud.programs / name).write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
        (nextcloud.programs / name).chmod(0o755)
    run("nextcloud-maintenance.sh", {**on_host, "NEXTCLOUD_PATH": tmp_path / "www"}, is_on, path=[nextcloud.programs])
    assert nextcloud.state == "disabled"


def test_a_monitor(run: Callable, tmp_path: Path) -> None:
    [values] = examples("healthcheck-notify.sh")
    (tmp_path / "curl").write_text('#!/bin/sh\ngrep ^url >>"${0%/*}/called"\n')
    (tmp_path / "curl").chmod(0o755)

    run("healthcheck-notify.sh", values, lambda: None, path=[tmp_path])
    first, second = [line.partition("?")[0] for line in (tmp_path / "called").read_text().splitlines()]
    assert (first, second) == (f'url = "{values["PING_URL"]}/start', f'url = "{values["PING_URL"]}')
    assert {row[0] for row in table(PAGE, "`MONITOR`")} == set(choices("healthcheck-notify.sh", "MONITOR"))


def choices(template: str, name: str) -> tuple[str, ...]:
    declared = manifest.parse((CATALOGUE / template).read_text())
    return next(entry.choices for entry in declared.parameters if entry.name == name)


def test_a_machine_that_sleeps_and_a_drive_that_is_not_there_skip_the_backup(tmp_path: Path) -> None:
    [nas] = examples("wake-on-lan.sh")
    [drive] = examples("mount-check.sh")
    nobody = {**nas, "TARGET_HOST": "nas.invalid", "WAIT_SECONDS": 0, "BROADCAST": "127.0.0.1"}

    assert Job(tmp_path / "wake").run("wake-on-lan.sh", **nobody).exit_code == 75
    ran = Job(tmp_path / "look").run("mount-check.sh", **drive)
    assert (ran.exit_code, ran.last_line) == (75, f"{drive['MOUNT_PATH']} is not there.")


def test_a_snapshot(run: Callable, tmp_path: Path) -> None:
    [values] = examples("lvm-snapshot.sh")
    machine = Machine(tmp_path / "machine")

    def is_mounted() -> None:
        assert machine.mounts == [f"/dev/vg0/data_borgui_7|{tmp_path}/mnt|ro"]

    fields = {"path": [machine.folder], "sources": [tmp_path / "mnt"]}
    run("lvm-snapshot.sh", {**values, "MOUNT_PATH": tmp_path / "mnt"}, is_mounted, **fields)
    assert machine.snapshots == ["data", "mine"]
