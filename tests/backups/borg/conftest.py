"""A small world for the real borg: a folder to back up, a repository beside it, and the program itself.

BORGUI_BORG names another borg than the one in PATH, so that this folder can be run once for each version.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from backups import borg
from backups.borg.explanations import EXPLANATIONS
from backups.borg.outcome import OUTCOME_OF

HOST_ID = "here@1"


@pytest.fixture(scope="session")
def program() -> borg.Borg:
    return borg.find(os.environ.get("BORGUI_BORG", ""))


@dataclass
class World:
    folder: Path
    program: borg.Borg
    target: borg.Target

    @property
    def source(self) -> Path:
        return self.folder / "source"

    def write(self, name: str, content: str | bytes = "some words") -> Path:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def executable(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def change(self, **changes: Any) -> "World":
        """The same world with another way of reaching its repository."""
        return replace(self, target=replace(self.target, **changes))

    def create(self, archive: str = "first", *, source: dict[str, Any] | None = None, **running: Any) -> borg.Backup:
        fields = {"paths": (str(self.source),), **(source or {})}
        return known(borg.create(self.program, self.target, borg.Source(**fields), archive, **running))

    def ask(self, verb: Callable[..., borg.Answer], *arguments: Any, **keywords: Any) -> borg.Answer:
        return known(verb(self.program, self.target, *arguments, **keywords))

    def names(self, archive: str = "first") -> set[str]:
        """The regular files in an archive, by their last name."""
        answer = self.ask(borg.list_files, archive)
        assert answer.outcome == borg.SUCCESS, answer.sentence
        return {Path(entry["path"]).name for entry in answer.data if entry["type"] == "-"}

    def archives(self) -> list[str]:
        return [archive["name"] for archive in self.ask(borg.list_archives).data["archives"]]


def known(answer: Any) -> Any:
    """Every id that the real borg ever prints here is in both tables."""
    for message in answer.messages:
        assert not message.msgid or message.msgid in OUTCOME_OF, message
        assert not message.msgid or message.msgid in EXPLANATIONS, message
    return answer


@pytest.fixture
def bare(tmp_path: Path, program: borg.Borg) -> World:
    """A source, and no repository yet."""
    (tmp_path / "source").mkdir()
    target = borg.Target(
        path=str(tmp_path / "repository"), base_dir=tmp_path / "base", host_id=HOST_ID, encryption="none", lock_wait=1
    )
    return World(tmp_path, program, target)


@pytest.fixture
def world(bare: World) -> World:
    """A source, and an unencrypted repository: those are quickest."""
    assert bare.ask(borg.init, "none").outcome == borg.SUCCESS
    return bare


@pytest.fixture
def locked(bare: World) -> World:
    """A source with a file, and an encrypted repository."""
    encrypted = bare.change(encryption="repokey-blake2", passphrase="correct horse")
    assert encrypted.ask(borg.init, "repokey-blake2").outcome == borg.SUCCESS
    encrypted.write("file")
    return encrypted


def foreign_lock(repository: Path, host: str = "nas@99", pid: int = 4711) -> Path:
    """The exclusive lock that a borg on another machine would have left."""
    folder = repository / "lock.exclusive"
    folder.mkdir()
    (folder / f"{host}.{pid}-0").touch()
    return folder
