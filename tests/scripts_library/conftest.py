"""A library folder of its own for every test, and short ways to fill it."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from borgui.accounts.models import User
from scripts_library import library
from scripts_library.models import Script

from .authors import author

TEXT = "#!/bin/sh\necho one\n"


def block(*lines: str) -> str:
    """A script that declares itself with these lines of TOML."""
    return "\n".join(["#!/bin/sh", "# /// borgui", *(f"# {line}".rstrip() for line in lines), "# ///", "echo ran", ""])


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """The library folder, empty."""
    path = tmp_path / "scripts" / "library"
    path.mkdir(parents=True)
    settings.LIBRARY_DIR = path
    return path


@pytest.fixture
def make_script(db: None, folder: Path) -> Callable[..., Script]:
    def make(name: str | None = "Stop", content: str = TEXT, **fields: Any) -> Script:
        return library.create(name, content, **{"source": "editor", **fields})

    return make


@pytest.fixture
def anna(db: None) -> User:
    return author("anna")


@pytest.fixture
def ben(db: None) -> User:
    return author("ben")
