from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from borgui.encryption import SealedDict, is_sealed
from scripts_library import environment, parameters, reserved
from scripts_library.errors import Invalid
from scripts_library.parameters import Declared, fill, merge, name_problem, resolve, shown

TOKEN = Declared("TOKEN", type="secret")
EVERY = [
    Declared("TEXT"),
    TOKEN,
    Declared("COUNT", type="integer"),
    Declared("ON", type="boolean"),
    Declared("MODE", type="choice", choices=("soft", "hard")),
    Declared("FILE", type="path"),
]


def refused(given: Any, declared: list[Declared] = EVERY, stored: dict[str, Any] | None = None) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        merge(declared, stored or {}, given)
    return caught.value.errors


# --- names ------------------------------------------------------------------------------------------------------------
def test_every_variable_of_a_script_is_reserved_with_and_without_prefix() -> None:
    context = environment.HookContext(hook_type="pre-backup", moment=datetime.now(UTC), triggered_by="api")
    names = environment.facts(context, execution_id=1, attempt=1, token="t", state=Path("/"), notify=Path("/"))
    assert set(names) == reserved.VARIABLES
    for name in (*names, *environment.PASSED):
        assert reserved.is_reserved(name)
        assert reserved.is_reserved(f"BORG_UI_{name}")


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "HOME", "LANG", "TZ", "LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV", "ENV", "IFS", "SHELLOPTS"),
        *("BASHOPTS", "PS4", "PYTHONPATH", "PYTHONSTARTUP", "PERL5OPT", "NODE_OPTIONS", "BORG_UI_ANYTHING"),
    ],
)
def test_a_name_that_changes_what_runs_is_reserved(name: str) -> None:
    assert "reserved" in name_problem(name)


@pytest.mark.parametrize("name", ["CONTAINERS", "db_password", "_x", "A1", "DOCKER_HOST", "PATHS", "BORG_PASSPHRASE"])
def test_an_ordinary_name_may_be_taken(name: str) -> None:
    assert name_problem(name) == ""


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "Ä", "A=B", "A\n", "A" * 65, "BASH_FUNC_x%%"])
def test_what_is_no_variable_name_is_refused(name: str) -> None:
    assert name_problem(name)


# --- values -----------------------------------------------------------------------------------------------------------
def test_values_that_fit_are_kept_as_given_and_secrets_as_secrets() -> None:
    given = {"TEXT": "a", "TOKEN": "abcd", "COUNT": 3, "ON": True, "MODE": "soft", "FILE": "/a b"}
    assert merge(EVERY, {}, given) == {**given, "TOKEN": {"secret": "abcd"}}
    assert merge(EVERY, {}, {"COUNT": "-3", "ON": "false"}) == {"COUNT": "-3", "ON": "false"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            ("TEXT", 1),
            ("TEXT", True),
            ("TEXT", ["a"]),
            ("TEXT", {"a": 1}),
            ("TEXT", {"secret": "abcd"}),
            ("TEXT", 1.5),
        ],
        *[("TEXT", "a\0b"), ("TEXT", "\ud800"), ("TEXT", "x" * 32769), ("TEXT", "ä" * 16385)],
        *[("TOKEN", "abc"), ("TOKEN", 12345), ("TOKEN", {"secret": "abcd"}), ("TOKEN", "a\0bcd")],
        *[("COUNT", "three"), ("COUNT", 1.5), ("COUNT", True), ("COUNT", " 3"), ("COUNT", "٣"), ("COUNT", 10**30)],
        *[("ON", "yes"), ("ON", 1), ("ON", "True"), ("MODE", "medium"), ("MODE", 1), ("FILE", "relative"), ("FILE", 5)],
    ],
)
def test_a_value_of_the_wrong_type_is_refused_under_its_name(name: str, value: Any) -> None:
    assert list(refused({name: value})) == [f"parameters.{name}"]


def test_a_value_of_32_kib_is_accepted() -> None:
    assert len(merge(EVERY, {}, {"TEXT": "x" * 32768})["TEXT"]) == 32768


def test_all_reasons_are_told_at_once_and_nothing_of_a_secret_is_in_them() -> None:
    errors = refused({"TOKEN": "xyz", "OTHER": "1", "COUNT": "x"})
    assert set(errors) == {"parameters.TOKEN", "parameters.OTHER", "parameters.COUNT"}
    assert "xyz" not in str(errors)


@pytest.mark.parametrize("given", [[], "text", 5, True])
def test_what_is_not_values_by_name_is_refused(given: Any) -> None:
    assert list(refused(given)) == ["parameters"]


# --- merging ----------------------------------------------------------------------------------------------------------
def test_absent_values_stay_null_removes_and_an_empty_secret_keeps() -> None:
    stored = {"TEXT": "a", "TOKEN": {"secret": "abcd"}, "COUNT": 3}
    assert merge(EVERY, stored, {}) == stored
    assert merge(EVERY, stored, {"TEXT": None, "TOKEN": ""}) == {"TOKEN": {"secret": "abcd"}, "COUNT": 3}
    assert merge(EVERY, stored, {"TOKEN": None}) == {"TEXT": "a", "COUNT": 3}
    assert stored["TEXT"] == "a"


def test_what_was_shown_can_be_sent_back() -> None:
    stored = {"TEXT": "a", "TOKEN": {"secret": "abcd"}}
    assert merge(EVERY, stored, shown(EVERY, stored)) == stored


