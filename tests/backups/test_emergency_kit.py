"""The emergency kit: with it and borg alone the archives are read, on another machine."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from backups import borg, emergency_kit, target
from backups.models import Repository

pytestmark = [pytest.mark.django_db, pytest.mark.borg]

PASSPHRASE = "correct horse battery"


def test_a_new_passphrase_can_be_read_out_and_is_never_the_same() -> None:
    made = {emergency_kit.new_passphrase() for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"([a-z2-9]{5}-){5}[a-z2-9]{5}", passphrase) for passphrase in made)
    assert not set("il1o0") & set("".join(made))


@pytest.fixture
def keyfile(make_repository: Callable[..., Any], source: Path) -> Repository:
    """A repository whose key is on this machine alone, with one archive."""
    repository = make_repository(passphrase=PASSPHRASE, encryption="keyfile-blake2")
    Path(repository.path).parent.mkdir()
    place, program = target.of(repository), borg.find("")
    assert borg.init(program, place, repository.encryption).ok
    assert borg.create(program, place, borg.Source((str(source),)), "first").archive
    return repository


def test_with_the_kit_alone_files_come_back_on_another_machine(
    keyfile: Repository, source: Path, tmp_path: Path
) -> None:
    text = emergency_kit.make(keyfile, timezone.now()).text
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    key = re.search(r"^BORG_KEY .*?(?=\n\n)", text, re.DOTALL | re.MULTILINE)
    assert key
    (elsewhere / "key.txt").write_text(key[0] + "\n")
    commands = text[text.index("export BORG_REPO=") :].split("# or look around")[0].replace("ARCHIVE", "first")
    done = subprocess.run(
        ["bash", "-e", "-c", commands],
        cwd=elsewhere,
        env={"PATH": os.environ["PATH"], "HOME": str(elsewhere), "BORG_PASSPHRASE": PASSPHRASE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(f"{elsewhere}{source}/one.txt").read_text() == (source / "one.txt").read_text()


def test_without_borg_s_answer_the_kit_is_made_without_the_key(make_repository: Callable[..., Any]) -> None:
    kit = emergency_kit.make(make_repository(passphrase=PASSPHRASE), timezone.now())
    assert kit.key_problem
    assert f"Not in this kit: {kit.key_problem}" in kit.text
    assert PASSPHRASE in kit.text


def test_an_unencrypted_repository_has_no_key_to_keep(make_repository: Callable[..., Any]) -> None:
    kit = emergency_kit.make(make_repository(real=True), timezone.now())
    assert (kit.key_problem, "KEY" in kit.text) == ("", False)
    assert "(none: this repository is not encrypted)" in kit.text


def test_the_way_in_by_ssh_is_named(make_repository: Callable[..., Any], tmp_path: Path) -> None:
    repository = make_repository("off-site", path="ssh://anna@127.0.0.1:1/borg", remote_path="borg1", passphrase="")
    text = emergency_kit.make(repository, timezone.now()).text
    assert "By ssh to 127.0.0.1, port 1, as anna" in text
    assert "export BORG_REMOTE_PATH=borg1" in text


def test_the_file_has_a_harmless_name() -> None:
    assert emergency_kit.file_name(Repository(name='../a "b"\n')) == "emergency-kit-a-b.txt"
    assert emergency_kit.file_name(Repository(pk=7, name="ö")) == "emergency-kit-7.txt"
