"""A throw-away installation for the commands of this folder: its own data directory, this process set up for it."""

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"


def with_packages() -> None:
    """Go on under the virtual environment's Python where this one has no Django."""
    if importlib.util.find_spec("django") is None:
        if not PYTHON.exists():
            sys.exit("The Python packages are missing: run bin/run once, it makes .venv.")
        os.execv(PYTHON, [str(PYTHON), *sys.argv])


@contextmanager
def installation(folder: str | None) -> Iterator[Path]:
    """Django on a fresh database in a new directory below `folder`, which goes at the end; yields that directory."""
    root = Path(tempfile.mkdtemp(prefix="borgui-bench-", dir=folder))
    try:
        for name in [name for name in os.environ if name.startswith("BORGUI_") and name != "BORGUI_BORG"]:
            del os.environ[name]
        os.environ |= {
            "BORGUI_DATA_DIR": str(root / "data"),
            "BORGUI_MIN_FREE": "0",
            "BORGUI_LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "borgui.settings",
        }
        sys.path.insert(0, str(ROOT))
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def make_source(root: Path, *, files: int, size: int) -> Path:
    """`files` files of about `size` bytes that cannot be compressed, fifty to a folder."""
    source = root / "source"
    for number in range(files):
        folder = source / f"{number // 50:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:06d}").write_bytes(os.urandom(size))
    return source


def make_repository(root: Path, name: str, source: Path, passphrase: str = "") -> Any:
    """A repository of the product, made by the real borg; encrypted where there is a passphrase."""
    from backups import repositories

    (root / "repositories").mkdir(exist_ok=True)
    return repositories.create(
        {
            "name": name,
            "path": str(root / "repositories" / name),
            "source_paths": [str(source)],
            "encryption": "repokey-blake2" if passphrase else "none",
            "passphrase": passphrase,
            "init": True,
        }
    )
