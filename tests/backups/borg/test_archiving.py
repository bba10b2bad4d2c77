"""One backup with the real borg: success, warnings, and what is told of them. The same for every version."""

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from backups import borg
from borgui import process
from tests.backups.borg.conftest import World
from tests.backups.conftest import eventually

pytestmark = pytest.mark.borg


@contextmanager
def always_changing(path: Path) -> Iterator[None]:
    """The file's change time moves all the while."""
    over = threading.Event()

    def change() -> None:
        while not over.is_set():
            os.utime(path)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def without_root(world: World) -> World:
    """The same world with a borg that file permissions hold for, also when the tests run as root."""
    if os.geteuid() != 0:
        return world
    capabilities = "-dac_override,-dac_read_search"
    wrapper = world.executable(
        "borg-without-root",
        f'#!/bin/sh\nexec setpriv --bounding-set={capabilities} --inh-caps={capabilities} {world.program.path} "$@"\n',
    )
    return World(world.folder, borg.Borg(str(wrapper), world.program.version), world.target)


def test_a_clean_backup_is_a_success_with_name_id_files_and_sizes(locked: World) -> None:
    backup = locked.create("nightly")
    assert (backup.outcome, backup.exit_code, backup.sentence) == (borg.SUCCESS, 0, "Backed up.")
    assert backup.archive is not None
    assert backup.archive["name"] == "nightly"
    assert len(backup.archive["id"]) == 64
    assert backup.archive["start"].endswith("+00:00")
    assert backup.files == 1
    assert backup.stats["original_size"] > 0
    assert backup.stats["repository"]["unique_csize"] > 0
    assert backup.encryption == "repokey-blake2"
    assert (backup.unread, backup.unread_count, backup.msgid) == ((), 0, "")
    assert locked.archives() == ["nightly"]
    assert locked.names("nightly") == {"file"}


def test_the_command_that_is_shown_has_no_secret(locked: World) -> None:
    backup = locked.create()
    assert backup.command[1] == "create"
    assert locked.target.passphrase not in " ".join(backup.command)


def test_the_passphrase_is_neither_in_the_arguments_nor_in_the_environment_of_the_process(locked: World) -> None:
    seen: list[bytes] = []

    def look(child: process.Identity) -> None:
        folder = Path(f"/proc/{child.pid}")
        eventually(
            lambda: (folder / "environ").read_bytes() != b""
        )  # empty for a moment while the program is put in place
        seen.append((folder / "environ").read_bytes() + (folder / "cmdline").read_bytes())

    assert locked.create(on_start=look).outcome == borg.SUCCESS
    assert b"BORG_PASSPHRASE_FD" in seen[0]
    assert locked.target.passphrase.encode() not in seen[0]


def test_no_descriptor_is_left_open(locked: World) -> None:
    before = descriptors()
    locked.create()
    assert descriptors() - before == set()


