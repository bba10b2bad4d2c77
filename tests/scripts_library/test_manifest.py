import json

import pytest

from scripts_library import manifest, models
from scripts_library.manifest import Manifest, parse
from tests.scripts_library.conftest import block

FULL = """\
#!/usr/bin/env bash
# /// borgui
# name = "Docker containers: stop and start"
# description = "Stops containers before the backup."
# version = "1.0"
# hooks = ["pre-backup", "post-backup"]
# run_on = "always"
# timeout = 120
# interrupts = "${CONTAINERS}"   # what is down meanwhile
# rerun = false
#
# [[parameters]]
# name = "CONTAINERS"
# label = "Containers"
# help = "Names, separated by spaces"
# type = "text"
# required = true
#
# [[parameters]]
# name = "DUMP"
# type = "path"
# default = "/srv/dump.sql"
# must_be_source = true
#
# [[parameters]]
# name = "MODE"
# type = "choice"
# choices = ["soft", "hard"]
# default = "soft"
# ///
docker stop $CONTAINERS
"""


def errors(*lines: str) -> str:
    found = parse(block(*lines))
    assert found.errors
    return "\n".join(found.errors)


def parameter(*lines: str) -> list[str]:
    return ["[[parameters]]", 'name = "A"', *lines]


def test_the_block_of_the_contract_is_read_in_full() -> None:
    found = parse(FULL)
    assert found.errors == found.warnings == ()
    assert (found.name, found.version, found.run_on, found.timeout, found.rerun) == (
        "Docker containers: stop and start",
        "1.0",
        "always",
        120,
        False,
    )
    assert found.hooks == ("pre-backup", "post-backup")
    assert found.interrupts == "${CONTAINERS}"
    assert [(entry.name, entry.type, entry.required, entry.default) for entry in found.parameters] == [
        ("CONTAINERS", "text", True, None),
        ("DUMP", "path", False, "/srv/dump.sql"),
        ("MODE", "choice", False, "soft"),
    ]
    assert found.parameters[1].must_be_source


def test_a_manifest_survives_its_way_through_the_row() -> None:
    for found in (parse(FULL), Manifest(), parse(block("nonsense"))):
        assert Manifest.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert Manifest.from_dict({}) == Manifest()
    assert Manifest.from_dict({"timeout": 5, "of_a_later_version": 1}).timeout == 5


def test_a_script_without_a_block_has_an_empty_manifest() -> None:
    assert parse("#!/bin/sh\n# name = 1\n/// borgui\n  # /// borgui\n") == Manifest()
    assert parse("") == Manifest()


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter() -> None:
    assert parse("\ufeff" + FULL.replace("\n", "\r\n")) == parse(FULL)
    assert parse('\ufeff# /// borgui\n# name = "A"\n# ///').name == "A"


def test_the_choices_here_and_in_the_models_are_the_same() -> None:
    assert list(manifest.HOOKS) == models.Hook.values
    assert list(manifest.RUN_ON) == models.RunOn.values


def test_an_open_block_is_told_with_its_line() -> None:
    assert "line 2" in parse("#!/bin/sh\n# /// borgui\n# name = 'a'\n").errors[0]
    assert "line 4" in parse("#!/bin/sh\n# /// borgui\n# name = 'a'\necho\n# ///\n").errors[0]
    assert "line 2" in parse("# /// borgui\n#name = 'a'\n# ///\n").errors[0]


def test_a_second_block_is_told_with_its_line() -> None:
    assert "line 5" in parse("# /// borgui\n# ///\n\n\n# /// borgui\n# ///\n").errors[0]


def test_broken_toml_is_told_with_the_line_of_the_file() -> None:
    assert "line 4" in errors('name = "a"', "timeout = = 5")
    assert "TOML" in errors("a" + " = [" * 5)
    assert "TOML" in errors("when = 2026-99-99")
    assert "TOML" in errors("[" * 5000)
    assert errors('name = "a"', 'name = "b"')