def test_what_is_no_secret_is_not_set_by_the_sign_of_one() -> None:
    assert list(refused({"TEXT": {"set": True}})) == ["parameters.TEXT"]
    assert merge(EVERY, {}, {"TOKEN": {"set": True}}) == {}


def test_an_empty_text_is_a_value_and_an_empty_number_is_none() -> None:
    assert merge(EVERY, {"TEXT": "a", "COUNT": 3}, {"TEXT": "", "COUNT": ""}) == {"TEXT": ""}


def test_a_value_that_is_no_longer_declared_can_be_removed_and_is_not_shown() -> None:
    stored = {"GONE": "x"}
    assert shown(EVERY, stored) == {}
    assert merge(EVERY, stored, {"GONE": None}) == {}
    assert list(refused({"GONE": "y"}, stored=stored)) == ["parameters.GONE"]


def test_a_secret_is_shown_as_set_also_when_a_later_block_calls_it_a_text() -> None:
    stored = merge([TOKEN], {}, {"TOKEN": "abcd"})
    assert shown([TOKEN], stored) == {"TOKEN": {"set": True}}
    renamed = [Declared("TOKEN", type="text")]
    assert shown(renamed, stored) == {"TOKEN": {"set": True}}
    assert resolve(renamed, {}, stored).secret_names == ["TOKEN"]


def test_sealed_values_are_kept_until_somebody_enters_new_ones() -> None:
    sealed = SealedDict("token")
    assert is_sealed(merge(EVERY, sealed, {}))
    assert is_sealed(merge(EVERY, sealed, {"TOKEN": "", "TEXT": None}))
    assert merge(EVERY, sealed, {"TOKEN": "abcd"}) == {"TOKEN": {"secret": "abcd"}}


# --- resolving --------------------------------------------------------------------------------------------------------
def test_the_assignment_wins_over_the_library_entry_over_the_block() -> None:
    declared = [Declared(name, default="block") for name in "ABCD"]
    resolved = resolve(declared, {"A": "entry", "B": "entry", "D": "entry"}, {"A": "assignment", "D": ""})
    assert resolved.values == {"A": "assignment", "B": "entry", "C": "block", "D": ""}
    assert resolved.problems == []


def test_values_reach_the_script_as_text_and_unset_ones_empty() -> None:
    values = {"ON": True, "COUNT": 3, "TOKEN": {"secret": "abcd"}}
    resolved = resolve(EVERY, {}, values)
    assert resolved.values == {"TEXT": "", "TOKEN": "abcd", "COUNT": "3", "ON": "true", "MODE": "", "FILE": ""}
    assert resolved.secret_names == ["TOKEN"]
    assert resolve([Declared("ON", type="boolean", default=False)], {}, {}).values == {"ON": "false"}


def test_undeclared_values_never_reach_the_script() -> None:
    assert resolve([Declared("A")], {"B": "x"}, {"PATH": "/evil"}).values == {"A": ""}


def test_missing_required_values_are_problems_all_at_once() -> None:
    declared = [Declared("A", required=True), Declared("B", required=True, default="x"), Declared("C", required=True)]
    problems = resolve(declared, {"A": "from the entry"}, {"A": "", "C": "  "}).problems
    assert [problem.split()[3] for problem in problems] == ["A", "C"]


def test_a_stored_value_that_a_newer_block_does_not_accept_is_a_problem() -> None:
    resolved = resolve([Declared("COUNT", type="integer")], {}, {"COUNT": "many"})
    assert "COUNT does not fit" in resolved.problems[0]
    assert resolved.values == {"COUNT": ""}


def test_sealed_secrets_are_problems_that_say_what_to_do() -> None:
    resolved = resolve([TOKEN, Declared("TEXT", default="x")], {}, SealedDict("token"))
    assert resolved.problems == [
        "the secret TOKEN can no longer be decrypted: enter it again",
        "the value of TEXT can no longer be decrypted: enter it again",
    ]
    assert resolve([], SealedDict("token"), SealedDict("token")).problems == []


def test_sealed_defaults_do_not_matter_where_the_assignment_has_values() -> None:
    assert resolve([TOKEN], SealedDict("token"), {"TOKEN": "abcd"}).problems == []


@pytest.mark.parametrize(
    ("path", "is_inside"),
    [("/data/db.sql", True), ("/data", True), ("/data/../etc/x", False), ("/database/x", False), ("/x", False)],
)
def test_a_path_that_must_be_in_a_source_is_checked_against_the_sources(path: str, is_inside: bool) -> None:
    declared = [Declared("FILE", type="path", must_be_source=True)]
    assert (resolve(declared, {}, {"FILE": path}, source_paths=["/srv", "/data/"]).problems == []) is is_inside
    assert resolve(declared, {}, {"FILE": path}).problems == []
    assert resolve(declared, {}, {"FILE": path}, source_paths=["/"]).problems == []


def test_a_template_is_filled_with_values_and_only_the_braced_form_is_a_reference() -> None:
    assert fill("${A} and ${B}, $A ${a b} ${}", {"A": "x${B}"}) == "x${B} and , $A ${a b} ${}"
    assert parameters.references("${B} ${A} ${B}") == ["B", "A"]


def test_a_declaration_survives_its_way_through_json() -> None:
    for entry in EVERY:
        assert Declared.from_dict(entry.to_dict()) == entry
