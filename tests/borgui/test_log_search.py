"""Words in a log file."""

from pathlib import Path

import pytest

from borgui.log_page import page
from borgui.log_search import Hits, offset_of, search


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    said = ["nothing", "\x1b[31mERR\x1b[0mor: the disk is full", "Größe 12", "12345 o 7 o", "error again"]
    path.write_text("".join(f"{700 + ms} o {line}\n" for ms, line in enumerate(said)) + "9 o unfinished error")
    return path


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("error", (2, 5)),
        ("ERROR:", (2,)),
        ("GRÖSSE", ()),
        ("größe", (3,)),
        ("12", (3, 4)),
        ("701", ()),  # the time before a line is not what it says
        ("o 7", (4,)),
        (".*", ()),
        ("unfinished", ()),
    ],
)
def test_what_a_reader_sees_is_what_is_searched(log: Path, words: str, numbers: tuple[int, ...]) -> None:
    assert search(log, words) == Hits(words, numbers, is_more=False)


def test_a_page_can_begin_at_any_line(log: Path, tmp_path: Path) -> None:
    assert page(log, offset_of(log, 3)).first == 3
    assert page(log, offset_of(log, 99)).lines == ()
    assert offset_of(tmp_path / "missing", 3) == 0


def test_a_long_log_is_searched_to_its_end_over_all_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("borgui.log_search.CHUNK", 1000)
    path = tmp_path / "log"
    path.write_text("".join(f"{n} o line {n}{' needle' if n % 100 == 0 else ''}\n" for n in range(1, 1001)))
    assert search(path, "needle").numbers == tuple(range(100, 1001, 100))
    assert [page(path, offset_of(path, number)).first for number in (1, 500, 1000)] == [1, 500, 1000]


def test_the_number_of_hits_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("1 o y\n" * 50)
    assert search(path, "y", most=10) == Hits("y", tuple(range(1, 11)), is_more=True)
    assert search(path, "y", most=50).is_more is False
    assert search(tmp_path / "missing", "y").numbers == ()
