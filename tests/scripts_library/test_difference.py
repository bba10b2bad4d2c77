"""What went and what came, side by side, and quick whatever the texts are."""

import random
import time
from itertools import pairwise

import pytest

from scripts_library.alignment import pairs
from scripts_library.difference import MOST, WIDEST, Difference, Side, difference


def side(one: Side | None) -> str:
    words = "".join(f"[{piece.text}]" if piece.changed else piece.text for piece in one.pieces) if one else ""
    return f"{one.number} {words}" if one else ""


def shown(found: Difference) -> list[str]:
    return [
        f"{'=' if row.kind == 'same' else '!'} {side(row.old)} | {side(row.new)}"
        for block in found.blocks
        if not block.folded
        for row in block.rows
    ]


def lines(*numbers: object) -> str:
    return "".join(f"{number}\n" for number in numbers)


def test_changed_lines_stand_side_by_side_between_three_that_stayed_and_the_rest_is_folded() -> None:
    old = lines(*range(1, 12))

    found = difference(old, old.replace("6\n", "six\n"))

    assert [block.folded for block in found.blocks] == [2, 0, 2]
    assert [row.old.text for row in found.blocks[0].rows if row.old] == ["1", "2"]
    assert shown(found) == [
        *(f"= {n} {n} | {n} {n}" for n in (3, 4, 5)),
        "! 6 6 | 6 six",
        *(f"= {n} {n} | {n} {n}" for n in (7, 8, 9)),
    ]
    assert (found.gone, found.new, found.left_out) == (1, 1, 0)


def test_a_line_that_came_stands_beside_nothing_and_one_that_went_too() -> None:
    assert shown(difference("a\nb\n", "a\nb\nc\n")) == ["= 1 a | 1 a", "= 2 b | 2 b", "!  | 3 c"]
    assert shown(difference("a\n", "")) == ["! 1 a | "]


def test_words_that_changed_within_a_line_are_marked_where_the_lines_are_alike() -> None:
    found = difference("docker stop web  # now\n", "podman stop web db  # now\n")

    assert shown(found) == ["! 1 [docker] stop web  # now | 1 [podman] stop web[ db]  # now"]
    assert shown(difference("one thing\n", "quite/different\n")) == ["! 1 one thing | 1 quite/different"]


def test_line_ends_alone_are_no_difference() -> None:
    assert not difference("a\r\nb", "a\nb\n")
    assert difference("a\r\nb", "a\nb\n").blocks == ()


def test_of_a_very_long_difference_the_beginning_is_shown_and_the_rest_counted() -> None:
    found = difference("", "x\n" * 3 * MOST)

    assert len(found.rows) == MOST
    assert (found.new, found.left_out) == (3 * MOST, 2 * MOST)


def test_lines_that_stayed_never_crowd_out_a_change() -> None:
    old = lines(*range(10_000))

    found = difference(old, lines("first", *range(10_000), "last"))

    assert found.left_out == 0
    assert [(block.folded, len(block.rows)) for block in found.blocks] == [(0, 4), (9994, 0), (0, 4)]


def test_of_a_very_long_line_the_beginning_is_shown() -> None:
    [row] = difference("", "x" * 10_000_000).rows

    assert row.new is not None
    assert (len(row.new.text), row.new.cut) == (WIDEST, 10_000_000 - WIDEST)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("".join(f"{n}\n" for n in range(10_000)), "".join(f"{n}\n{n}\n" for n in range(0, 10_000, 2))),
        ("x\n" * 10_000, "y\nx\n" * 10_000),
        ("a\nb\nc\n" * 3_000, "c\nb\na\n" * 3_000),
        ("\n" * 500_000, "\n x\n" * 250_000),
        (
            "".join(random.Random(1).choices("abcdefgh\n", k=60_000)),
            "".join(random.Random(2).choices("abcdefgh\n", k=60_000)),
        ),
    ],
)
def test_ten_thousand_lines_of_any_kind_take_seconds_at_most(old: str, new: str) -> None:
    begun = time.process_time()

    difference(old, new)

    assert time.process_time() - begun < 5


def test_lines_that_are_called_the_same_are_and_none_that_occurs_once_in_order_is_missed() -> None:
    chance = random.Random(3)
    for _ in range(200):
        old = chance.choices("abcdef", k=chance.randrange(30))
        new = chance.choices("abcdef", k=chance.randrange(30))
        found = pairs(old, new)
        assert all(old[a] == new[b] for a, b in found)
        assert all(a < c and b < d for (a, b), (c, d) in pairwise(found))
    assert pairs("a1b2c", "xa-b-cx") == [(0, 1), (2, 3), (4, 5)]
