import json
import os
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as real
from django.core.management import call_command
from django.core.management.base import CommandError

from scripts_library import catalogue
from scripts_library.catalogue import BrokenTemplate, Template

OURS = Path(__file__).parent / "templates"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OURS, tmp_path / "catalogue"))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "scripts" / "templates"


def by_name(folder: Path) -> dict[str, Template]:
    return {one.file: one for one in catalogue.load(folder)}


# --- reading ----------------------------------------------------------------------------------------------------------
def test_every_shipped_template_can_be_read_and_says_what_people_ask() -> None:
    for one in catalogue.load(real.CATALOGUE_DIR):
        assert one.problem
        assert one.explanation
        assert one.tested_against
        assert all(said for hook, said in said_at_hooks(one) if hook in one.manifest.hooks), one.file


def said_at_hooks(one: Template) -> list[tuple[str, str]]:
    return [("pre-backup", one.before), ("post-backup", one.after)]


def test_a_template_has_its_block_and_its_description(folder: Path) -> None:
    one = by_name(folder)["stop-service.sh"]
    assert (one.stem, one.title, one.version) == ("stop-service", "Service: stop and start", "1.0")
    assert one.problem == "My service must not write while it is backed up."
    assert [need.programs for need in one.needs][1] == ("sh",)
    assert one.explanation.splitlines()[2] == '    cat "$STATE_DIR/stopped"'


def test_templates_come_in_the_order_of_their_titles(folder: Path) -> None:
    assert [one.title for one in catalogue.load(folder)] == ["Notes: dump", "Service: stop and start"]


def test_a_search_finds_problem_words_in_any_order_and_case(folder: Path) -> None:
    stop = by_name(folder)["stop-service.sh"]
    assert all(stop.mentions(words) for words in ("DAEMON halt", "must not write", ""))
    assert not stop.mentions("daemon postgres")


def test_what_is_missing_on_this_machine_is_known_beforehand(folder: Path) -> None:
    stop = by_name(folder)["stop-service.sh"]
    path = os.environ["PATH"]
    assert [need.why for need in stop.missing(path, {})] == ["talks to the service"]
    assert stop.missing(path, {"CONTAINER": "db"}) == []
    assert len(stop.missing("/nowhere", {})) == 2


@pytest.mark.parametrize(
    ("file", "change", "sentence"),
    [
        ("dump-notes.toml", lambda text: text + "colour = 1\n", "colour is not known"),
        ("dump-notes.toml", lambda text: text.replace("problem", "# problem"), "problem is missing"),
        ("dump-notes.toml", lambda text: "words = 3\n" + text.replace("words", "# words"), "words: a list of texts"),
        ("stop-service.toml", lambda text: text.replace('"CONTAINER"', '"NOBODY"'), "NOBODY, which is no parameter"),
        ("stop-service.toml", lambda text: text.replace('["sh"]', "[]"), "programs is a list"),
        ("stop-service.toml", lambda text: text + "[", "stop-service.toml"),
        ("dump-notes.sh", lambda text: text.replace("# version", "# # version"), "version is missing"),
        ("dump-notes.sh", lambda text: text.replace("# timeout", "# time_limit"), "time_limit: not known"),
    ],
)
def test_a_template_that_is_written_wrongly_is_refused_with_its_name(
    folder: Path, file: str, change: Callable[[str], str], sentence: str
) -> None:
    (folder / file).write_text(change((folder / file).read_text()))
    with pytest.raises(BrokenTemplate, match=sentence) as raised:
        catalogue.load(folder)
    assert file in str(raised.value)


def test_a_script_without_its_description_is_refused(folder: Path) -> None:
    (folder / "dump-notes.toml").unlink()
    with pytest.raises(BrokenTemplate, match=r"dump-notes\.sh comes without its dump-notes\.toml"):
        catalogue.load(folder)


@pytest.mark.parametrize(
    ("older", "newer"), [("1.0", "1.1"), ("1.9", "1.10"), ("1", "1.0.1"), (None, "0.1"), ("2.0", "10.0")]
)
def test_versions_are_compared_as_people_count(older: str | None, newer: str) -> None:
    assert catalogue.version_key(older) < catalogue.version_key(newer)


