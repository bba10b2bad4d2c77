"""The pages of the documentation name buttons and fields by the words that stand on the product's own pages."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ["first-backup-in-the-browser", "off-site-over-ssh", "emergency-kit"]
SPOKEN = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("backups/**/*.py"), *ROOT.glob("scripts_library/**/*.py")]


@pytest.mark.parametrize("page", PAGES)
def test_every_word_in_bold_is_on_a_page(page: str) -> None:
    said = "\n".join(file.read_text(encoding="utf-8") for file in SPOKEN)

    named = re.findall(r"\*\*([^*]+)\*\*", (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"))

    assert named
    assert [words for words in named if " ".join(words.split()) not in said] == []
