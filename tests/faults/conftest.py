"""The world of the fault tests."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from backups import attempts
from scripts_library import store

from .crew import Crew
from .world import BODY, NAP, POST, World


@pytest.fixture
def make_world(
    installation: Any,
    make_repository: Callable[..., Any],
    attach: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., World]:
    monkeypatch.setattr(attempts, "THIRD_START_AFTER", timedelta(seconds=0.2))  # five minutes are tested elsewhere
    monkeypatch.setattr(store, "SETTLED", 0)  # else jobs look at young files again and have more events than later ones

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


@pytest.fixture
def crew(world: World, tmp_path: Path) -> Iterator[Crew]:
    """Real processes of the product around `world`; those that are still there at the end are ended."""
    crew = Crew(world.installation, world.extra, tmp_path / "crew")
    yield crew
    crew.close()
