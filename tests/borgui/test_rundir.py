"""Run directories, with real locks and real processes that die."""

import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from borgui.process import Identity
from borgui.rundir import Busy, RunDirectory

DEAD = Identity(2**22 - 1, 1, Identity.current().boot_id)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[RunDirectory]:
    directory = RunDirectory(tmp_path / "jobs" / "7")
    yield directory
    directory.release()


@contextmanager
def another_process(work: Callable[[], None]) -> Iterator[int]:
    """A fork that does `work`, says so, and then lives until it is killed."""
    ready, say = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os.write(say, b"!")
            signal.pause()
        finally:
            os._exit(1)
    os.close(say)
    assert os.read(ready, 1) == b"!"
    os.close(ready)
    try:
        yield pid
    finally:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


# --- the lock ---------------------------------------------------------------------------------------------------------
def test_who_takes_the_lock_is_written_into_it(directory: RunDirectory) -> None:
    directory.acquire()

    assert directory.owner() == Identity.current()
    assert directory.is_owned()
    assert directory.child() == (None, "")


def test_a_second_process_is_refused_and_told_who_has_it(directory: RunDirectory) -> None:
    with another_process(directory.acquire) as pid, pytest.raises(Busy, match=f"process {pid} "):
        RunDirectory(directory.path).acquire(patience=0.1)


def test_the_lock_of_a_killed_process_is_free_at_once(directory: RunDirectory) -> None:
    with another_process(directory.acquire) as pid:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert not directory.is_owned()

        directory.acquire(patience=0)

    assert directory.owner() == Identity.current()


def test_looking_never_takes_the_lock_away_from_who_wants_it(directory: RunDirectory) -> None:
    with another_process(lambda: [RunDirectory(directory.path).is_owned() for _ in range(1000)]):
        for _ in range(200):
            directory.acquire(patience=0)
            directory.release()


def test_a_lock_file_that_was_removed_protects_nothing_and_is_made_anew(directory: RunDirectory) -> None:
    directory.acquire()
    directory.remove()

    other = RunDirectory(directory.path)
    other.acquire(patience=0.5)

    assert other.owner() == Identity.current()
    other.release()


@pytest.mark.parametrize("text", ["", "\n", "garbage\n", "1 2\n", "a b c\n", "\0\0\0\n", "1 2 3 4 5 6\n"])
def test_a_lock_file_that_makes_no_sense_has_no_owner(directory: RunDirectory, text: str) -> None:
    directory.path.mkdir(parents=True)
    directory.lock_path.write_text(text)

    assert not directory.is_owned()
    assert directory.child() == (None, "")


def test_an_owner_of_another_boot_is_gone_even_where_the_numbers_fit(directory: RunDirectory) -> None:
    directory.path.mkdir(parents=True)
    me = Identity.current()
    directory.lock_path.write_text(f"{Identity(me.pid, me.start_time, '00000000-0000-0000-0000-000000000000')}\n")

    assert directory.owner() is not None
    assert not directory.is_owned()


def test_where_the_directory_cannot_be_made_that_is_an_error_and_not_a_wait(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(OSError):
        RunDirectory(tmp_path / "file" / "7").acquire(patience=30)


# --- the child --------------------------------------------------------------------------------------------------------
def test_the_child_is_named_by_token_first_and_by_pid_when_it_lives(directory: RunDirectory) -> None:
    directory.acquire()
    child = Identity.current()

    directory.name_child("abc")
    assert directory.child() == (None, "abc")
    directory.name_child("abc", child)
    assert directory.child() == (child, "abc")
    directory.clear_child()

    assert directory.child() == (None, "")
    assert directory.owner() == Identity.current()


def test_a_long_second_line_leaves_nothing_behind(directory: RunDirectory) -> None:
    directory.acquire()
    directory.name_child("a" * 200, DEAD)

    directory.name_child("b")

    assert directory.lock_path.read_text() == f"{Identity.current()}\n0 0 b\n"


def test_without_the_lock_nothing_is_written(directory: RunDirectory) -> None:
    directory.path.mkdir(parents=True)

    directory.name_child("abc")

    assert not directory.lock_path.exists()


def test_a_disk_that_refuses_the_second_line_stops_nothing(directory: RunDirectory) -> None:
    directory.acquire()
    assert directory._lock is not None
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, directory._lock)
    os.close(full)

    directory.name_child("abc")

    assert directory.owner() == Identity.current(), "what was written before is still there"


# --- private copies and state -----------------------------------------------------------------------------------------
def test_a_private_copy_is_for_this_run_alone(directory: RunDirectory) -> None:
    directory.acquire()

    path = directory.private_copy("01-stop", b"#!/bin/sh\n")

    assert path.read_bytes() == b"#!/bin/sh\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(directory.copies.stat().st_mode) == 0o700
    assert stat.S_IMODE(directory.state.stat().st_mode) == 0o700


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_text("rm -rf /\n"), lambda path: path.chmod(0)])
def test_a_copy_that_was_removed_or_changed_is_made_again(
    directory: RunDirectory, harm: Callable[[Path], None]
) -> None:
    directory.acquire()
    harm(directory.private_copy("01-stop", b"exit 0\n"))

    assert directory.private_copy("01-stop", b"exit 0\n").read_bytes() == b"exit 0\n"
    assert [path.name for path in directory.copies.iterdir()] == ["01-stop"]


def test_a_copy_that_is_there_needs_no_room(directory: RunDirectory) -> None:
    directory.acquire()
    path = directory.private_copy("01-stop", b"exit 0\n")
    before = path.stat()

    directory.private_copy("01-stop", b"exit 0\n")

    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_state_is_synced_whatever_is_in_it(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    directory.acquire()
    (directory.state / "deep" / "er").mkdir(parents=True)
    (directory.state / "stopped").write_text("nextcloud\n")
    (directory.state / "deep" / "er" / "more").write_text("x")
    os.mkfifo(directory.state / "fifo")
    (directory.state / "loop").symlink_to(directory.state)
    (directory.state / "dangling").symlink_to("/nowhere")
    synced: list[str] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(os.readlink(f"/proc/self/fd/{fd}")), fsync(fd)))

    directory.sync_state()

    state = str(directory.state)
    assert {f"{state}/stopped", f"{state}/deep/er/more", f"{state}/deep", f"{state}/deep/er", state} <= set(synced)
    assert all(name.startswith(state) for name in synced), "links are not followed"


def test_only_what_changed_is_synced_again(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    directory.acquire()
    (directory.state / "stopped").write_text("nextcloud\n")
    directory.sync_state()
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)

    directory.sync_state()
    assert synced == []
    (directory.state / "stopped").write_text("wiki\n")
    directory.sync_state()

    assert len(synced) == 2, "the file and its directory"


def test_removing_takes_everything_and_follows_no_link(directory: RunDirectory, tmp_path: Path) -> None:
    treasure = tmp_path / "treasure"
    treasure.mkdir()
    (treasure / "gold").write_text("gold")
    directory.acquire()
    directory.private_copy("01-stop", b"exit 0\n")
    (directory.state / "link").symlink_to(treasure)
    (directory.path / "link").symlink_to(treasure)

    directory.remove()

    assert not directory.path.exists()
    assert (treasure / "gold").exists()


def test_it_is_new_for_who_made_it_and_not_for_who_comes_after(directory: RunDirectory) -> None:
    directory.acquire()
    assert directory.is_new
    directory.release()

    directory.acquire()
    assert not directory.is_new
    directory.remove()
    directory.release()

    directory.acquire()
    assert directory.is_new
