"""The world of the fault tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .world import BODY, NAP, POST, World


@pytest.fixture
def make_world(
    installation: Any, make_repository: Callable[..., Any], attach: Callable[..., Any], tmp_path: Path
) -> Callable[..., World]:
    def make(name: str = "photos", nap: float = NAP, **fields: Any) -> World:
        repository = make_repository(name, **fields)
        for script in ("pre1", "pre2"):
            attach(repository, "pre-backup", f"{script}", BODY.format(name=script, nap=nap))
        for script, run_on in POST.items():
            attach(repository, "post-backup", script, BODY.format(name=script, nap=nap), run_on=run_on)
        return World(installation, repository, tmp_path / f"ledger-{name}")

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()
