"""Two people change one text: what each did is there afterwards, and what they disagree about is a person's to decide."""

import random

from hypothesis import given
from hypothesis import strategies as st

from scripts_library.merging import BEGIN, END, MIDDLE, Merged, merge, undecided

TEXT = "one\ntwo\nthree\nfour\nfive\n"
texts = st.lists(st.sampled_from(["a", "b", "c", "d", "e", ""]), max_size=12).map("\n".join)


def test_changes_in_different_places_are_both_taken() -> None:
    assert merge(TEXT, TEXT.replace("one", "1"), TEXT.replace("five", "5\nsix")) == Merged(
        "1\ntwo\nthree\nfour\n5\nsix\n", 0
    )


def test_what_both_changed_stands_twice_between_marks() -> None:
    merged = merge(TEXT, TEXT.replace("three", "mine"), TEXT.replace("three\n", "theirs\nmore\n"))

    assert merged.conflicts == 1
    assert merged.text == f"one\ntwo\n{BEGIN}\nmine\n{MIDDLE}\ntheirs\nmore\n{END}\nfour\nfive\n"
    assert undecided(merged.text) == [3, 5, 8]


def test_a_line_of_equals_signs_alone_is_no_mark() -> None:
    assert undecided(f"Title\n{MIDDLE}\ntext\n") == []


@given(texts, texts)
def test_who_alone_changed_something_gets_it_exactly(base: str, changed: str) -> None:
    assert merge(base, changed, base) == Merged(changed, 0)
    assert merge(base, base, changed) == Merged(changed, 0)
    assert merge(base, changed, changed) == Merged(changed, 0)


@given(texts, texts, texts)
def test_no_line_that_only_one_of_them_wrote_is_lost(base: str, yours: str, saved: str) -> None:
    merged = merge(base, yours, saved)
    left = set(merged.text.split("\n"))
    for text, other in ((yours, saved), (saved, yours)):
        added = set(text.split("\n")) - set(base.split("\n")) - set(other.split("\n"))
        assert added <= left
    assert merged.text.count(BEGIN) == merged.conflicts
    assert bool(undecided(merged.text)) == bool(merged.conflicts)


@given(st.randoms(use_true_random=False))
def test_edits_of_lines_that_lie_apart_never_conflict(chance: random.Random) -> None:
    base = [f"line {n}" for n in range(40)]
    yours, saved, both = list(base), list(base), list(base)
    for place in range(0, 40, 4):
        who = chance.choice([yours, saved])
        who[place] = both[place] = f"changed {place}"

    assert merge("\n".join(base), "\n".join(yours), "\n".join(saved)) == Merged("\n".join(both), 0)


@given(texts, texts, texts)
def test_it_does_not_matter_who_was_first_but_for_the_order_within_the_marks(base: str, yours: str, saved: str) -> None:
    one, other = merge(base, yours, saved), merge(base, saved, yours)

    assert one.conflicts == other.conflicts
    if not one.conflicts:
        assert one.text == other.text
