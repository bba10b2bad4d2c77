"""mount-check.sh: "not there" is not now, "read-only" and "full" are failures."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import Job, Ran

TEMPLATE = "mount-check.sh"
SHARED_MEMORY = Path("/dev/shm")  # a mount that every Linux has, and everybody may write to


@pytest.fixture
def check(make_job: Callable[..., Job]) -> Callable[..., Ran]:
    def run(folder: Path, **values: object) -> Ran:
        return make_job().run(TEMPLATE, MOUNT_PATH=folder, **values)

    return run


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 4 MiB."""
    folder = tmp_path / 'my drive\'s "folder"'
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_mount_is_there_and_a_folder_is_none(check: Callable[..., Ran], tmp_path: Path) -> None:
    assert check(SHARED_MEMORY).ok
    ran = check(tmp_path)
    assert (ran.exit_code, ran.last_line) == (75, f"Nothing is mounted at {tmp_path}.")
    ran = check(tmp_path / "nothing here")
    assert (ran.exit_code, ran.last_line) == (75, f"{tmp_path}/nothing here is not there.")
    assert check(tmp_path, IF_NOT_THERE="fail").exit_code == 1


def test_a_folder_somewhere_on_a_drive_is_known_by_a_file(check: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "it is me").touch()

    assert check(tmp_path, MUST_BE_MOUNTED=False, MARK_FILE="it is me").ok
    assert check(tmp_path, MUST_BE_MOUNTED=False, MARK_FILE=str(tmp_path / "it is me")).ok
    ran = check(tmp_path, MUST_BE_MOUNTED=False, MARK_FILE="it is not")
    assert (ran.exit_code, ran.last_line) == (
        75,
        f"{tmp_path}/it is not is not there: another drive is mounted, or none.",
    )
    assert sorted(os.listdir(tmp_path)) == ["it is me", "jobs"]


def test_too_little_room_is_a_failure(check: Callable[..., Ran]) -> None:
    assert check(SHARED_MEMORY, MIN_FREE_MIB=1).ok
    ran = check(SHARED_MEMORY, MIN_FREE_MIB=999_999_999)

    assert ran.exit_code == 1
    assert "and 999999999 MiB are wanted." in ran.last_line


@pytest.fixture
def told_uuid(tmp_path: Path, make_job: Callable[..., Job]) -> Callable[..., Ran]:
    """With a findmnt or a blkid that knows this UUID."""

    def run(of_findmnt: str, of_blkid: str, wanted: str) -> Ran:
        programs = tmp_path / "programs"
        programs.mkdir(exist_ok=True)
        for name, text in {
            "findmnt": f'case $* in *" UUID "*) echo "{of_findmnt}" ;; *SOURCE*) echo "/dev/sdb1[/sub]" ;; esac',
            "blkid": f'[ "${{@: -1}}" = /dev/sdb1 ] && echo "{of_blkid}"',
        }.items():
            (programs / name).write_text(f"#!/bin/bash\n{text}\n")
            (programs / name).chmod(0o755)
        return make_job(path=[programs]).run(TEMPLATE, MOUNT_PATH=SHARED_MEMORY, FILESYSTEM_UUID=wanted)

    return run


@pytest.mark.parametrize(
    ("of_findmnt", "of_blkid", "code", "sentence"),
    [
        ("abcd-1234", "", 0, "is there."),
        ("", "ABCD-1234", 0, "is there."),
        ("beef-0000", "", 75, "Another drive is mounted at /dev/shm: its UUID is beef-0000."),
        ("", "", 1, "Name a file that is on it instead."),
    ],
)
def test_a_drive_is_known_by_its_uuid(
    of_findmnt: str, of_blkid: str, code: int, sentence: str, told_uuid: Callable[..., Ran]
) -> None:
    ran = told_uuid(of_findmnt, of_blkid, "ABCD-1234")

    assert ran.exit_code == code
    assert sentence in ran.last_line


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount something")
def test_a_drive_that_is_read_only_is_a_failure_unless_it_is_only_read(check: Callable[..., Ran], drive: Path) -> None:
    assert check(drive).ok
    subprocess.run(["mount", "-o", "remount,ro", drive], check=True)
    ran = check(drive)

    assert ran.exit_code == 1
    assert ran.last_line.startswith(f"{drive} is mounted read-only.")
    assert check(drive, MUST_BE_WRITABLE=False).ok


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount something")
def test_of_two_that_are_mounted_there_the_upper_one_counts(check: Callable[..., Ran], drive: Path) -> None:
    """As where it is mounted on demand: below it lies that which waits for somebody to look."""
    subprocess.run(["mount", "-o", "remount,ro", drive], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "upper", drive], check=True)
    try:
        ran = check(drive)
        assert ran.ok, ran.output
    finally:
        subprocess.run(["umount", drive], check=True)

    assert check(drive).last_line.startswith(f"{drive} is mounted read-only.")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount something")
def test_a_full_drive_is_told_by_its_room_and_nothing_is_left_on_it(check: Callable[..., Ran], drive: Path) -> None:
    assert check(drive, MIN_FREE_MIB=3).ok
    (drive / "big").write_bytes(b"x" * (2 << 20))
    ran = check(drive, MIN_FREE_MIB=3)

    assert ran.exit_code == 1
    assert ran.last_line == f"Only 2 MiB are free on {drive}, and 3 MiB are wanted."
    assert os.listdir(drive) == ["big"]
