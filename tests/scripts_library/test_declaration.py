"""The form of the block and its text: each follows the other, and what does not fit changes nothing."""

from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given, settings

from scripts_library.declaration import Declaration, read, written
from scripts_library.manifest import Manifest, parse

from .conftest import block
from .test_declaring import MANIFESTS, STOP, changed


def posted(declaration: Declaration, **given: Any) -> dict[str, Any]:
    """What a browser sends for this form, with some fields typed over."""
    halves = [declaration.form, *declaration.entries]
    fields = [field for half in halves for field in half]
    data = {field.html_name: sent(field.value()) for field in fields if field.value() not in (None, False)}
    return {**data, "block-parameters": str(len(declaration.entries)), **given}


def sent(value: Any) -> Any:
    if isinstance(value, list):
        return value
    return "on" if value is True else str(value).replace("\r\n", "\n").replace("\n", "\r\n")


def press(content: str, action: str = "write", **given: Any) -> Declaration:
    data = QueryDict(mutable=True)
    for name, value in posted(read(content), **given).items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return written(content, data, action)


def fields_of(declaration: Declaration) -> dict[str, Any]:
    return {name: errors for half in (declaration.form, *declaration.entries) for name, errors in half.errors.items()}


@settings(deadline=None, max_examples=60)
@given(declared=MANIFESTS)
def test_a_form_that_nobody_touched_changes_nothing(declared: Manifest) -> None:
    content = changed("#!/bin/sh\necho\n", declared)

    assert press(content).content == content


def test_what_is_typed_stands_in_the_text_and_everything_else_is_as_it_was() -> None:
    after = press(STOP, **{"block-timeout": "60", "block-run_on": "always", "parameter-1-default": "7"})

    assert (after.declared.timeout, after.declared.run_on, after.declared.parameters[1].default) == (60, "always", 7)
    assert set(STOP.split("\n")) - set(after.content.split("\n")) == {"# default = 5           # seconds"}


@pytest.mark.parametrize(
    ("typed", "field", "message"),
    [
        ({"block-timeout": "soon"}, "timeout", "Whole seconds from 1 to 86400 are expected."),
        ({"block-timeout": "-1"}, "timeout", "Whole seconds from 1 to 86400 are expected."),
        ({"block-run_on": "never"}, "run_on", "One of success, warning"),
        ({"block-interrupts": "${NOBODY}"}, "interrupts", "Names ${NOBODY}"),
        ({"parameter-0-name": "PATH"}, "name", "The name PATH is reserved."),
        ({"parameter-0-name": ""}, "name", "Is missing."),
        ({"parameter-1-name": "CONTAINERS"}, "name", "Declared twice."),
        ({"parameter-1-default": "five"}, "default", "A whole number is expected."),
        ({"parameter-0-type": "choice"}, "choices", "Are what the type choice has"),
    ],
)
def test_what_does_not_fit_is_told_at_its_field_and_is_not_in_the_text(
    typed: dict[str, str], field: str, message: str
) -> None:
    after = press(STOP, **typed)

    assert after.refused
    assert after.content == STOP
    assert str(fields_of(after)[field][0]).startswith(message)


@pytest.mark.parametrize(
    ("action", "names"),
    [
        ("add", ["CONTAINERS", "WAIT", "VALUE_1"]),
        ("declare:PGPASSWORD", ["CONTAINERS", "WAIT", "PGPASSWORD"]),
        ("remove:0", ["WAIT"]),
        ("up:1", ["WAIT", "CONTAINERS"]),
        ("down:0", ["WAIT", "CONTAINERS"]),
        ("up:0", ["CONTAINERS", "WAIT"]),
        ("down:1", ["CONTAINERS", "WAIT"]),
        ("remove:7", ["CONTAINERS", "WAIT"]),
        ("up:x", ["CONTAINERS", "WAIT"]),
        ("declare:PATH", ["CONTAINERS", "WAIT"]),
        ("nonsense:1", ["CONTAINERS", "WAIT"]),
    ],
)
def test_parameters_are_added_removed_and_ordered(action: str, names: list[str]) -> None:
    assert [entry.name for entry in press(STOP, action).declared.parameters] == names


def test_a_name_that_sounds_secret_is_declared_and_suggested_as_one() -> None:
    declared = press(STOP, "declare:PGPASSWORD").declared.parameters[-1]
    in_clear = block("[[parameters]]", 'name = "API_TOKEN"', 'default = "abc"')

    assert declared.is_secret
    assert read(in_clear).secrets_in_clear == [(0, "API_TOKEN")]
    assert press(in_clear, "secret:0").declared.parameters[0].is_secret


def test_a_block_that_is_not_valid_is_told_at_its_lines_and_never_written() -> None:
    broken = STOP.replace("# name =", "# name ==")
    after = press(broken, **{"block-timeout": "5"})

    assert [line for line, _ in after.problems] == [5]
    assert after.content == broken


def test_what_is_down_is_shown_in_words_with_the_values_and_names_of_parameters() -> None:
    lines = ['interrupts = "${ONE} and ${TWO}"', "[[parameters]]", 'name = "ONE"', 'default = "web"']
    content = block(*lines, "[[parameters]]", 'name = "TWO"', 'label = "Database"')

    assert read(content).in_words == "web and [Database]"


@pytest.mark.parametrize("first", ["#!/usr/bin/env node", "#!/usr/bin/lua5.4"])
def test_a_language_with_other_comments_gets_no_block(first: str) -> None:
    assert read(f"{first}\n").unwritable
    assert press(f"{first}\n", **{"block-name": "One"}).content == f"{first}\n"


def test_absurd_numbers_of_parameters_are_cut_and_names_that_are_no_numbers_ignored() -> None:
    data = posted(read(STOP), **{"block-parameters": "100000000"})

    assert written(STOP, data, "write").refused
    assert parse(written(STOP, {**data, "block-parameters": "x"}, "write").content).parameters == ()
