"""What a script declares, written into its text: it reads back, and nothing else changes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts_library.declaring import Unwritable, changed
from scripts_library.manifest import BEGIN, END, Manifest, parse
from scripts_library.parameters import TYPES, Declared

from .conftest import block

STOP = """\
#!/usr/bin/env bash
# Stops what must stand still.
# /// borgui
# # What people read:
# name = "Containers"   # short
# hooks = [
#     "pre-backup",     # writes down
#     "post-backup",    # reads
# ]
# colour = "blue"       # nobody knows this key
#
# # The first one
# [[parameters]]
# name = "CONTAINERS"
# unit = "names"
#
# # The second one
# [[parameters]]
# name = "WAIT"
# type = "integer"
# default = 5           # seconds
#
# [others]
# key = 1
# ///
set -eu
# name = "no line of the block"
"""

# --- any block in any text --------------------------------------------------------------------------------------------
LINE = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=20)
LINES = st.text(st.one_of(st.characters(exclude_categories=("Cc", "Cs")), st.sampled_from('\n\t\r"\\/# ')), max_size=40)
NAMES = st.sampled_from(["ONE", "TWO", "THREE", "FOUR", "lower_5"])


@st.composite
def parameter(draw: st.DrawFn) -> Declared:
    kind = draw(st.sampled_from(TYPES))
    choices = tuple(draw(st.lists(LINE.filter(bool), min_size=1, max_size=3))) if kind == "choice" else ()
    defaults = {
        "text": LINES,
        "integer": st.integers(-(10**9), 10**9),
        "boolean": st.booleans(),
        "choice": st.sampled_from(choices or ("",)),
        "path": st.just("/srv/data"),
    }
    return Declared(
        name=draw(NAMES),
        label=draw(LINE),
        help=draw(LINES),
        type=kind,
        required=draw(st.booleans()),
        default=draw(st.none() | defaults[kind]) if kind in defaults else None,
        choices=choices,
        must_be_source=kind == "path" and draw(st.booleans()),
    )


MANIFESTS = st.builds(
    Manifest,
    name=st.none() | LINE.map(str.strip).filter(bool),
    description=st.none() | LINES,
    version=st.none() | LINE,
    hooks=st.sampled_from([(), ("pre-backup",), ("post-backup",), ("post-backup", "pre-backup")]),
    run_on=st.none() | st.sampled_from(["always", "success", "failure"]),
    timeout=st.none() | st.integers(1, 86400),
    interrupts=LINE.filter(lambda text: "${" not in text),
    rerun=st.booleans(),
    parameters=st.lists(parameter(), unique_by=lambda entry: entry.name, max_size=4).map(tuple),
)
OUTSIDE = st.lists(LINES.filter(lambda text: not text.lstrip("\ufeff").startswith("# ///")), max_size=3).map("\n".join)


def around(content: str) -> tuple[str, str]:
    begin, end = content.index(BEGIN), content.index(END + "\n", content.index(BEGIN) + len(BEGIN))
    return content[:begin], content[end:]


@settings(deadline=None)
@given(first=MANIFESTS, second=MANIFESTS)
def test_what_is_written_reads_back_whatever_was_there(first: Manifest, second: Manifest) -> None:
    once = changed("#!/bin/sh\necho\n", first)
    twice = changed(once, second)

    assert parse(once) == first
    assert parse(twice) == second
    assert changed(twice, second) == twice


@settings(deadline=None)
@given(wanted=MANIFESTS)
def test_everything_outside_the_block_and_all_comments_and_unknown_keys_stay(wanted: Manifest) -> None:
    written = changed(STOP, wanted)

    assert replace(parse(written), warnings=()) == wanted
    assert around(written) == around(STOP)
    for kept in ("# # What people read:", '# colour = "blue"       # nobody knows this key', "# [others]", "# key = 1"):
        assert kept in written.split("\n")


@settings(deadline=None)
@given(wanted=MANIFESTS.filter(lambda one: one != Manifest()), content=OUTSIDE)
def test_a_text_without_a_block_gets_one_and_keeps_every_line(wanted: Manifest, content: str) -> None:
    written = changed(content, wanted)

    assert parse(written) == wanted
    begin = written.index(BEGIN)
    end = written.index("\n", written.index(f"\n{END}", begin) + 1) + 1
    assert (written[:begin] + written[end:]).removesuffix("\n") == content.removesuffix("\n")


# --- what people notice -----------------------------------------------------------------------------------------------
def test_only_the_line_that_changes_changes_and_keeps_its_comment() -> None:
    now = parse(STOP)
    first, wait = now.parameters

    written = changed(STOP, replace(now, name="Boxes", parameters=(first, replace(wait, default=9))))

    gone = set(STOP.split("\n")) - set(written.split("\n"))
    new = set(written.split("\n")) - set(STOP.split("\n"))
    assert gone == {'# name = "Containers"   # short', "# default = 5           # seconds"}
    assert new == {'# name = "Boxes"   # short', "# default = 9           # seconds"}


def test_a_parameter_that_moves_takes_its_comments_and_unknown_keys_along() -> None:
    now = parse(STOP)

    written = changed(STOP, replace(now, parameters=now.parameters[::-1]))

    assert written.index("# # The second one") < written.index('"WAIT"') < written.index("# # The first one")
    assert written.index("# # The first one") < written.index('# unit = "names"') < written.index("# [others]")
    assert sorted(written) == sorted(STOP)


def test_a_renamed_parameter_keeps_its_place_and_its_comments() -> None:
    now = parse(STOP)

    written = changed(STOP, replace(now, parameters=(replace(now.parameters[0], name="BOXES"), now.parameters[1])))

    assert written == STOP.replace('"CONTAINERS"', '"BOXES"')


def test_windows_line_ends_and_a_byte_order_mark_stay() -> None:
    content = "\ufeff" + STOP.replace("\n", "\r\n")

    written = changed(content, replace(parse(content), timeout=60))

    assert written.replace("# timeout = 60\r\n", "") == content


def test_the_block_stands_below_the_interpreter_and_the_encoding() -> None:
    written = changed("#!/usr/bin/env python3\n# -*- coding: latin-1 -*-\nprint()\n", Manifest(name="One"))

    assert written.split("\n")[2:5] == ["# /// borgui", '# name = "One"', "# ///"]
    assert changed("#!/bin/sh", Manifest(name="One")).startswith("#!/bin/sh\n# /// borgui\n")


def test_parameters_in_one_line_become_tables_when_they_change() -> None:
    content = block('parameters = [{name = "ONE", label = "First"}]', "[others]", "key = 1")

    now = parse(content)
    written = changed(content, replace(now, parameters=(*now.parameters, Declared("TWO"))))

    assert [entry.name for entry in parse(written).parameters] == ["ONE", "TWO"]
    assert changed(content, replace(now, name="New")).count("parameters = [{") == 1


def test_a_line_of_a_text_that_looks_like_the_end_of_the_block_does_not_end_it() -> None:
    wanted = Manifest(description="one\n///\n/// borgui\ntwo")

    assert parse(changed("#!/bin/sh\n", wanted)) == wanted


@pytest.mark.parametrize("line", ["timeout = 5s", 'timeout = "long"'])
def test_a_block_that_is_not_valid_is_put_right_in_the_text_first(line: str) -> None:
    with pytest.raises(Unwritable):
        changed(block(line), Manifest(name="One"))
