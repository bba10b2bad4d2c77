from scripts_library.difference import MOST, difference


def shown(old: str, new: str) -> list[str]:
    return [f"{line.old or ''}:{line.new or ''}{line.sign or ' '}{line.text}" for line in difference(old, new)]


def test_changed_lines_stand_between_three_that_stayed_and_the_rest_is_a_gap() -> None:
    old = "".join(f"{number}\n" for number in range(1, 10))

    assert shown(old, old.replace("5\n", "five\n")) == [
        ": ",
        "2:2 2",
        "3:3 3",
        "4:4 4",
        "5:−5",
        ":5+five",
        "6:6 6",
        "7:7 7",
        "8:8 8",
        ": ",
    ]


def test_a_change_at_an_end_has_no_gap_on_that_side() -> None:
    assert shown("a\nb\n", "a\nb\nc\n") == ["1:1 a", "2:2 b", ":3+c"]
    assert shown("", "a\n") == [":1+a"]


def test_line_ends_alone_are_no_difference() -> None:
    assert difference("a\r\nb", "a\nb\n") == []


def test_of_a_very_long_difference_the_beginning_is_shown() -> None:
    lines = difference("", "x\n" * 3 * MOST)

    assert len(lines) == MOST + 1
    assert lines[-1].kind == "gap"
