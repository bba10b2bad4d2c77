"""lvm-snapshot.sh: a snapshot is there for one backup, and never more than one is left. LVM and mount are stand-ins."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Job

TEMPLATE = "lvm-snapshot.sh"
PROGRAMS = ("vgs", "lvs", "lvcreate", "lvremove", "blkid", "mount", "umount", "findmnt", "mountpoint")


class Machine:
    """A group `vg0` with the volume `data` and another one's snapshot of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.volume("vg0/data", origin="", lv_tags="", pool_lv="", lv_attr="owi-aos---")
        self.volume("vg0/mine", origin="data", lv_tags="by_hand", pool_lv="", lv_attr="swi-a-s---")
        (folder / "groups" / "vg0" / "vg_free").write_text("10240.00\n")
        (folder / "mounts").touch()
        for name in PROGRAMS:
            shutil.copy(Path(__file__).with_name("standin_lvm.sh"), folder / name)
            (folder / name).chmod(0o755)

    def volume(self, name: str, **facts: str) -> None:
        place = self.folder / "groups" / name
        place.mkdir(parents=True, exist_ok=True)
        for fact, value in facts.items():
            (place / fact).write_text(f"{value}\n")

    @property
    def snapshots(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "groups" / "vg0").iterdir() if path.is_dir())

    def fact(self, name: str) -> str:
        return (self.folder / "groups" / name).read_text().strip()

    @property
    def mounts(self) -> list[str]:
        return (self.folder / "mounts").read_text().splitlines()

    def calls(self, program: str) -> list[str]:
        return [line for line in (self.folder / "calls").read_text().splitlines() if line.split()[0] == program]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the snapshot is mounted."""
    return tmp_path / "mnt" / "my snapshot"


@pytest.fixture
def new_job(machine: Machine, place: Path, make_job: Callable[..., Job]) -> Callable[[], Job]:
    return lambda: make_job(sources=[place / "home"], path=[machine.folder])


OURS = "data_borgui_7"
THEIRS = ["data", "mine"]


@pytest.mark.parametrize(("kind", "how"), [("ext4", "ro"), ("xfs", "ro,nouuid")])
@pytest.mark.parametrize("name", ["vg0/data", "/dev/vg0/data"])
def test_a_snapshot_is_mounted_read_only_and_removed_afterwards(
    kind: str, how: str, name: str, machine: Machine, place: Path, new_job: Callable[[], Job]
) -> None:
    (machine.folder / "blkid").write_text(f"#!/bin/sh\necho {kind}\n")
    job, values = new_job(), {"VOLUME": name, "MOUNT_PATH": place, "SNAPSHOT_MIB": 512}
    ran = job.run(TEMPLATE, **values)

    assert ran.ok, ran.output
    assert machine.snapshots == sorted([OURS, *THEIRS])
    assert machine.mounts == [f"/dev/vg0/{OURS}|{place}|{how}"]
    assert machine.fact(f"vg0/{OURS}/size") == "512"
    assert machine.fact(f"vg0/{OURS}/lv_tags") == "borgui,borgui_repository_7"
    for _ in range(2):
        ran = job.run(TEMPLATE, "post-backup", "success", **values)
        assert ran.ok, ran.output
        assert (machine.snapshots, machine.mounts) == (THEIRS, [])


def test_a_thin_volume_takes_no_size_and_a_full_pool_is_refused(
    machine: Machine, place: Path, new_job: Callable[[], Job]
) -> None:
    machine.volume("vg0/pool", data_percent="94.90", lv_tags="")
    machine.volume("vg0/data", pool_lv="pool")
    assert new_job().run(TEMPLATE, VOLUME="vg0/data", MOUNT_PATH=place).ok
    (made,) = machine.calls("lvcreate")
    assert "--setactivationskip n vg0/data" in made
    assert "--size" not in made

    machine.volume("vg0/pool", data_percent="95.10")
    ran = new_job().run(TEMPLATE, VOLUME="vg0/data", MOUNT_PATH=place)
    assert ran.exit_code == 1
    assert "The pool vg0/pool is 95.10 % full" in ran.last_line


def test_what_a_lost_backup_left_is_removed_first_and_nothing_else(
    machine: Machine, place: Path, new_job: Callable[[], Job]
) -> None:
    machine.volume("vg0/data_borgui_8", origin="data", lv_tags="borgui,borgui_repository_8", pool_lv="")
    machine.volume("vg0/other_borgui_7", origin="other", lv_tags="borgui,borgui_repository_7", pool_lv="")
    values = {"VOLUME": "vg0/data", "MOUNT_PATH": place}
    assert new_job().run(TEMPLATE, **values).ok
    ran = new_job().run(TEMPLATE, **values)

    assert ran.ok, ran.output
    assert f"Removing vg0/{OURS}, which was left by a backup that broke off." in ran.stdout
    assert machine.calls("lvremove") == [f"lvremove --yes --force vg0/{OURS}"]
    assert machine.mounts == [f"/dev/vg0/{OURS}|{place}|ro"]
    assert machine.snapshots == sorted([OURS, *THEIRS, "data_borgui_8", "other_borgui_7"])


@pytest.mark.parametrize("trouble", ["no-lvcreate", "no-mount"])
def test_a_first_half_that_fails_leaves_nothing_once_the_second_has_run(
    trouble: str, machine: Machine, place: Path, new_job: Callable[[], Job]
) -> None:
    (machine.folder / trouble).touch()
    job, values = new_job(), {"VOLUME": "vg0/data", "MOUNT_PATH": place}

    assert job.run(TEMPLATE, **values).exit_code == 1
    ran = job.run(TEMPLATE, "post-backup", "failure", **values)
    assert ran.ok, ran.output
    assert (machine.snapshots, machine.mounts) == (THEIRS, [])


def test_killed_while_it_is_made_it_is_removed(machine: Machine, place: Path, new_job: Callable[[], Job]) -> None:
    (machine.folder / "blkid").write_text('#!/bin/sh\necho asked >"$0.asked"\nexec sleep 50\n')
    job, values = new_job(), {"VOLUME": "vg0/data", "MOUNT_PATH": place}
    running = job.start(TEMPLATE, **values)
    running.wait_until((machine.folder / "blkid.asked").exists)
    assert OURS in machine.snapshots
    assert running.identity
    os.killpg(running.identity.pid, signal.SIGKILL)
    running.end()

    assert job.run(TEMPLATE, "post-backup", "failure", **values).ok
    assert machine.snapshots == THEIRS


def test_one_that_ran_full_fails_and_is_removed_all_the_same(
    machine: Machine, place: Path, new_job: Callable[[], Job]
) -> None:
    job, values = new_job(), {"VOLUME": "vg0/data", "MOUNT_PATH": place}
    assert job.run(TEMPLATE, **values).ok
    machine.volume(f"vg0/{OURS}", lv_attr="swi-I-s---")
    ran = job.run(TEMPLATE, "post-backup", "success", **values)

    assert ran.exit_code == 1
    assert "ran full during the backup, which is incomplete: give it more than 4096 MiB." in ran.stderr
    assert machine.snapshots == THEIRS


def test_one_that_is_busy_for_a_moment_is_waited_for(machine: Machine, place: Path, new_job: Callable[[], Job]) -> None:
    job, values = new_job(), {"VOLUME": "vg0/data", "MOUNT_PATH": place}
    assert job.run(TEMPLATE, **values).ok
    (machine.folder / "busy").touch()

    assert job.run(TEMPLATE, "post-backup", "success", **values).ok
    assert (machine.snapshots, machine.mounts) == (THEIRS, [])


def test_one_whose_mark_is_gone_is_not_touched(machine: Machine, place: Path, new_job: Callable[[], Job]) -> None:
    job, values = new_job(), {"VOLUME": "vg0/data", "MOUNT_PATH": place}
    assert job.run(TEMPLATE, **values).ok
    machine.volume(f"vg0/{OURS}", lv_tags="borgui_repository_71")

    assert job.run(TEMPLATE, "post-backup", "success", **values).ok
    assert OURS in machine.snapshots


def test_nothing_is_made_where_it_would_not_be_backed_up_or_has_no_room(
    machine: Machine, place: Path, new_job: Callable[[], Job], make_job: Callable[..., Job]
) -> None:
    values = {"VOLUME": "vg0/data", "MOUNT_PATH": place}
    elsewhere = make_job(sources=["/srv", f"{place}-other"], path=[machine.folder])
    ran = elsewhere.run(TEMPLATE, **values)
    assert (ran.exit_code, "None of the sources is in" in ran.last_line) == (1, True)

    ran = new_job().run(TEMPLATE, **values, SNAPSHOT_MIB=20000)
    assert (ran.exit_code, ran.last_line.partition(",")[0]) == (1, "Only 10240 MiB are free in the group vg0")

    ran = new_job().run(TEMPLATE, **{**values, "VOLUME": "vg0/nothing"})
    assert (ran.exit_code, "The volume 'vg0/nothing' cannot be read" in ran.last_line) == (1, True)

    (machine.folder / "mounts").write_text(f"/dev/sdb1|{place}|rw\n")
    ran = new_job().run(TEMPLATE, **values)
    assert (ran.exit_code, "Something else is mounted at" in ran.last_line) == (1, True)
    assert machine.snapshots == THEIRS


@pytest.mark.parametrize("sources", [["/"], ["/srv", "{mnt}"], ["{place}"], ["{place}/deep/er"]])
def test_any_source_that_holds_it_or_lies_in_it_will_do(
    sources: list[str], machine: Machine, place: Path, make_job: Callable[..., Job]
) -> None:
    named = [source.format(mnt=place.parent, place=place) for source in sources]
    job = make_job(sources=named, path=[machine.folder])

    assert job.run(TEMPLATE, VOLUME="vg0/data", MOUNT_PATH=place).ok
