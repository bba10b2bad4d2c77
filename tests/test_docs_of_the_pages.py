"""The pages of the documentation name buttons and fields by the words that stand on the product's own pages."""

import re
from pathlib import Path

import pytest

from backups.connection import Kind

ROOT = Path(__file__).parents[1]
PAGES = [
    "first-backup-in-the-browser",
    "off-site-over-ssh",
    "emergency-kit",
    "coming-from-borg-web-ui",
    "coming-from-borgmatic",
    "notifications",
    "retention",
    "scripts-around-a-backup",
    "templates",
]
SPOKEN = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("backups/**/*.py"), *ROOT.glob("scripts_library/**/*.py")]


@pytest.mark.parametrize("page", PAGES)
def test_every_word_in_bold_is_on_a_page(page: str) -> None:
    said = "\n".join(file.read_text(encoding="utf-8") for file in SPOKEN)

    named = re.findall(r"\*\*([^*]+)\*\*", (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"))

    assert named
    assert [words for words in named if " ".join(words.split()) not in said] == []


def test_every_answer_of_the_connection_test_is_explained() -> None:
    said = (ROOT / "docs" / "off-site-over-ssh.md").read_text(encoding="utf-8")

    assert [kind.label for kind in Kind if f"| **{kind.label}** |" not in said] == []