@pytest.mark.parametrize(
    ("line", "field"),
    [
        *[("name = 5", "name"), ('name = " "', "name"), (f'name = "{"x" * 201}"', "name"), ('name = "a\\nb"', "name")],
        *[
            ("version = 1.0", "version"),
            ("description = []", "description"),
            ('description = "\\u0000"', "description"),
        ],
        *[('hooks = "pre-backup"', "hooks"), ("hooks = []", "hooks"), ('hooks = ["before"]', "hooks")],
        *[
            ('hooks = ["pre-backup", "pre-backup"]', "hooks"),
            ("hooks = [[1]]", "hooks"),
            ('run_on = "never"', "run_on"),
        ],
        *[("run_on = []", "run_on"), ("timeout = 0", "timeout"), ("timeout = 86401", "timeout")],
        *[("timeout = true", "timeout"), ('timeout = "5"', "timeout"), ("timeout = 1.5", "timeout")],
        *[('rerun = "no"', "rerun"), ('interrupts = "${NOBODY}"', "interrupts"), ("interrupts = 1", "interrupts")],
        *[('parameters = "A"', "parameters"), ("parameters = [1]", "parameters")],
    ],
)
def test_a_field_that_does_not_fit_is_named(line: str, field: str) -> None:
    assert errors(line).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        (["[[parameters]]"], "parameters.1.name"),
        (["[[parameters]]", "name = 5"], "parameters.1.name"),
        (["[[parameters]]", 'name = "PATH"'], "parameters.PATH.name"),
        (["[[parameters]]", 'name = "BORG_UI_X"'], "parameters.BORG_UI_X.name"),
        (parameter('type = "number"'), "parameters.A.type"),
        (parameter("type = [1]"), "parameters.A.type"),
        (parameter('required = "yes"'), "parameters.A.required"),
        (parameter('type = "choice"'), "parameters.A.choices"),
        (parameter('choices = ["a"]'), "parameters.A.choices"),
        (parameter('type = "choice"', 'choices = ["a"]', 'default = "b"'), "parameters.A.default"),
        (parameter('type = "integer"', 'default = "x"'), "parameters.A.default"),
        (parameter("default = 1979-05-27"), "parameters.A.default"),
        (parameter('type = "secret"', 'default = "hunter22"'), "parameters.A.default"),
        (parameter("must_be_source = true"), "parameters.A.must_be_source"),
        (parameter() + parameter(), "parameters.A.name"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(lines: list[str], field: str) -> None:
    assert f"{field}: " in errors(*lines)


def test_a_secret_must_not_be_what_is_shown_as_interrupted() -> None:
    assert "secret" in errors('interrupts = "${A}"', *parameter('type = "secret"'))


def test_unknown_keys_are_warnings_and_the_rest_is_in_force() -> None:
    found = parse(block('name = "a"', "colour = 1", *parameter('shape = "x"')))
    assert found.errors == ()
    assert [warning.split(":")[0] for warning in found.warnings] == ["colour", "parameters.A.shape"]
    assert found.name == "a"


def test_a_name_is_taken_without_the_space_around_it() -> None:
    assert parse(block('name = " a b "')).name == "a b"


def test_with_an_error_nothing_of_the_block_is_in_force() -> None:
    found = parse(block('name = "a"', 'run_on = "always"', "timeout = 0"))
    assert (found.name, found.run_on, found.parameters) == (None, None, ())


def test_all_errors_are_told_at_once() -> None:
    assert len(parse(block("name = 1", "timeout = 0", *parameter('type = "x"'))).errors) == 3


def test_a_block_that_would_take_long_to_read_is_refused_unread() -> None:
    """Reading a.b.c takes time and memory with the square of its parts, and packages come from strangers."""
    for line in ("a." * 20_000 + "b = 1", f"[{'a.' * 20_000}b]", "a = {" + "b." * 20_000 + "c = 1}"):
        assert "more than 100 dots" in errors(line)
    assert "longer than 128 KiB" in errors(*["# " + "x" * 1000] * 200)
    assert parse(block('description = "192.0.2.1, 192.0.2.2, and so on ..."')).errors == ()
