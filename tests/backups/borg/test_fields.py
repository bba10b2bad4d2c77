"""Every field of a repository has its effect, shown with the real borg."""

import os
import tempfile
import threading
from pathlib import Path

import pytest

from backups import borg
from tests.backups.borg.conftest import World, foreign_lock

pytestmark = pytest.mark.borg

CACHE_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n"
DEVICES, MEMORY = Path("/dev"), Path("/dev/shm")


def remote(world: World, shell: str = 'shift\nexec "$@"') -> World:
    """The same repository, reached as borg reaches one on another host; the shell runs what ssh would run there."""
    script = world.executable("rsh", f"#!/bin/sh\n{shell}\n")
    return world.change(path=f"elsewhere:{world.target.path}", rsh=str(script), remote_path=world.program.path)


def test_source_paths(world: World) -> None:
    world.write("one/a")
    world.write("two/b")
    world.write("three/c")
    world.create(source={"paths": (str(world.source / "one"), str(world.source / "two"))})
    assert world.names() == {"a", "b"}


def test_exclude_patterns(world: World) -> None:
    world.write("a.tmp")
    world.write("a.txt")
    world.write("cache/b.txt")
    world.create(source={"exclude_patterns": ("*.tmp", "sh:**/cache/*")})
    assert world.names() == {"a.txt"}


def test_exclude_if_present(world: World) -> None:
    world.write("kept/a")
    world.write("left/b")
    world.write("left/.nobackup")
    world.create(source={"exclude_if_present": (".nobackup",)})
    assert world.names() == {"a"}


def test_exclude_caches(world: World) -> None:
    world.write("kept/a")
    world.write("cache/CACHEDIR.TAG", CACHE_TAG)
    world.write("cache/b")
    world.create("with")
    world.create("without", source={"exclude_caches": True})
    assert world.names("with") == {"a", "b", "CACHEDIR.TAG"}
    assert world.names("without") == {"a"}


def test_one_file_system(world: World) -> None:
    """Every Linux has a file system of its own at /dev/shm, below /dev."""
    assert DEVICES.stat().st_dev != MEMORY.stat().st_dev
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="borgui-") as folder:
        Path(folder, "a").write_text("words")
        only = {"paths": (str(DEVICES),), "exclude_patterns": (f"re:^dev/(?!shm($|/{Path(folder).name}))",)}
        world.create("across", source=only)
        world.create("one", source={**only, "one_file_system": True})
    assert world.names("across") == {"a"}
    assert world.names("one") == set()


def test_compression(world: World) -> None:
    world.write("a", "the same words again and again\n" * 10_000)
    stored = world.create("stored", source={"compression": "none"})
    assert stored.stats["compressed_size"] > stored.stats["original_size"]
    # other words, for chunks that are there already keep the compression they have
    world.write("a", "other words again and again\n" * 10_000)
    packed = world.create("packed", source={"compression": "zlib,9"})
    assert packed.stats["compressed_size"] < packed.stats["original_size"] / 10


@pytest.mark.parametrize("mode", ["none", "authenticated-blake2", "repokey", "keyfile-blake2"])
def test_encryption_and_passphrase(bare: World, mode: str) -> None:
    world = bare.change(encryption=mode, passphrase="" if mode == "none" else "correct horse")
    world.write("a")
    assert world.ask(borg.init, mode).outcome == borg.SUCCESS
    assert world.create().outcome == borg.SUCCESS
    assert world.ask(borg.info).data["encryption"]["mode"] == mode


def test_base_dir_holds_keys_caches_and_security_data(bare: World) -> None:
    world = bare.change(encryption="keyfile", passphrase="correct horse")
    world.write("a")
    world.ask(borg.init, "keyfile")
    world.create()
    base = world.target.base_dir
    assert len(list((base / ".config" / "borg" / "keys").iterdir())) == 1
    assert len(list((base / ".config" / "borg" / "security").iterdir())) == 1
    assert any((base / "cache" / world.program.series).iterdir())


def test_host_id_is_what_borg_writes_into_its_lock(world: World) -> None:
    world.write("a", os.urandom(1000))
    slow = remote(world).change(upload_rate_limit=1)
    holders: list[borg.Holder] = []

    def stop() -> str:
        holder = borg.lock_holder(world.target)
        if holder:
            holders.append(holder)
        return "seen" if holder else ""

    slow.create(should_stop=stop, timeout=60)
    assert holders
    assert holders[0].host == world.target.host_id.partition("@")[0]
    assert holders[0].ours


def test_lock_wait(world: World) -> None:
    """The lock is released after two seconds: one second is too short, thirty are enough."""
    world.write("a")
    lock = foreign_lock(Path(world.target.path))

    def release() -> None:
        for file in lock.iterdir():
            file.unlink()
        lock.rmdir()

    assert world.change(lock_wait=1).create("impatient").outcome == borg.FAILURE
    timer = threading.Timer(2.0, release)
    timer.start()
    assert world.change(lock_wait=30).create("patient").outcome == borg.SUCCESS
    timer.join()


def test_a_remote_repository_and_remote_path(world: World) -> None:
    world.write("a")
    there = world.executable("borg-there", f'#!/bin/sh\ntouch {world.folder}/used\nexec {world.program.path} "$@"\n')
    far = remote(world).change(remote_path=str(there))
    assert far.create().outcome == borg.SUCCESS
    assert (world.folder / "used").exists()
    assert far.archives() == world.archives() == ["first"]


def test_a_remote_repository_by_url_hands_host_and_port_to_ssh(world: World) -> None:
    world.write("a")
    far = remote(
        world, f'echo "$@" > {world.folder}/asked\nwhile [ "$1" != user@nas ]; do shift; done\nshift\nexec "$@"'
    )
    far = far.change(path=f"ssh://user@nas:2222{world.target.path}")
    assert far.create().outcome == borg.SUCCESS
    assert (world.folder / "asked").read_text().startswith("-p 2222 user@nas ")


def test_a_path_that_the_other_side_does_not_allow(world: World) -> None:
    world.write("a")
    far = remote(world, f"exec {world.program.path} serve --restrict-to-path /elsewhere")
    backup = far.create()
    assert (backup.outcome, backup.msgid) == (borg.FAILURE, "PathNotAllowed")
    assert "elsewhere does not allow the path" in backup.sentence


def test_a_host_that_cannot_be_reached(world: World) -> None:
    backup = remote(world, "exit 255").create()
    assert backup.outcome == borg.FAILURE
    assert backup.msgid.startswith("ConnectionClosed")
    assert "elsewhere" in backup.sentence


def test_upload_rate_limit(world: World) -> None:
    """Only a lower bound can be measured safely: 1.5 MB at 500 KiB/s."""
    world.write("a", os.urandom(1_500_000))
    backup = remote(world).change(upload_rate_limit=500).create()
    assert backup.outcome == borg.SUCCESS
    assert backup.stats["duration"] > 1.5
