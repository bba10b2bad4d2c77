"""A package of scripts: what is written is read back, and what strangers send is refused in one sentence."""

import gzip
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from scripts_library import package, tarball
from scripts_library.package import Packed
from scripts_library.tarball import BadPackage

from .conftest import block
from .packages import ONE, TEXT, good, listed, member, packed, tarred

PARAMETERS = ("[[parameters]]", 'name = "HOST"', "", "[[parameters]]", 'name = "WORD"', 'type = "secret"')


# --- what is written --------------------------------------------------------------------------------------------------
def test_what_is_written_is_read_back_byte_for_byte() -> None:
    scripts = [
        Packed("Döcker: stop", "#!/bin/sh\r\necho ü\r\n", description="two\nlines", timeout=17, run_on="always"),
        Packed("No end", "\ufeffecho no line end"),
        Packed("With values", block(*PARAMETERS), parameters={"HOST": "a 'b' \"c\""}),
    ]

    assert package.read(package.write(scripts)) == scripts


def test_the_same_scripts_are_the_same_bytes_in_any_order() -> None:
    scripts = [Packed(name, TEXT.decode(), parameters={}) for name in ("b", "a", "A", "a!")]

    assert package.write(scripts) == package.write(reversed(scripts))


def test_it_opens_with_tar_and_the_files_are_named_by_their_scripts(tmp_path: Path) -> None:
    (tmp_path / "package.tar.gz").write_bytes(
        package.write(
            [Packed("Stop it", "echo 1"), Packed("stop-it", "#!/usr/bin/env python3\n"), Packed("Stop!it", "echo 2")]
        )
    )
    with tarfile.open(tmp_path / "package.tar.gz") as tar:
        assert tar.getnames() == [package.LIST, "scripts/stop-it.sh", "scripts/stop-it-2.sh", "scripts/stop-it.py"]


def test_none_and_too_many_are_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadPackage, match="No script was chosen"):
        package.write([])
    with pytest.raises(BadPackage, match="at most 1,000 scripts; these are 1,001"):
        package.write([Packed(str(number), "echo") for number in range(1001)])
    monkeypatch.setattr(tarball, "LARGEST_FILE", 100)
    with pytest.raises(BadPackage, match="Choose fewer"):
        package.write([Packed("one", "echo")])


def test_only_open_values_that_fit_the_text_leave() -> None:
    stored = {"HOST": "db", "WORD": {"secret": "hush hush"}, "GONE": "x"}

    assert package.open_values(block(*PARAMETERS), stored) == {"HOST": "db"}
    assert package.open_values(block(*PARAMETERS), {"WORD": "typed when it was no secret yet"}) == {}
    assert package.open_values(block(*PARAMETERS), {"HOST": {"secret": "typed when it was one"}}) == {}
    assert package.open_values(block("[[parameters]]", 'name = "HOST"', 'type = "integer"'), stored) == {}


# --- by hand ----------------------------------------------------------------------------------------------------------
def test_what_somebody_packed_anew_by_hand_is_taken() -> None:
    folder = member("./scripts/", type=tarfile.DIRTYPE)
    by_hand = packed({"./borgui-scripts.json": listed(ONE), "./scripts/one.sh": TEXT}, folder)

    assert package.read(by_hand) == [Packed("One", TEXT.decode())]


def test_what_the_list_leaves_out_is_the_default_or_what_the_block_says() -> None:
    [found] = package.read(good(name="  One "))

    assert (found.name, found.description, found.timeout, found.run_on, found.parameters) == ("One", "", 300, None, {})


# --- hostile files ----------------------------------------------------------------------------------------------------
LIST = package.LIST
BOTH = {LIST: listed(ONE), "scripts/one.sh": TEXT}
ZEROS = bytes(tarball.LARGEST_WHOLE + 1)


def link(kind: bytes, **fields: Any) -> bytes:
    return packed({LIST: listed(ONE)}, member("scripts/one.sh", type=kind, **{"linkname": "/etc/passwd", **fields}))


def sparse() -> bytes:
    info, raw = member("scripts/one.sh", b"")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**40)}
    return packed({LIST: listed(ONE)}, (info, raw))


def sized(size: int) -> bytes:
    """A header that claims another size than there is."""
    info, _ = member("scripts/one.sh")
    info.pax_headers = {"size": str(size)}
    return packed({LIST: listed(ONE)}, (info, b""))


