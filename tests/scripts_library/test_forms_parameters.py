from typing import Any

import pytest
from django import forms

from scripts_library import parameters
from scripts_library.forms_parameters import FORGET, PREFIX, Values
from scripts_library.manifest import Manifest
from scripts_library.models import Script
from scripts_library.parameters import Declared

TEXT = Declared("WORDS", default="from the block")
SECRET = Declared("TOKEN", type="secret")
NUMBER = Declared("COUNT", type="integer", default=3)
SWITCH = Declared("FORCE", type="boolean", default=False)
CHOICE = Declared("MODE", type="choice", choices=("fast", "slow"))
ALL = (TEXT, SECRET, NUMBER, SWITCH, CHOICE)


def script(values: dict[str, Any]) -> Script:
    """A library entry with these default values, whose block declares ALL."""
    return Script(manifest=Manifest(parameters=ALL).to_dict(), parameters=values)


def form_of(stored: dict[str, Any], data: dict[str, str] | None = None) -> forms.Form:
    return with_fields(Values.of_script(script(stored)), data)


def with_fields(values: Values, data: dict[str, str] | None = None) -> forms.Form:
    form = forms.Form(data)
    form.fields.update(values.fields())
    return form


def sent(stored: dict[str, Any], **typed: str) -> dict[str, Any]:
    """What a browser sends when a person changed these and left the rest."""
    data = {}
    for field in form_of(stored):
        value = "" if isinstance(field.field.widget, forms.PasswordInput) else str(field.initial or "")
        data |= {field.name: value, f"initial-{field.name}": value}
    return data | {PREFIX + name: value for name, value in typed.items()}


def given(stored: dict[str, Any], **typed: str) -> dict[str, Any]:
    form = form_of(stored, sent(stored, **typed))
    assert form.is_valid(), form.errors
    return Values.of_script(script(stored)).given(form)


def test_what_nobody_touched_is_not_sent_on() -> None:
    assert given({"WORDS": "mine", "TOKEN": {"secret": "hidden word"}, "COUNT": 4}) == {}


def test_values_have_the_type_that_was_declared() -> None:
    assert given({}, WORDS="mine", COUNT="5", FORCE="true", MODE="slow", TOKEN="hidden word") == {
        "WORDS": "mine",
        "COUNT": 5,
        "FORCE": True,
        "MODE": "slow",
        "TOKEN": "hidden word",
    }


def test_a_value_like_that_of_the_block_is_not_stored_but_follows_it() -> None:
    assert given({"COUNT": 4, "WORDS": "mine"}, COUNT="3", WORDS="from the block") == {"COUNT": None, "WORDS": None}


def test_a_text_with_a_value_in_the_block_can_be_emptied() -> None:
    assert given({}, WORDS="") == {"WORDS": ""}


def test_a_secret_is_kept_by_an_empty_field_and_given_up_by_its_tick() -> None:
    stored = {"TOKEN": {"secret": "hidden word"}}

    assert given(stored) == {}
    assert given(stored, **{"TOKEN" + FORGET: "on"}) == {"TOKEN": None}


def test_no_stored_secret_is_in_the_form_even_where_a_later_block_calls_it_a_text() -> None:
    form = form_of({"TOKEN": {"secret": "hidden word"}, "WORDS": {"secret": "other word"}})

    assert "hidden word" not in str(form)
    assert "other word" not in str(form)
    assert "Set; leave it empty to keep it." in str(form)


def test_help_of_a_script_is_text_and_not_markup() -> None:
    entry = Declared("X", help="<script>alert(1)</script>", default="<b>")

    help_text = Values([entry], {}, {"X": "<b>"}, "The block", "").fields()["parameters.X"].help_text

    assert "<script>" not in str(help_text)
    assert "<b>" not in str(help_text)


@pytest.mark.parametrize("typed", ["1.5", "many"])
def test_a_number_that_is_none_is_told_at_its_field(typed: str) -> None:
    assert list(form_of({}, sent({}, COUNT=typed)).errors) == ["parameters.COUNT"]


def test_what_the_form_gives_is_what_the_library_takes() -> None:
    changed = given({"COUNT": 4}, COUNT="3", WORDS="mine")

    assert parameters.merge(ALL, {"COUNT": 4}, changed) == {"WORDS": "mine"}


# --- where a script is used -------------------------------------------------------------------------------------------
def test_where_a_script_is_used_the_values_of_the_library_stand_and_are_not_stored_again() -> None:
    values = Values.of_use(script({"WORDS": "from the library", "TOKEN": {"secret": "hidden word"}}), {"COUNT": 4})
    fields = values.fields()

    assert (fields["parameters.WORDS"].initial, fields["parameters.COUNT"].initial) == ("from the library", 4)
    assert "The script says: from the library." in fields["parameters.WORDS"].help_text
    assert "The script has one; a value here wins." in fields["parameters.TOKEN"].help_text
    form = with_fields(values, {"parameters.WORDS": "from the library", "parameters.COUNT": "3"})
    assert form.is_valid()
    assert values.given(form) == {"WORDS": None, "COUNT": None}
    assert "hidden word" not in str(form)


def test_where_a_script_is_used_the_value_of_the_library_can_be_emptied() -> None:
    values = Values.of_use(script({"WORDS": "from the library"}), {})
    form = with_fields(values, {"parameters.WORDS": "", "initial-parameters.WORDS": "from the library"})

    assert form.is_valid()
    assert values.given(form) == {"WORDS": ""}


def test_a_text_whose_help_speaks_of_lines_has_a_field_of_several() -> None:
    declared = [Declared("ONE", help="One label a line."), Declared("TWO", help="Online or not.")]
    fields = Values(declared, {}, {}, "", "").fields()
    assert [
        field.widget.input_type if hasattr(field.widget, "input_type") else "lines" for field in fields.values()
    ] == [
        "lines",
        "text",
    ]