def descriptors() -> set[str]:
    """What this process holds open, without what only waits to be collected."""
    gc.collect()
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the one that listed them
            found.add(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
    return found


def test_a_file_that_changes_while_it_is_read_is_a_warning_that_names_it(world: World) -> None:
    path = world.write("busy", os.urandom(8_000_000))
    with always_changing(path):
        backup = world.create()
    assert backup.outcome == borg.WARNING
    assert backup.unread == (str(path),)
    assert backup.sentence.startswith("Backed up, but not everything: 1 file changed while being read: ")
    assert world.archives() == ["first"]


def test_a_file_that_may_not_be_read_is_a_warning_that_names_it(world: World) -> None:
    world.write("good")
    path = world.write("secret")
    path.chmod(0)
    backup = without_root(world).create()
    assert backup.outcome == borg.WARNING
    assert backup.unread == (str(path),)
    assert "1 file could not be read (permission denied): " in backup.sentence
    assert backup.sentence.endswith(". The archive is good without it.")
    assert world.names() == {"good"}


def test_many_unreadable_files_are_all_counted_and_some_named(world: World) -> None:
    world.write("good")
    for number in range(5):
        world.write(f"secret{number}").chmod(0)
    backup = without_root(world).create()
    assert backup.unread_count == len(backup.unread) == 5
    assert "5 files could not be read (permission denied): " in backup.sentence
    assert backup.sentence.endswith(". The archive is good without them.")
    assert "and 2 more" in backup.sentence


def test_a_source_that_is_not_there_is_a_warning_that_names_it(world: World) -> None:
    world.write("file")
    missing = str(world.folder / "missing")
    backup = world.create(source={"paths": (str(world.source), missing)})
    assert backup.outcome == borg.WARNING
    assert backup.exit_code in (1, 107)
    assert backup.unread == (missing,)
    assert backup.sentence == (
        f"Backed up, but not everything: the source {missing} is not there. The archive is good but for that."
    )


def test_an_archive_of_no_files_is_never_a_success(world: World) -> None:
    backup = world.create()
    assert (backup.outcome, backup.files) == (borg.WARNING, 0)
    assert backup.sentence == "Backed up, but the archive is empty: no source held a file."


def test_an_archive_is_empty_when_the_only_source_is_not_there(world: World) -> None:
    missing = str(world.folder / "missing")
    backup = world.create(source={"paths": (missing,)})
    assert (backup.outcome, backup.files) == (borg.WARNING, 0)
    assert backup.sentence == f"Backed up, but the archive is empty: the source {missing} is not there."


def test_odd_names_come_through(world: World) -> None:
    world.write("späße {now} \t'\"$(x)")
    backup = world.create("{now} {name} ä")
    assert backup.outcome == borg.SUCCESS
    assert world.archives() == ["{now} {name} ä"]
    assert world.names("{now} {name} ä") == {"späße {now} \t'\"$(x)"}


def test_progress_is_told_and_the_log_has_words_only(world: World) -> None:
    world.write("file", os.urandom(100_000))
    progress: list[dict] = []
    output: list[tuple[str, bytes, int]] = []
    world.create(
        source={"paths": (str(world.source), "/not/there")},
        on_progress=progress.append,
        on_output=lambda *piece: output.append(piece),
    )
    assert progress[0]["files"] == 0
    log = b"".join(data for _, data, _ in output)
    assert log.startswith(b"/not/there: ")
    assert b"archive_progress" not in log
    assert b'"archive"' not in log


def test_a_borg_that_does_not_start_is_a_failure_with_a_sentence(world: World) -> None:
    gone = World(world.folder, borg.Borg(str(world.folder / "gone"), (1, 4, 0)), world.target)
    backup = gone.create()
    assert (backup.outcome, backup.exit_code, backup.archive) == (borg.FAILURE, None, None)
    assert backup.error
    assert backup.sentence == f"Not backed up. {backup.error}"


def test_a_passphrase_that_no_pipe_takes_is_refused_at_once(world: World) -> None:
    backup = world.change(passphrase="x" * 5000).create()
    assert (backup.outcome, backup.error) == (borg.FAILURE, "The passphrase is longer than 4096 bytes.")


def test_a_base_folder_that_cannot_be_made_is_told(world: World) -> None:
    blocked = world.change(base_dir=world.write("a file") / "base")
    assert "for borg's cache cannot be made" in blocked.create().sentence


def test_a_borg_that_a_signal_ends_is_a_failure(world: World) -> None:
    killed = world.executable("killed", "#!/bin/sh\nkill -9 $$\n")
    backup = World(world.folder, borg.Borg(str(killed), (1, 4, 0)), world.target).create()
    assert (backup.outcome, backup.exit_code, backup.signal) == (borg.FAILURE, None, 9)
    assert "signal 9" in backup.sentence


def test_an_error_is_a_failure_even_if_borg_exits_with_0(world: World) -> None:
    line = '{"type": "log_message", "levelname": "ERROR", "message": "x", "msgid": "IntegrityError"}'
    liar = world.executable("liar", f"#!/bin/sh\necho '{line}' >&2\n")
    backup = World(world.folder, borg.Borg(str(liar), (1, 4, 0)), world.target).create()
    assert (backup.outcome, backup.exit_code, backup.msgid) == (borg.FAILURE, 0, "IntegrityError")
