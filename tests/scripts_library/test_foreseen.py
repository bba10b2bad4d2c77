"""What can be seen to go wrong before it does."""

from collections.abc import Callable
from typing import Any

import pytest

from backups import facts
from backups.models import Repository
from scripts_library import assignments, lanes, library
from scripts_library.models import Script

pytestmark = pytest.mark.django_db
PRE, POST = "pre-backup", "post-backup"


def declared(name: str, *lines: str) -> Script:
    block = "\n".join(["#!/bin/sh", "# /// borgui", *(f"# {line}".rstrip() for line in lines), "# ///", "exit 0", ""])
    return library.create(name, block, source="editor")


@pytest.fixture
def photos(make_repository: Callable[..., Repository]) -> Repository:
    return make_repository("photos", source_paths=["/srv/photos"])


def seen(repository: Repository, outcome: str = "success") -> dict[str, bool]:
    """Each sentence, and whether it stops something from running."""
    problems = lanes.of(facts.of(repository), outcome).problems
    return {f"{one.script_name}: {one.sentence}" if one.script_name else one.sentence: one.blocks for one in problems}


def test_where_all_is_well_nothing_is_said(photos: Repository, attach: Any) -> None:
    assert seen(photos) == {}
    attach(photos, PRE, "stop")
    attach(photos, POST, "start", run_on="always")
    assert seen(photos) == {}


def test_a_missing_file_and_a_missing_value_block(photos: Repository, attach: Any, settings: Any) -> None:
    gone = attach(photos, PRE, "gone").script
    (settings.LIBRARY_DIR.parent / gone.file_path).unlink()
    script = declared("valueless", "[[parameters]]", 'name = "NAMES"', "required = true")
    assignments.assign(photos.pk, script, PRE)
    problems = seen(photos)
    assert problems["valueless: The required parameter NAMES has no value."]
    assert any(sentence.startswith("gone: ") and blocks for sentence, blocks in problems.items())
    assert len(problems) == 2


def test_a_path_that_would_not_be_backed_up_blocks(photos: Repository) -> None:
    script = declared("dump", "[[parameters]]", 'name = "TO"', 'type = "path"', "must_be_source = true")
    entry = assignments.assign(photos.pk, script, PRE, parameters={"TO": "/tmp/dump"})
    assert list(seen(photos).values()) == [True]
    assignments.change(entry, {"parameters": {"TO": "/srv/photos/dump"}})
    assert seen(photos) == {}


def test_a_script_for_both_sides_that_runs_on_one_only_is_told(photos: Repository) -> None:
    script = declared("containers", 'hooks = ["pre-backup", "post-backup"]', 'run_on = "always"')
    assignments.assign(photos.pk, script, PRE)
    only_before = "containers: It is made for before and after the backup, and runs only before it here."
    assert seen(photos) == {only_before: False}
    after = assignments.assign(photos.pk, script, POST)
    assert seen(photos) == {}
    assignments.change(after, {"enabled": False})
    assert only_before in seen(photos)


def test_after_a_failure_nothing_runs_is_told_under_every_outcome(photos: Repository, attach: Any) -> None:
    attach(photos, POST, "tell", run_on="success")
    words = "After a failed backup no post-backup script runs. What was stopped stays stopped then."
    assert seen(photos, "success") == seen(photos, "failure") == {words: False}
    attach(photos, POST, "start", run_on="failure")
    assert seen(photos) == {}


def test_what_is_stopped_and_never_started_is_named(photos: Repository) -> None:
    script = declared("stop", 'hooks = ["pre-backup"]', 'interrupts = "Nextcloud"')
    assignments.assign(photos.pk, script, PRE)
    assert seen(photos) == {"After a failed backup no post-backup script runs. Nextcloud stays stopped then.": False}


def test_a_post_backup_script_that_nobody_told_when_to_run_is_asked_about(photos: Repository, attach: Any) -> None:
    attach(photos, POST, "always there", run_on="always")
    entry = attach(photos, POST, "start")
    assert seen(photos) == {
        "start: Nobody has said after which backups it runs; until then only after good ones.": False
    }
    assignments.change(entry, {"custom_run_on": "success"})
    assert seen(photos) == {}


def test_what_is_switched_off_is_no_problem(photos: Repository) -> None:
    script = declared("valueless", "[[parameters]]", 'name = "NAMES"', "required = true")
    assignments.assign(photos.pk, script, PRE, enabled=False)
    assert seen(photos) == {}
