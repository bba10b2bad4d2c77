"""Scripts attached to a repository at a hook. Their `execution_order` is 0, 1, 2, ... at all times."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from . import parameters as values
from .errors import AlreadyAssigned, Conflict, Invalid
from .manifest import HOOKS, RUN_ON, Manifest, timeout_problem
from .models import OnFailure, RepositoryScript, Script

DEFAULTS: dict[str, Any] = {
    "enabled": True,
    "custom_timeout": None,
    "custom_run_on": None,
    "on_failure": OnFailure.ABORT.value,
}
REORDERED = "Somebody else has changed the order here meanwhile, so yours was not saved. This is how it is now."
CHANGED = "Somebody else has changed these settings meanwhile, so yours were not saved."


def assign(
    repository_id: int,
    script: Script,
    hook_type: str,
    *,
    enabled: bool = True,
    custom_timeout: int | None = None,
    custom_run_on: str | None = None,
    on_failure: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    at: int | None = None,
) -> RepositoryScript:
    """Attach a script as the last one of the hook, or at the place `at`, from 0. Raises Invalid, AlreadyAssigned."""
    given = {
        "enabled": enabled,
        "custom_timeout": custom_timeout,
        "custom_run_on": custom_run_on,
        "on_failure": on_failure or DEFAULTS["on_failure"],
    }
    errors = _problems(given) | _hook_problems(script, hook_type)
    if errors:
        raise Invalid(errors)
    try:
        with transaction.atomic():
            _refuse_deleted(script)
            entry = RepositoryScript(repository_id=repository_id, script=script, hook_type=hook_type, **given)
            entry.parameters = values.merge(Manifest.from_dict(script.manifest).parameters, {}, parameters or {})
            there = _chain(repository_id, hook_type)
            entry.execution_order = len(there)
            entry.save(force_insert=True)
            if at is not None:
                _number([*there[:at], entry, *there[at:]])
    except IntegrityError as error:
        if _is_assigned(repository_id, script, hook_type):
            raise AlreadyAssigned(script.name, hook_type) from error
        raise
    return entry


def state_of(entry: RepositoryScript) -> str:
    """A mark of all that a form about it shows, for `change`. Keyed, for there are secrets in it."""
    own = [entry.enabled, entry.custom_timeout, entry.custom_run_on, entry.on_failure, entry.parameters]
    of_script = [entry.script.sha256, entry.script.parameters, entry.script.run_on]
    return salted_hmac("assignment", json.dumps([own, of_script], sort_keys=True)).hexdigest()[:32]


def change(entry: RepositoryScript, changes: Mapping[str, Any], *, known: str = "") -> RepositoryScript:
    """Change the fields given (enabled, custom_timeout, custom_run_on, on_failure, parameters); None clears.

    `known`: the `state_of` what the caller saw. Raises Invalid, and Conflict where it is another one now, or removed.
    """
    unknown = {name: "this cannot be changed" for name in changes if name not in DEFAULTS and name != "parameters"}
    fields = {name: DEFAULTS[name] if value is None else value for name, value in changes.items() if name in DEFAULTS}
    if errors := unknown | _problems(fields):
        raise Invalid(errors)
    with transaction.atomic():
        stored = _locked(entry)
        if known and known != state_of(stored):
            raise Conflict(CHANGED)
        if "parameters" in changes:
            declared = Manifest.from_dict(stored.script.manifest).parameters
            given = changes["parameters"]
            fields["parameters"] = {} if given is None else values.merge(declared, stored.parameters, given)
        for name, value in fields.items():
            setattr(stored, name, value)
        stored.save(update_fields=list(fields))
    entry.__dict__.update({name: getattr(stored, name) for name in fields})
    return entry


def remove(entry: RepositoryScript) -> None:
    """Detach; those behind it move up."""
    with transaction.atomic():
        rest = [other for other in _chain(entry.repository_id, entry.hook_type) if other.pk != entry.pk]
        RepositoryScript.objects.filter(pk=entry.pk).delete()
        _number(rest)


def reorder(repository_id: int, hook_type: str, ids: Sequence[int], *, known: Sequence[int] | None = None) -> None:
    """Put the hook's assignments in this order, whole. `known`: the order that the caller saw.

    Raises Invalid, and Conflict where `ids` are not just they, or where they stand in another order than `known`.
    """
    if hook_type not in HOOKS:
        raise Invalid({"hook_type": _expected(HOOKS)})
    with transaction.atomic():
        entries = {entry.pk: entry for entry in _chain(repository_id, hook_type)}
        if sorted(ids) != sorted(entries):
            raise Conflict("The scripts of this hook have changed: load them again.", field="order")
        if known is not None and list(known) != list(entries):
            raise Conflict(REORDERED, field="order")
        _number([entries[pk] for pk in ids])


def _number(entries: Sequence[RepositoryScript]) -> None:
    """Write the places that changed."""
    for order, entry in enumerate(entries):
        if entry.execution_order != order:
            RepositoryScript.objects.filter(pk=entry.pk).update(execution_order=order)


def _chain(repository_id: int, hook_type: str) -> list[RepositoryScript]:
    """The hook's assignments in order, locked."""
    rows = RepositoryScript.objects.filter(repository_id=repository_id, hook_type=hook_type)
    return list(rows.in_order().select_for_update())


def _locked(entry: RepositoryScript) -> RepositoryScript:
    rows = RepositoryScript.objects.select_related("script").select_for_update(of=("self",))
    try:
        return rows.get(pk=entry.pk)
    except RepositoryScript.DoesNotExist as error:
        raise Conflict("This assignment has been removed.") from error


def _refuse_deleted(script: Script) -> None:
    if Script.objects.kept().select_for_update().filter(pk=script.pk).first() is None:
        raise Invalid({"script_id": "there is no such script"})


def _is_assigned(repository_id: int, script: Script, hook_type: str) -> bool:
    same = RepositoryScript.objects.filter(repository_id=repository_id, script=script, hook_type=hook_type)
    return same.exists()


def _hook_problems(script: Script, hook_type: str) -> dict[str, str]:
    if hook_type not in HOOKS:
        return {"hook_type": _expected(HOOKS)}
    if script.hooks and hook_type not in script.hooks:
        return {"hook_type": f"{script.name!r} is made for {' and '.join(script.hooks)}"}
    return {}


def _problems(fields: Mapping[str, Any]) -> dict[str, str]:
    found = {
        "enabled": "" if isinstance(fields.get("enabled", True), bool) else "true or false is expected",
        "custom_timeout": "" if fields.get("custom_timeout") is None else timeout_problem(fields["custom_timeout"]),
        "custom_run_on": "" if fields.get("custom_run_on") in (None, *RUN_ON) else _expected(RUN_ON),
        "on_failure": "" if fields.get("on_failure", "abort") in OnFailure.values else _expected(OnFailure.values),
    }
    return {name: problem for name, problem in found.items() if problem}


def _expected(choices: Sequence[str]) -> str:
    return f"one of {', '.join(choices)} is expected"
