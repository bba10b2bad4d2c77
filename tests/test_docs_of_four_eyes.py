"""docs/four-eyes.md is true: its commands say what it says, and its setting is off by default."""

import re
import shlex
from typing import Any

import pytest
from django.core.management import call_command

from backups import four_eyes
from scripts_library import approval, approving, library
from scripts_library.models import ScriptRevision
from tests.test_docs import blocks, read, table

PAGE = "docs/four-eyes.md"


@pytest.mark.django_db
@pytest.mark.usefixtures("data_dir")
def test_the_commands_print_what_the_page_shows(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.FOUR_EYES = True
    four_eyes.settle()
    library.create("Stop Nextcloud", "#!/bin/sh\nexit 0\n", source="editor")
    [shown] = blocks(PAGE, "console")
    for line, printed in re.findall(r"^\$ manage\.py (.+)\n((?:[^$].*\n)+)", shown, re.MULTILINE):
        call_command(*shlex.split(line))
        assert capsys.readouterr().out == printed


def test_the_setting_is_off_unless_somebody_sets_it() -> None:
    [row] = [row for row in table("docs/settings.md", "variable") if row[0] == "BORGUI_FOUR_EYES"]
    assert row[1] == "0"


def test_the_names_on_the_page_are_those_of_the_product() -> None:
    text = read(PAGE)
    assert "`POST /api/scripts/{id}/approval`" in text
    assert "BORGUI_EXTERNAL_EDITS=block" in text
    assert ScriptRevision._meta.get_field("decision_remark").max_length == approving.LONGEST_REASON
    assert "not even to try it" in approval.NOT_TRIED