def long_names() -> bytes:
    """Headers that announce headers, each for the next: a reader that calls itself for each runs out of stack."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 0
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) * 5000)


HOSTILE: dict[str, tuple[Any, str]] = {
    "nothing": (b"", "no .tar.gz|is empty"),
    "another kind of file": (b"PK\x03\x04 a zip", "no .tar.gz"),
    "a gzip of nothing": (gzip.compress(b""), "is empty"),
    "a gzip of no tar": (gzip.compress(b"hello" * 1000), "damaged"),
    "cut off": (good()[:-40], "cut off or damaged"),
    "cut off before it begins": (good()[:5], "cut off or damaged"),
    "a wrong checksum": (good()[:-8] + b"\0" * 8, "checksum is wrong"),
    "something behind its end": (good() + b"trailing", "checksum is wrong|follows its end"),
    "a tar that is cut off": (
        gzip.compress(tarred([member(LIST, listed(ONE)), member("scripts/one.sh", TEXT * 90)])[:2000]),
        "cut off|damaged",
    ),
    "a bomb": (lambda: gzip.compress(ZEROS), "larger than 64 MiB"),
    "a bomb of bombs": (lambda: gzip.compress(gzip.compress(ZEROS)), "damaged"),
    "a large file": (lambda: os.urandom(tarball.LARGEST_FILE + 1), "larger than 8 MiB"),
    "a large script": (
        lambda: packed({LIST: listed(ONE), "scripts/one.sh": b"#" * (1024 * 1024 + 1)}),
        "larger than 1,024 KiB",
    ),
    "a large list": (lambda: packed({LIST: b" " * (package.LARGEST_LIST + 1)}), "larger than 8,192 KiB"),
    "many parts": (lambda: packed({f"scripts/{number}": b"" for number in range(2200)}), "more than 2,100 parts"),
    "many scripts": (lambda: packed({LIST: listed(*[ONE] * 1001)}), "at most 1,000 scripts; this names 1,001"),
    "a path upwards": (packed({**BOTH, "scripts/../../etc/cron.d/x": TEXT}), "leads out of the file"),
    "an absolute path": (packed({**BOTH, "/etc/cron.d/x": TEXT}), "leads out of the file"),
    "a path of another system": (packed({**BOTH, "..\\..\\x": TEXT}), "leads out of the file"),
    "a path with a line break": (packed({**BOTH, "scripts/a\nb": TEXT}), "is not one that a script has"),
    "a folder upwards": (packed(BOTH, member("../x", type=tarfile.DIRTYPE)), "leads out of the file"),
    "a symbolic link": (link(tarfile.SYMTYPE), "is a symbolic link"),
    "a hard link": (link(tarfile.LNKTYPE), "is a hard link"),
    "a device": (link(tarfile.CHRTYPE, devmajor=1, devminor=3), "is a device"),
    "a disk": (link(tarfile.BLKTYPE), "is a device"),
    "a pipe": (link(tarfile.FIFOTYPE), "is a pipe"),
    "a sparse file": (sparse, "no ordinary file|damaged|larger than"),
    "a huge size": (lambda: sized(2**62), "larger than|damaged"),
    "a size below nothing": (lambda: sized(-512), "damaged|is not in it"),  # Python 3.11.2 reads on behind it
    "headers of headers": (long_names, "damaged"),
    "the same path twice": (packed(BOTH, member("scripts/one.sh", b"echo other")), "is in the file twice"),
    "the same path twice, written otherwise": (
        packed(BOTH, member("./scripts//one.sh", b"echo")),
        "is in the file twice",
    ),
    "a file that nobody names": (
        packed({**BOTH, "scripts/two.sh": TEXT}),
        "'scripts/two.sh', which its list does not name",
    ),
    "no list": (packed({"scripts/one.sh": TEXT}), "no package of scripts"),
    "a list that is no JSON": (packed({LIST: b"{"}), "not valid JSON"),
    "a list that is no text": (packed({LIST: b"\xff\xfe"}), "not valid JSON"),
    "a list of lists": (packed({LIST: b"[" * 100_000}), "not valid JSON"),
    "a list that is another thing": (packed({LIST: b"[1]"}), "which format"),
    "a list without a format": (packed({LIST: b'{"scripts": []}'}), "which format"),
    "a format that is no number": (packed({LIST: b'{"format": true}'}), "which format"),
    "a newer format": (
        packed({LIST: b'{"format": 2, "anything": 1}'}),
        "newer borgui: its format is 2, this one reads 1",
    ),
    "no scripts": (packed({LIST: listed()}), "names no scripts"),
    "scripts that are no list": (packed({LIST: b'{"format": 1, "scripts": "x"}'}), "names no scripts"),
    "a script that is no script": (packed({LIST: listed("x")}), "Script 1 of its list names no file"),
    "a script without its text": (packed({LIST: listed(ONE)}), "'scripts/one.sh', which its list names, is not in it"),
    "two scripts of one text": (packed({**BOTH, LIST: listed(ONE, {**ONE, "name": "Two"})}), "is not in it"),
    "two scripts of one name": (
        packed({**BOTH, LIST: listed(ONE, {"file": "b", "name": " One"}), "b": TEXT}),
        "Two scripts in it are named 'One'",
    ),
    "a word that nobody knows": (good(run_now=True), "'run_now' about 'scripts/one.sh', which nobody here knows"),
    "no name": (good(name=None), "name: is missing"),
    "an empty name": (good(name=" "), "name: is empty"),
    "a long name": (good(name="x" * 201), "name: longer than 200"),
    "a name that is no text": (good(name=7), "name: a text is expected"),
    "a time limit that is none": (good(timeout=0), "timeout: whole seconds"),
    "a condition that is none": (good(run_on="now"), "run_on: one of"),
    "values that are none": (good(parameters=[1]), "parameters: values by name are expected"),
    "a value that nobody declared": (good(parameters={"HOST": "x"}), "parameters.HOST: the script declares no such"),
    "a secret": (good(block(*PARAMETERS).encode(), parameters={"WORD": "hush hush"}), "a secret does not belong"),
    "a text that is none": (good(b"\x7fELF\0\0"), "not text: it holds NUL"),
    "a text of another alphabet": (good("echo ü".encode("latin-1")), "not text in UTF-8 .byte 5."),
    "an empty text": (good(b"\n \n"), "'scripts/one.sh' is empty"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_package_is_refused_in_one_sentence(name: str) -> None:
    raw, sentence = HOSTILE[name]
    with pytest.raises(BadPackage, match=sentence) as refused:
        package.read(raw() if callable(raw) else raw)
    assert len(refused.value.message) < 300
    assert "\n" not in refused.value.message
