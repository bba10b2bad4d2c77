"""Many new script files that appear together or not at all. Plain Python.

The slow part, writing them through to the disk, comes first and under hidden names; appearing is a rename each, so that
a transaction around it is short.
"""

import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from .store import MODE, NotWritten, Store, sync_folder, write_draft

DRAFT = re.compile(r"\.[0-9a-f]{16}\.new")  # as this and `Store.write` name them


@contextmanager
def new_files(store: Store, texts: Mapping[str, str]) -> Iterator[Callable[[], None]]:
    """`texts` by path, as `Store.new_path` gives them. The block calls what it gets to have them appear; if the block
    raises, none is left. Raises NotWritten."""
    drafts: dict[Path, Path] = {}
    appeared: list[Path] = []

    def appear() -> None:
        with _told():
            for path, draft in drafts.items():
                os.replace(draft, path)
                appeared.append(path)
            sync_folder(store.folder)

    try:
        with _told():
            store.folder.mkdir(mode=MODE, parents=True, exist_ok=True)
            for file_path, text in texts.items():
                path = store.path(file_path)
                drafts[path] = path.with_name(f".{secrets.token_hex(8)}.new")
                write_draft(drafts[path], text.encode(), None)
        yield appear
    except BaseException:
        for path in appeared:
            path.unlink(missing_ok=True)
        raise
    finally:
        for draft in drafts.values():
            with suppress(OSError):
                draft.unlink(missing_ok=True)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotWritten(f"The script files cannot be written: {error.strerror or error}.") from error


def remove_drafts(store: Store, seconds: float) -> int:
    """Hidden files that a killed process was writing, older than this; how many there were."""
    old = [path for path in store.folder.glob(".*.new") if DRAFT.fullmatch(path.name) and _is_older(path, seconds)]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _is_older(path: Path, seconds: float) -> bool:
    try:
        return path.stat().st_mtime < time.time() - seconds
    except FileNotFoundError:
        return False
