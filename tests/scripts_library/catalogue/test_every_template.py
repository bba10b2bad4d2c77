"""What holds for every script of the catalogue and the description beside it."""

import tomllib
from pathlib import Path

import pytest

from borgui import process
from scripts_library import interpreter, lint, manifest, mentions

from .conftest import CATALOGUE

TEMPLATES = sorted(CATALOGUE.glob("*.sh"))
TEXTS = ("problem", "before", "after", "explanation", "restore")
every_template = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)


def described(path: Path) -> dict:
    return tomllib.loads(path.with_suffix(".toml").read_text())


@every_template
def test_its_block_says_what_the_gallery_shows(path: Path) -> None:
    declared = manifest.parse(path.read_text())

    assert (declared.errors, declared.warnings) == ((), ())
    assert all((declared.name, declared.description, declared.version, declared.hooks, declared.timeout))
    assert declared.run_on or "post-backup" not in declared.hooks
    assert [entry.name for entry in declared.parameters if not (entry.label and entry.help)] == []


@every_template
def test_nothing_is_found_in_it_and_nothing_is_silenced(path: Path) -> None:
    text = path.read_text()
    report, declared = lint.check(text), manifest.parse(text)

    assert (report.findings, report.note) == ((), "")
    assert report.checker == "ShellCheck, as bash"
    assert "shellcheck" not in text
    assert text.startswith("#!/usr/bin/env bash\n# /// borgui\n")
    assert mentions.undeclared(text, [entry.name for entry in declared.parameters]) == []


@every_template
def test_bash_reads_it_and_it_stops_at_a_name_that_is_not_set(path: Path) -> None:
    said: list[bytes] = []
    bash = [*interpreter.prepare(path.read_text()).argv, "-n", str(path)]
    result = process.run(bash, env={"PATH": "/usr/bin:/bin"}, cwd="/", on_output=lambda _, data, ms: said.append(data))

    assert (result.exit_code, said) == (0, [])
    assert "\nset -euo pipefail\n" in path.read_text() or "\nset -uo pipefail\n" in path.read_text()


@every_template
def test_its_description_is_complete(path: Path) -> None:
    description, declared = described(path), manifest.parse(path.read_text())

    assert set(description) <= {*TEXTS, "words", "needs", "tested_against"}
    assert [key for key in TEXTS if key != "restore" and not description[key].strip()] == []
    assert description["words"]
    assert description["tested_against"]
    assert "restore" in description or declared.hooks != ("pre-backup",)
    for need in description.get("needs", []):
        assert set(need) <= {"programs", "why", "unless"}
        assert need["programs"]
        assert need["why"]
        assert need.get("unless", "") in ("", *(entry.name for entry in declared.parameters))


@pytest.mark.parametrize("who", ["all", "dumps of several", "dumps of servers", "dumps of databases"])
def test_what_dumps_share_is_the_same_in_each(who: str) -> None:
    """A template is one file that stands for itself, so they cannot share one."""
    begin, end = f"# --- shared by {who}", f"# --- end of what {who.removeprefix('dumps of ')} share"
    shared = [text[text.index(begin) : text.index(end)] for path in TEMPLATES if begin in (text := path.read_text())]

    assert len(shared) > 1
    assert len(set(shared)) == 1


def test_no_description_is_left_over() -> None:
    assert [path.stem for path in sorted(CATALOGUE.glob("*.toml"))] == [path.stem for path in TEMPLATES]
