"""Numbered pages of a log file, and its end."""

from pathlib import Path

import pytest

from borgui.log_page import LogPage, page, plain, tail


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_text("".join(f"{number} o line {number}\n" for number in range(1, 101)))
    return path


def numbers(found: LogPage) -> list[int]:
    assert [f"line {number}" for number, _ in found.numbered] == [line.text for line in found.lines]
    return [number for number, _ in found.numbered]


def test_pages_follow_each_other_without_a_gap(log: Path) -> None:
    first = page(log, most_lines=60)
    second = page(log, first.next_offset, most_lines=60)
    assert numbers(first) == list(range(1, 61))
    assert numbers(second) == list(range(61, 101))
    assert (first.at_end, second.at_end) == (False, True)
    assert (first.next_number, second.next_number) == (61, 101)


def test_an_offset_inside_a_line_goes_on_with_the_next_one(log: Path) -> None:
    assert numbers(page(log, 3, most_lines=2)) == [2]


def test_the_tail_knows_its_numbers_and_where_to_go_on(log: Path) -> None:
    end = tail(log, 20)
    assert numbers(end) == list(range(81, 101))
    assert page(log, end.next_offset).lines == ()
    with log.open("a") as file:
        file.write("101 o line 101\n102 o unfini")
    assert numbers(page(log, end.next_offset)) == [101]


def test_an_offset_past_the_end_is_the_end(log: Path) -> None:
    found = page(log, 10**9)
    assert (found.lines, found.first, found.at_end) == ((), 101, True)


def test_what_is_not_there_is_empty(tmp_path: Path) -> None:
    for found in (page(tmp_path / "none", 5), tail(tmp_path / "none", 20)):
        assert (found.lines, found.first, found.at_end) == ((), 1, True)
    assert list(plain(tmp_path / "none")) == []


def test_a_file_to_keep_has_the_words_alone_and_tells_the_gap(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("0 o one\n5 g 10 bytes left out\n9 e two\n")
    assert "".join(plain(log)) == "one\n[10 bytes left out]\ntwo\n"