# --- installing -------------------------------------------------------------------------------------------------------
def test_templates_are_installed_read_only(folder: Path, target: Path) -> None:
    done = catalogue.install(folder, target)
    assert done.new == ["dump-notes.sh", "dump-notes.toml", "stop-service.sh", "stop-service.toml"]
    assert (target / "stop-service.sh").read_text() == (folder / "stop-service.sh").read_text()
    assert (target / "stop-service.sh").stat().st_mode & 0o777 == 0o555
    assert (target / "stop-service.toml").stat().st_mode & 0o777 == 0o444


def test_a_second_time_nothing_is_touched(folder: Path, target: Path) -> None:
    catalogue.install(folder, target)
    before = {path.name: path.stat() for path in target.iterdir()}
    done = catalogue.install(folder, target)
    assert [len(names) for names in done.to_dict().values()] == [0, 0, 4, 0, 0]
    assert {path.name: path.stat().st_ino for path in target.iterdir()} == {
        name: status.st_ino for name, status in before.items()
    }


def test_a_newer_version_and_one_that_was_changed_here_are_written_anew(folder: Path, target: Path) -> None:
    catalogue.install(folder, target)
    newer = (folder / "stop-service.sh").read_text().replace('"1.0"', '"1.1"')
    (folder / "stop-service.sh").write_text(newer)
    (target / "dump-notes.sh").chmod(0o755)
    (target / "dump-notes.sh").write_text("mine\n")
    assert catalogue.install(folder, target).upgraded == ["dump-notes.sh", "stop-service.sh"]
    assert (target / "stop-service.sh").read_text() == newer
    assert (target / "dump-notes.sh").read_text() != "mine\n"


def test_a_template_that_is_shipped_no_longer_goes_but_nobody_elses_file(folder: Path, target: Path) -> None:
    catalogue.install(folder, target)
    (target / "mine.sh").write_text("mine\n")
    (target / "dump-notes.toml").chmod(0o644)
    (target / "dump-notes.toml").write_text("mine too\n")
    (folder / "dump-notes.sh").unlink()
    (folder / "dump-notes.toml").unlink()
    done = catalogue.install(folder, target)
    assert (done.removed, done.kept) == (["dump-notes.sh"], ["dump-notes.toml"])
    assert sorted(path.name for path in target.glob("[!.]*")) == [
        "dump-notes.toml",
        "mine.sh",
        "stop-service.sh",
        "stop-service.toml",
    ]


def test_a_link_is_replaced_not_followed(folder: Path, target: Path, tmp_path: Path) -> None:
    target.mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious")
    (target / "stop-service.sh").symlink_to(elsewhere)
    catalogue.install(folder, target)
    assert elsewhere.read_text() == "precious"
    assert not (target / "stop-service.sh").is_symlink()


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00", '{"../x": "1"}'])
def test_a_record_that_cannot_be_read_counts_as_none(folder: Path, target: Path, text: str) -> None:
    target.mkdir(parents=True)
    (target / ".installed").write_text(text)
    assert len(catalogue.install(folder, target).new) == 4


def test_a_folder_that_is_none_is_said_in_one_sentence(folder: Path, target: Path) -> None:
    target.parent.mkdir()
    target.write_text("a file")
    with pytest.raises(catalogue.NotInstalled, match="cannot be written"):
        catalogue.install(folder, target)


# --- install_templates ------------------------------------------------------------------------------------------------
def run(*arguments: str) -> str:
    out = StringIO()
    call_command("install_templates", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_tells_what_it_did(settings: Any, folder: Path, target: Path) -> None:
    settings.CATALOGUE_DIR, settings.TEMPLATES_DIR = folder, target
    assert "new: dump-notes.sh" in run()
    assert "4 files are as they should be." in run()
    assert json.loads(run("--json"))["same"][0] == "dump-notes.sh"


def test_the_command_says_why_it_could_not(settings: Any, folder: Path, target: Path) -> None:
    settings.CATALOGUE_DIR, settings.TEMPLATES_DIR = folder, target
    target.parent.mkdir()
    target.write_text("a file")
    with pytest.raises(CommandError, match="cannot be written"):
        run()
