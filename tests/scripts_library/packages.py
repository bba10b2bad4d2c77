"""Packages as nobody should send them, made by hand."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any

TEXT = b"#!/bin/sh\necho one\n"
ONE = {"file": "scripts/one.sh", "name": "One"}


def listed(*entries: Any, **others: Any) -> bytes:
    return json.dumps({"format": 1, "scripts": list(entries), **others}).encode()


def member(name: str, raw: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(raw)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, raw


def tarred(members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, raw in members:
            tar.addfile(info, io.BytesIO(raw))
    return plain.getvalue()


def packed(files: Mapping[str, bytes], *more: tuple[tarfile.TarInfo, bytes]) -> bytes:
    return gzip.compress(tarred([*(member(name, raw) for name, raw in files.items()), *more]))


def good(text: bytes = TEXT, **fields: Any) -> bytes:
    """A package of one script."""
    return packed({"borgui-scripts.json": listed({**ONE, **fields}), "scripts/one.sh": text})
