from collections.abc import Callable
from typing import Any

import pytest

from backups.models import Repository
from scripts_library import assignments, library
from scripts_library.errors import AlreadyAssigned, Conflict, Invalid
from scripts_library.models import RepositoryScript, Script
from tests.scripts_library.conftest import block

pytestmark = pytest.mark.django_db
Make = Callable[..., Script]
PRE, POST = "pre-backup", "post-backup"


@pytest.fixture
def repository() -> Repository:
    return Repository.objects.create(name="home", path="/r", source_paths=["/s"])


def chain(repository: Repository, hook: str = PRE) -> list[tuple[int, str]]:
    rows = RepositoryScript.objects.chain(repository.pk, hook)
    return [(row.execution_order, row.script.name) for row in rows]


def three(make_script: Make, repository: Repository) -> list[RepositoryScript]:
    return [assignments.assign(repository.pk, make_script(name), PRE) for name in "abc"]


def invalid(call: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        call(*args, **kwargs)
    return caught.value.errors


def test_a_new_assignment_goes_last_with_the_defaults(make_script: Make, repository: Repository) -> None:
    three(make_script, repository)
    assert chain(repository) == [(0, "a"), (1, "b"), (2, "c")]
    entry = RepositoryScript.objects.first()
    assert entry is not None
    assert (entry.enabled, entry.custom_timeout, entry.custom_run_on, entry.on_failure, entry.parameters) == (
        True,
        None,
        None,
        "abort",
        {},
    )


def test_a_script_stands_once_at_each_hook(make_script: Make, repository: Repository) -> None:
    script = make_script()
    assignments.assign(repository.pk, script, PRE)
    assignments.assign(repository.pk, script, POST)
    with pytest.raises(AlreadyAssigned):
        assignments.assign(repository.pk, script, PRE)
    assert chain(repository) == chain(repository, POST) == [(0, "Stop")]


def test_a_script_is_refused_at_a_hook_that_its_block_does_not_declare(
    make_script: Make, repository: Repository
) -> None:
    script = make_script("a", block('hooks = ["post-backup"]'))
    assert "made for post-backup" in invalid(assignments.assign, repository.pk, script, PRE)["hook_type"]
    assignments.assign(repository.pk, script, POST)
    assert list(invalid(assignments.assign, repository.pk, script, "before")) == ["hook_type"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("custom_timeout", 0), ("custom_timeout", 86401), ("custom_timeout", "5"), ("custom_timeout", True)],
        *[("custom_run_on", "never"), ("on_failure", "retry"), ("enabled", "yes"), ("enabled", 1)],
    ],
)
def test_wrong_values_are_refused_by_field(make_script: Make, repository: Repository, field: str, value: Any) -> None:
    script = make_script()
    assert list(invalid(assignments.assign, repository.pk, script, PRE, **{field: value})) == [field]
    entry = assignments.assign(repository.pk, script, PRE)
    assert list(invalid(assignments.change, entry, {field: value})) == [field]


def test_a_deleted_script_cannot_be_assigned(make_script: Make, repository: Repository) -> None:
    script = make_script()
    library.delete(script)
    assert list(invalid(assignments.assign, repository.pk, script, PRE)) == ["script_id"]


def test_parameters_are_checked_and_merged(make_script: Make, repository: Repository) -> None:
    text = block("[[parameters]]", 'name = "A"', "[[parameters]]", 'name = "TOKEN"', 'type = "secret"')
    script = make_script("a", text)
    errors = invalid(assignments.assign, repository.pk, script, PRE, parameters={"B": "1", "TOKEN": "abc"})
    assert set(errors) == {"parameters.B", "parameters.TOKEN"}
    entry = assignments.assign(repository.pk, script, PRE, parameters={"A": "1", "TOKEN": "abcd"})
    assignments.change(entry, {"parameters": {"A": "2", "TOKEN": ""}})
    assert RepositoryScript.objects.get().parameters == {"A": "2", "TOKEN": {"secret": "abcd"}}
    assignments.change(entry, {"parameters": None})
    assert RepositoryScript.objects.get().parameters == entry.parameters == {}


