"""docs/hardening.md: its versions are those that are installed, its numbers those of the code."""

import re
from pathlib import Path

from django.conf import settings

from borgui import doors
from scripts_library.tarball import LARGEST_FILE
from tests.test_docs import table

PAGE = "docs/hardening.md"
ROOT = Path(__file__).parents[1]


def test_the_versions_are_those_of_the_requirements() -> None:
    pinned = re.findall(r"^([\w\-\[\]]+)==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    shown = [(name.strip("`"), version) for name, version, _ in table(PAGE, "package")]
    assert shown == pinned, "the versions in docs/hardening.md are not those of requirements.txt"
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", day) for *_, day in table(PAGE, "package"))


def test_the_limits_are_those_of_the_code() -> None:
    said = (ROOT / PAGE).read_text() + (ROOT / "docs/reverse-proxy.md").read_text()
    assert f"{(settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) / doors.MIB:g} MiB" in said
    assert f"{LARGEST_FILE / doors.MIB:g} MiB" in said
