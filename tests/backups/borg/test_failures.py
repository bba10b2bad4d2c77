"""What goes wrong, with the real borg: the same outcome and the same words, whatever its version."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from backups import borg
from borgui import process
from tests.backups.borg.conftest import HOST_ID, World, foreign_lock

pytestmark = pytest.mark.borg


def refused(answer: borg.Answer | borg.Backup, msgid: str) -> str:
    """Asserts a failure with that id; returns what a person reads."""
    assert (answer.outcome, answer.msgid) == (borg.FAILURE, msgid), answer
    assert answer.sentence
    return answer.sentence


def repository(world: World) -> Path:
    return Path(world.target.path)


def test_a_wrong_passphrase(locked: World) -> None:
    backup = locked.change(passphrase="wrong horse").create()
    assert backup.exit_code in (2, 52)
    assert backup.archive is None
    assert "passphrase of the repository" in refused(backup, "PassphraseWrong")
    assert locked.archives() == []


def test_no_passphrase(locked: World) -> None:
    backup = locked.change(passphrase="").create()
    assert "no passphrase was given" in refused(backup, "NoPassphraseFailure")


def test_a_repository_that_is_not_there(bare: World) -> None:
    bare.write("file")
    assert "There is no repository at" in refused(bare.create(), "Repository.DoesNotExist")


def test_something_that_is_no_repository(world: World) -> None:
    world.write("file")
    elsewhere = world.change(path=str(world.source))
    assert "is not a borg repository" in refused(elsewhere.create(), "Repository.InvalidRepository")


def test_a_repository_that_is_there_already(world: World) -> None:
    assert "already a borg repository" in refused(world.ask(borg.init, "none"), "Repository.AlreadyExists")


def test_a_parent_folder_that_is_not_there_is_not_made(bare: World) -> None:
    below = bare.change(path=str(bare.folder / "disk" / "repository"))
    assert "Look whether its disk is mounted" in refused(
        below.ask(borg.init, "none"), "Repository.ParentPathDoesNotExist"
    )
    assert not (bare.folder / "disk").exists()


def test_an_archive_name_that_is_taken(world: World) -> None:
    world.write("file")
    world.create("first")
    refused(world.create("first"), "Archive.AlreadyExists")
    assert world.archives() == ["first"]


def test_an_archive_that_is_not_there(world: World) -> None:
    refused(world.ask(borg.list_files, "none"), "Archive.DoesNotExist")


def test_a_lock_that_another_host_holds_is_told_and_never_broken(world: World) -> None:
    world.write("file")
    lock = foreign_lock(repository(world))
    backup = world.create()
    assert backup.exit_code in (2, 73)
    assert "host nas, process 4711, since" in refused(backup, "LockTimeout")
    assert lock.exists()


def test_a_lock_of_readers_is_told_too(world: World) -> None:
    world.write("file")
    (repository(world) / "lock.roster").write_text('{"shared": [["nas@99", 4711, 0]]}')
    assert "host nas, process 4711" in refused(world.create(), "LockTimeout")


def test_a_stale_lock_of_this_host_is_taken_over(world: World) -> None:
    world.write("file")
    foreign_lock(repository(world), HOST_ID, ended_process())
    assert world.create().outcome == borg.SUCCESS


def ended_process() -> int:
    result = process.run(["/bin/true"], env={}, cwd="/")
    assert result.pid
    return result.pid


def test_a_person_can_break_a_lock(world: World) -> None:
    world.write("file")
    foreign_lock(repository(world))
    assert world.ask(borg.break_lock).outcome == borg.SUCCESS
    assert world.create().outcome == borg.SUCCESS


def damage(world: World) -> None:
    for segment in (repository(world) / "data" / "0").iterdir():
        content = bytearray(segment.read_bytes())
        if len(content) > 50:
            content[len(content) // 2] ^= 255
            segment.write_bytes(content)


def test_a_damaged_repository(world: World) -> None:
    world.write("file")
    world.create("first")
    damage(world)
    assert "is damaged" in refused(world.create("second"), "IntegrityError")


def test_check_of_a_damaged_repository_is_a_failure_though_borg_only_warns(world: World) -> None:
    world.write("file")
    world.create("first")
    assert world.ask(borg.check).outcome == borg.SUCCESS
    damage(world)
    answer = world.ask(borg.check)
    assert answer.exit_code == 1
    assert "is damaged" in refused(answer, "IntegrityError")


def test_a_config_that_is_gone_empty_or_from_the_future(world: World) -> None:
    config = repository(world) / "config"
    text = config.read_text()
    config.write_text(text.replace("version = 1", "version = 9"))
    assert "newer borg" in refused(world.ask(borg.info), "Repository.InvalidRepositoryConfig")
    config.write_text("")
    assert "damaged" in refused(world.ask(borg.info), "Repository.InvalidRepositoryConfig")
    config.unlink()
    refused(world.ask(borg.info), "Repository.InvalidRepository")


def test_a_full_disk(world: World) -> None:
    """borg keeps as much free as its config says; more than any disk has is a full disk to it."""
    world.write("file")
    config = repository(world) / "config"
    config.write_text(config.read_text().replace("additional_free_space = 0", "additional_free_space = 900T"))
    assert "is full" in refused(world.create(), "Repository.InsufficientFreeSpaceError")
    assert world.archives() == []


def test_a_disk_that_is_not_fully_there(world: World) -> None:
    shutil.rmtree(repository(world) / "data")
    assert "is missing" in refused(world.ask(borg.info), "Exception")


def test_an_encrypted_repository_that_was_replaced_by_a_plain_one(locked: World) -> None:
    """Somebody who can write there must not get at the data by taking the encryption away."""
    locked.create("first")
    shutil.rmtree(repository(locked))
    assert locked.change(encryption="none", passphrase="").ask(borg.init, "none").outcome == borg.SUCCESS
    shutil.rmtree(locked.target.base_dir)
    refused(locked.create("second"), "Cache.CacheInitAbortedError")


def test_an_older_copy_in_the_place_of_a_repository(locked: World) -> None:
    copy = locked.folder / "copy"
    locked.create("first")
    shutil.copytree(repository(locked), copy)
    locked.create("second")
    shutil.rmtree(repository(locked))
    copy.rename(repository(locked))
    refused(locked.create("third"), "Cache.RepositoryReplay")


def test_a_repository_that_moved_is_used_at_its_new_place(locked: World) -> None:
    locked.create("first")
    moved = locked.change(path=str(locked.folder / "moved"))
    repository(locked).rename(repository(moved))
    assert moved.create("second").outcome == borg.SUCCESS


def test_a_bad_option_is_told_in_borgs_own_words(world: World) -> None:
    backup = world.create(source={"compression": "nonsense"})
    assert backup.outcome == borg.FAILURE
    assert "compression" in backup.sentence


# --- stopped ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def slow(world: World) -> World:
    """A backup that takes very long: an upload, limited to next to nothing."""
    world.write("file", os.urandom(2_000_000))
    shell = world.executable("rsh", '#!/bin/sh\nshift\nexec "$@"\n')
    return world.change(
        path=f"elsewhere:{world.target.path}",
        rsh=str(shell),
        remote_path=world.program.path,
        upload_rate_limit=20,
    )


def test_a_time_limit_ends_borg_and_leaves_no_archive_and_no_lock(world: World, slow: World) -> None:
    backup = slow.create(timeout=3)
    assert (backup.outcome, backup.reason, backup.archive) == (borg.FAILURE, "timed_out", None)
    assert "its time limit" in backup.sentence
    assert world.archives() == []


def test_a_caller_can_stop_borg_and_its_word_comes_back(world: World, slow: World) -> None:
    started = time.monotonic()
    token = "a-token-of-this-test"
    backup = slow.create(token=token, should_stop=lambda: "cancelled" if time.monotonic() - started > 2 else "")
    assert (backup.outcome, backup.reason) == (borg.FAILURE, "cancelled")
    assert process.carriers(token) == []
    world.target = replace(world.target, lock_wait=10)
    assert world.create("second").outcome == borg.SUCCESS
