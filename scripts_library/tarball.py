"""Small text files in a .tar.gz, written the same every time, and read from anybody (plain Python).

What is read is hostile until shown otherwise: it is never unpacked onto the disk, and every size is limited before
memory is given to it.
"""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator, Mapping

from .errors import Refused

LARGEST_FILE = 8 * 1024 * 1024  # bytes of the .tar.gz
LARGEST_WHOLE = 64 * 1024 * 1024  # bytes unpacked
MOST_MEMBERS = 2100  # files and folders
LONGEST_NAME = 255  # characters of a path inside
PORTION = 256 * 1024
PLAIN_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)
KINDS = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}


class BadPackage(Refused):
    """One sentence about a file that is not taken. Nothing of it was kept."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """The same files give the same bytes: no times, no owners, in the order of `files`. Raises BadPackage."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, raw in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(raw), 0o644
            tar.addfile(member, io.BytesIO(raw))
    packed = gzip.compress(plain.getvalue(), mtime=0)
    if len(plain.getvalue()) > LARGEST_WHOLE or len(packed) > LARGEST_FILE:
        raise BadPackage(f"This is more than one file may hold ({_mebibytes(LARGEST_FILE)}). Choose fewer scripts.")
    return packed


def unpack(packed: bytes, largest: Mapping[str, int], otherwise: int) -> dict[str, bytes]:
    """The files by path. `largest`: bytes that a file of this path may have, `otherwise` those of any other path.

    Raises BadPackage.
    """
    if len(packed) > LARGEST_FILE:
        raise BadPackage(f"The file is larger than {_mebibytes(LARGEST_FILE)}.")
    plain = _decompressed(packed)
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r|", errors="strict", encoding="utf-8") as tar:
            for name, member in _members(tar):
                if name in found:
                    raise BadPackage(f"{_shown(name)} is in the file twice.")
                found[name] = _content(tar, name, member, largest.get(name, otherwise))
    except (tarfile.TarError, EOFError, ValueError, RecursionError, OverflowError, KeyError) as error:
        raise BadPackage("The file is damaged: it cannot be read to its end as a .tar.gz.") from error
    return found


def _decompressed(packed: bytes) -> bytes:
    """To its end, so that the checksum there is seen."""
    plain = bytearray()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            while portion := file.read(PORTION):
                plain += portion
                if len(plain) > LARGEST_WHOLE:
                    raise BadPackage(f"Unpacked it would be larger than {_mebibytes(LARGEST_WHOLE)}.")
    except gzip.BadGzipFile as error:
        if plain or packed[:2] == b"\x1f\x8b":
            raise BadPackage("The file is damaged: its checksum is wrong, or something follows its end.") from error
        raise BadPackage("This is no .tar.gz file.") from error
    except (EOFError, zlib.error) as error:
        raise BadPackage("The file is cut off or damaged: load it once more from where it came.") from error
    if not plain:
        raise BadPackage("The file is empty.")
    return bytes(plain)


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Plain files, by a path that stays inside. Folders are what packing by hand adds."""
    number, before = 0, -1
    for member in tar:
        number += 1
        if number > MOST_MEMBERS:
            raise BadPackage(f"The file holds more than {MOST_MEMBERS:,} parts.")
        if member.offset_data <= before or member.size < 0:  # a header that leads backwards would be read for ever
            raise BadPackage("The file is damaged: a part of it lies before the one that precedes it.")
        before = member.offset_data
        name = _safe(member.name)
        if member.isdir():
            continue
        if member.type not in PLAIN_FILES or member.issparse():
            kind = KINDS.get(member.type, "no ordinary file")
            raise BadPackage(f"{_shown(name)} is {kind}: only ordinary files are taken.")
        yield name, member


def _safe(name: str) -> str:
    """Raises BadPackage for a path that leaves the folder in which one would unpack it."""
    parts = [part for part in name.split("/") if part != "."]
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise BadPackage(f"The path {_shown(name)} leads out of the file: it is not taken.")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise BadPackage(f"The path {_shown(name)} is not one that a script has.")
    return "/".join(part for part in parts if part)


def _content(tar: tarfile.TarFile, name: str, member: tarfile.TarInfo, largest: int) -> bytes:
    if member.size > largest:
        raise BadPackage(f"{_shown(name)} is larger than {largest // 1024:,} KiB.")
    file = tar.extractfile(member)
    raw = file.read() if file else b""
    if len(raw) != member.size:
        raise BadPackage(f"The file is cut off in the middle of {_shown(name)}.")
    return raw


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else name[:77] + "...")


def _mebibytes(size: int) -> str:
    return f"{size // 1024 // 1024} MiB"