def test_only_given_fields_change_and_none_clears(make_script: Make, repository: Repository) -> None:
    entry = assignments.assign(
        repository.pk, make_script(), PRE, enabled=False, custom_timeout=5, custom_run_on="always", on_failure="skip"
    )
    assignments.change(entry, {"custom_timeout": 6})
    row = RepositoryScript.objects.get()
    assert (row.enabled, row.custom_timeout, row.custom_run_on, row.on_failure) == (False, 6, "always", "skip")
    assignments.change(entry, {"custom_timeout": None, "custom_run_on": None, "on_failure": None, "enabled": None})
    row = RepositoryScript.objects.get()
    assert (row.enabled, row.custom_timeout, row.custom_run_on, row.on_failure) == (True, None, None, "abort")
    assert list(invalid(assignments.change, entry, {"script_id": 1})) == ["script_id"]


def test_those_behind_a_removed_one_move_up(make_script: Make, repository: Repository) -> None:
    entries = three(make_script, repository)
    assignments.remove(entries[0])
    assert chain(repository) == [(0, "b"), (1, "c")]
    assignments.assign(repository.pk, make_script("d"), PRE)
    assert chain(repository) == [(0, "b"), (1, "c"), (2, "d")]
    with pytest.raises(Conflict):
        assignments.change(entries[0], {"enabled": False})


def test_an_order_is_taken_whole(make_script: Make, repository: Repository) -> None:
    a, b, c = (entry.pk for entry in three(make_script, repository))
    assignments.reorder(repository.pk, PRE, [c, a, b])
    assert chain(repository) == [(0, "c"), (1, "a"), (2, "b")]


def test_an_order_of_other_assignments_is_a_conflict_and_changes_nothing(
    make_script: Make, repository: Repository
) -> None:
    a, b, c = (entry.pk for entry in three(make_script, repository))
    other = assignments.assign(repository.pk, make_script("post"), POST)
    for ids in ([a, b], [a, b, c, c], [a, b, b], [], [a, b, c, other.pk], [a, b, 10**15]):
        with pytest.raises(Conflict):
            assignments.reorder(repository.pk, PRE, ids)
    assert chain(repository) == [(0, "a"), (1, "b"), (2, "c")]
    assert list(invalid(assignments.reorder, repository.pk, "during", [])) == ["hook_type"]


def test_an_order_that_somebody_else_changed_meanwhile_is_a_conflict(make_script: Make, repository: Repository) -> None:
    a, b, c = (entry.pk for entry in three(make_script, repository))
    assignments.reorder(repository.pk, PRE, [c, a, b], known=[a, b, c])
    with pytest.raises(Conflict, match="changed the order"):
        assignments.reorder(repository.pk, PRE, [b, a, c], known=[a, b, c])
    assert chain(repository) == [(0, "c"), (1, "a"), (2, "b")]


@pytest.mark.parametrize(("at", "expected"), [(0, "dabc"), (2, "abdc"), (3, "abcd"), (99, "abcd")])
def test_a_new_one_can_be_put_at_its_place(make_script: Make, repository: Repository, at: int, expected: str) -> None:
    three(make_script, repository)
    assignments.assign(repository.pk, make_script("d"), PRE, at=at)
    assert chain(repository) == list(enumerate(expected))


def test_settings_that_somebody_else_changed_meanwhile_are_a_conflict(
    make_script: Make, repository: Repository
) -> None:
    entry = assignments.assign(repository.pk, make_script("a"), PRE)
    known = assignments.state_of(entry)
    assignments.change(entry, {"custom_timeout": 7}, known=known)
    with pytest.raises(Conflict, match="changed these settings"):
        assignments.change(entry, {"custom_timeout": 8}, known=known)
    entry.refresh_from_db()
    assert entry.custom_timeout == 7
    assignments.change(entry, {"custom_timeout": 8}, known=assignments.state_of(entry))


@pytest.mark.parametrize("change", [{"enabled": False}, {"on_failure": "skip"}, {"parameters": {"TOKEN": "another"}}])
def test_the_mark_of_a_state_changes_with_all_that_a_form_shows_and_holds_no_secret(
    make_script: Make, repository: Repository, change: dict[str, Any]
) -> None:
    script = make_script("a", block("[[parameters]]", 'name = "TOKEN"', 'type = "secret"'))
    entry = assignments.assign(repository.pk, script, PRE, parameters={"TOKEN": "hunter22"})
    known = assignments.state_of(entry)
    assert known == assignments.state_of(RepositoryScript.objects.get())
    assignments.change(entry, change)
    assert assignments.state_of(RepositoryScript.objects.get()) != known
    assert len(known) == 32
