"""Names that a text mentions and nobody has declared."""

import pytest

from scripts_library.mentions import sounds_secret, undeclared


def names(content: str, *declared: str) -> list[str]:
    return [one.name for one in undeclared(content, declared)]


def test_names_in_braces_are_offered_once_in_the_order_of_the_text() -> None:
    text = '#!/bin/sh\ncp "${TO}" "${FROM:-/srv}" "${TO%/}"\necho ${LEVEL:?}\n'

    assert names(text) == ["TO", "FROM", "LEVEL"]
    assert names(text, "FROM") == ["TO", "LEVEL"]


def test_what_a_script_assigns_itself_or_is_given_anyway_is_not_offered() -> None:
    lines = ["x=1", "for y in a b; do :; done", "read -r z", "export W=2 V=3", "local u", "echo ${x}${y}${z}${W}${V}"]
    lines += ["echo ${HOOK_TYPE} ${PATH} ${HOSTNAME} ${BASH_SOURCE[0]} ${#array[@]} ${!name} $PLAIN # ${not_this:}"]

    assert names("\n".join(["#!/bin/bash", "# ${COMMENT}", *lines])) == ["not_this"]


def test_python_asks_for_its_names_otherwise() -> None:
    text = "#!/usr/bin/python3\nos.environ['ONE'], os.environ.get(\"TWO\", ''), os.getenv('THREE'), f'${FOUR}'\n"

    assert names(text) == ["ONE", "TWO", "THREE"]


@pytest.mark.parametrize("first", ["#!/usr/bin/env perl", "#!", "#!/usr/bin/env"])
def test_of_other_languages_nothing_is_guessed(first: str) -> None:
    assert names(f"{first}\n${{ONE}}\n") == []


@pytest.mark.parametrize(
    "name", ["PASSWORD", "PGPASSWORD", "DB_PASS", "API_KEY", "TOKEN_OF_CI", "client_secret", "APIKEY"]
)
def test_names_that_sound_like_secrets(name: str) -> None:
    assert sounds_secret(name)


@pytest.mark.parametrize(
    "name", ["KEY_FILE", "PASSWORD_PATH", "MONKEY", "TOKENS_DIR", "BYPASS", "KEYBOARD", "CONTAINERS"]
)
def test_names_that_do_not(name: str) -> None:
    assert not sounds_secret(name)
