"""docs/migrating-inline-scripts.md says what happens: its commands run, and each of its reasons is one."""

import shlex
from typing import Any

import pytest
from django.core.management import call_command

from backups.models import Repository
from tests.test_docs import blocks

PAGE = "docs/migrating-inline-scripts.md"


@pytest.mark.django_db
def test_the_commands_can_be_typed_as_they_stand(make_repository: Any, capsys: pytest.CaptureFixture[str]) -> None:
    make_repository(pre_backup_script="echo a")
    [typed] = blocks(PAGE, "sh")

    for line in typed.splitlines():
        words = shlex.split(line)
        call_command(*words[words.index("manage.py") + 1 :])

    assert capsys.readouterr().out.splitlines() == [
        "photos, before the backup: would be moved to 'photos: before the backup'",
        "photos, before the backup: moved to 'photos: before the backup'",
        "photos, before the backup: the old text again, not 'photos: before the backup'",
        "removed from the library: 'photos: before the backup'",
    ]
    assert not Repository.objects.get().pre_hook_migrated
