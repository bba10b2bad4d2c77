from pathlib import Path

import pytest

from .over_there import OverThere, usual


@pytest.fixture
def there(tmp_path: Path, data_dir: Path) -> OverThere:
    """An empty Borg Web UI, and a data directory here."""
    (tmp_path / "there").mkdir()
    return OverThere(tmp_path / "there")


@pytest.fixture
def usual_one(tmp_path: Path, data_dir: Path) -> OverThere:
    (tmp_path / "usual").mkdir()
    return usual(tmp_path / "usual")
