"""The other verbs, with the real borg."""

import os
from datetime import datetime
from pathlib import Path

import pytest

from backups import borg
from tests.backups.borg.conftest import World

pytestmark = pytest.mark.borg


def size(folder: str) -> int:
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def test_info_tells_id_mode_and_sizes(locked: World) -> None:
    locked.create()
    answer = locked.ask(borg.info)
    assert (answer.outcome, answer.sentence) == (borg.SUCCESS, "")
    assert len(answer.data["repository"]["id"]) == 64
    assert answer.data["encryption"]["mode"] == "repokey-blake2"
    assert answer.data["cache"]["stats"]["unique_csize"] > 0


def test_archives_are_listed_oldest_first_with_times_in_utc(world: World) -> None:
    world.write("a")
    for name in ("b", "a", "c"):
        world.create(name)
    archives = world.ask(borg.list_archives).data["archives"]
    assert [archive["name"] for archive in archives] == ["b", "a", "c"]
    offset = datetime.fromisoformat(archives[0]["time"]).utcoffset()
    assert offset is not None
    assert offset.total_seconds() == 0


def test_an_empty_repository_has_no_archives(world: World) -> None:
    assert world.ask(borg.list_archives).data["archives"] == []


def test_files_can_be_had_one_by_one_and_below_a_path(world: World) -> None:
    world.write("one/a")
    world.write("two/b")
    world.create()
    seen: list[str] = []
    below = str(world.source / "one").lstrip("/")
    answer = world.ask(borg.list_files, "first", [below], on_file=lambda entry: seen.append(entry["path"]))
    assert answer.data is None
    assert seen == [below, f"{below}/a"]


def test_prune_keeps_what_it_should_and_does_not_touch_other_names(world: World) -> None:
    world.write("a")
    for name in ("web-1", "web-2", "mail-1"):
        world.create(name)
    answer = world.ask(borg.prune, borg.Keep(daily=1), "web-*")
    assert answer.outcome == borg.SUCCESS, answer.sentence
    assert world.archives() == ["web-2", "mail-1"]


def test_compact_frees_what_prune_left(world: World) -> None:
    world.write("a", os.urandom(500_000))
    world.create("old")
    world.write("a", os.urandom(500_000))
    world.create("new")
    world.ask(borg.prune, borg.Keep(daily=1), "*")
    before = size(world.target.path)
    assert world.ask(borg.compact).outcome == borg.SUCCESS
    assert size(world.target.path) < before - 400_000


def test_check_can_verify_every_byte(world: World) -> None:
    world.write("a")
    world.create()
    assert world.ask(borg.check, verify_data=True).outcome == borg.SUCCESS


def test_the_key_can_be_exported(locked: World) -> None:
    output: list[bytes] = []
    answer = locked.ask(borg.key_export, on_output=lambda _, data, __: output.append(data))
    assert answer.data.startswith("BORG_KEY ")
    assert b"BORG_KEY" not in b"".join(output)


def test_an_unencrypted_repository_has_no_key(world: World) -> None:
    answer = world.ask(borg.key_export)
    assert (answer.outcome, answer.data) == (borg.FAILURE, None)


def test_a_quick_answer_can_be_given_a_shorter_time(world: World) -> None:
    slow = world.executable("slow", "#!/bin/sh\nexec sleep 60\n")
    answer = World(world.folder, borg.Borg(str(slow), (1, 4, 0)), world.target).ask(borg.info, timeout=0.5)
    assert (answer.outcome, answer.reason, answer.data) == (borg.FAILURE, "timed_out", None)
