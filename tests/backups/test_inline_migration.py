"""An old inline text becomes a script of the library, and runs as it did before: behaviour.md, section 12."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from backups import facts, inline_migration
from backups.models import Repository
from scripts_library import assignments, inline, links
from scripts_library.errors import Conflict, Invalid, ReadOnly
from scripts_library.models import Hook, RepositoryScript, Script
from tests.scripts_library.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

Make = Callable[..., Repository]


@pytest.mark.parametrize(
    ("switches", "on_failure"),
    [
        ({}, "abort"),
        ({"skip_on_hook_failure": True}, "skip"),
        ({"continue_on_hook_failure": True}, "continue"),
        ({"continue_on_hook_failure": True, "skip_on_hook_failure": True}, "continue"),
    ],
)
def test_before_the_backup_it_fails_as_it_did(
    make_repository: Make, switches: dict[str, bool], on_failure: str
) -> None:
    repository = make_repository(pre_backup_script="exit 1", pre_hook_timeout=17, **switches)
    before = links.of_hook(facts.of(repository), Hook.PRE)[0]
    inline_migration.move(repository, Hook.PRE)
    repository.refresh_from_db()
    (after,) = links.of_hook(facts.of(repository), Hook.PRE)
    assert (after.on_failure, after.timeout) == (before.on_failure, before.timeout) == (on_failure, 17)
    assert after.enabled


def test_after_the_backup_it_runs_always_with_its_time_limit(make_repository: Make) -> None:
    repository = make_repository(post_backup_script="echo up", post_hook_timeout=42)
    entry = inline_migration.move(repository, Hook.POST)
    assert (entry.run_on, entry.timeout, entry.enabled) == ("always", 42, True)
    assert entry.script.name == "photos: after the backup"


def test_it_prints_the_same_before_and_after() -> None:
    text = "echo ${BASH_VERSION:+bash} $HOOK_TYPE; set -o pipefail; false | true"
    stage = Stage(pre_backup_script=text)
    stage.pre()
    inline_migration.move(stage.repository, Hook.PRE)
    moved = Stage(stage.repository)
    moved.pre()
    was, now = stage.row("Inline text before the backup"), moved.row("photos: before the backup")
    assert (now.stdout, now.exit_code) == (was.stdout, was.exit_code) == ("bash pre-backup\n", 1)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("echo a\n", "#!/bin/bash\necho a\n"),
        ("\ufeffecho a\n", "#!/bin/bash\necho a\n"),
        ("\n#!/bin/sh\necho a\n", "#!/bin/bash\n\n#!/bin/sh\necho a\n"),
        ("#!/usr/bin/env python3\nprint(1)\n", "#!/usr/bin/env python3\nprint(1)\n"),
    ],
)
def test_what_ran_it_is_written_into_it(text: str, content: str) -> None:
    assert inline_migration.with_shebang(text) == content


def test_the_old_text_is_kept_and_no_longer_counts(make_repository: Make) -> None:
    repository = make_repository(pre_backup_script="echo a", post_backup_script="echo b")
    entry = inline_migration.move(repository, Hook.PRE)
    assignments.change(entry, {"enabled": False})
    repository.refresh_from_db()
    assert (repository.pre_backup_script, repository.pre_hook_migrated) == ("echo a", True)
    assert not inline.is_in_force(facts.of(repository), Hook.PRE)
    assert inline.is_in_force(facts.of(repository), Hook.POST)


def test_a_text_that_does_not_run_is_attached_switched_off(make_repository: Make, attach: Any) -> None:
    repository = make_repository(pre_backup_script="echo a")
    attach(repository, "pre-backup", "took its place")
    assert not inline_migration.move(repository, Hook.PRE).enabled


def test_it_stands_before_what_was_switched_off(make_repository: Make, attach: Any) -> None:
    repository = make_repository(pre_backup_script="echo a")
    attach(repository, "pre-backup", "not yet", enabled=False)
    inline_migration.move(repository, Hook.PRE)
    names = [entry.script.name for entry in RepositoryScript.objects.chain(repository.pk, Hook.PRE)]
    assert names == ["photos: before the backup", "not yet"]


def test_the_same_text_of_two_repositories_is_one_script(make_repository: Make) -> None:
    first, second = (make_repository(name, pre_backup_script="echo a") for name in ("photos", "mail"))
    script = inline_migration.move(first, Hook.PRE).script
    assert inline_migration.move(second, Hook.PRE).script == script
    assert Script.objects.count() == 1


def test_a_script_that_was_changed_since_is_another_one(make_repository: Make, data_dir: Any) -> None:
    first, second = (make_repository(name, pre_backup_script="echo a") for name in ("photos", "mail"))
    script = inline_migration.move(first, Hook.PRE).script
    (data_dir / "scripts" / script.file_path).write_text("#!/bin/bash\necho something else\n")
    assert inline_migration.move(second, Hook.PRE).script != script


def test_a_name_that_is_taken_gets_a_number(make_repository: Make, make_script: Any) -> None:
    make_script("photos: before the backup")
    entry = inline_migration.move(make_repository(pre_backup_script="echo a"), Hook.PRE)
    assert entry.script.name == "photos: before the backup (2)"


def test_a_second_move_changes_nothing(make_repository: Make) -> None:
    repository = make_repository(pre_backup_script="echo a")
    inline_migration.move(repository, Hook.PRE)
    repository.refresh_from_db()
    with pytest.raises(Conflict, match="in the library already"):
        inline_migration.move(repository, Hook.PRE)
    assert RepositoryScript.objects.count() == 1


def test_of_two_at_once_one_loses_and_leaves_nothing(make_repository: Make, data_dir: Any) -> None:
    repository = make_repository(pre_backup_script="echo a")
    stale = Repository.objects.get(pk=repository.pk)
    Repository.objects.filter(pk=repository.pk).update(pre_backup_script="echo b")
    with pytest.raises(Conflict, match="changed meanwhile"):
        inline_migration.move(stale, Hook.PRE)
    assert not Script.objects.kept().exists()
    assert not list((data_dir / "scripts" / "library").iterdir())


def test_a_text_that_says_it_is_for_the_other_end_is_left_where_it_is(make_repository: Make) -> None:
    text = '# /// borgui\n# hooks = ["post-backup"]\n# ///\nexit 0\n'
    repository = make_repository(pre_backup_script=text)
    with pytest.raises(Invalid):
        inline_migration.move(repository, Hook.PRE)
    repository.refresh_from_db()
    assert not repository.pre_hook_migrated
    assert not Script.objects.kept().exists()


def test_where_script_files_are_read_only_nothing_is_moved(make_repository: Make, settings: Any) -> None:
    settings.SCRIPTS_READONLY = True
    with pytest.raises(ReadOnly):
        inline_migration.move(make_repository(pre_backup_script="echo a"), Hook.PRE)


# --- the page ---------------------------------------------------------------------------------------------------------
def test_the_button_moves_it_and_leads_to_its_new_place(client: Client, make_repository: Make) -> None:
    repository = make_repository(post_backup_script="echo up")
    place = f"/repositories/{repository.pk}"
    assert f'action="{place}/inline/post-backup/move/"' in client.get(f"{place}/scripts/").content.decode()
    moved = client.post(f"{place}/inline/post-backup/move/", follow=True)
    entry = RepositoryScript.objects.get()
    assert moved.redirect_chain[-1][0] == f"{place}/scripts/#assignment-{entry.pk}"
    body = moved.content.decode()
    assert "is a script of the library now" in body
    assert "It was moved to the library, and is kept to go back to." in body
    assert "Move to library" not in body


def test_what_cannot_be_moved_is_said_on_the_page(client: Client, make_repository: Make) -> None:
    repository = make_repository()
    answer = client.post(f"/repositories/{repository.pk}/inline/pre-backup/move/", follow=True)
    assert "It was not moved. &#x27;photos&#x27; has no inline text there." in answer.content.decode()
    assert client.post(f"/repositories/{repository.pk}/inline/nonsense/move/").status_code == 404
    assert client.get(f"/repositories/{repository.pk}/inline/pre-backup/move/").status_code == 405
