"""Scripts attached to an owner at a hook. Their `execution_order` is 0, 1, 2, ... at all times.

Where an `owner` is asked for, the number of a repository will do.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.crypto import salted_hmac

from borgui.accounts import audit

from . import owners
from . import parameters as values
from .errors import AlreadyAssigned, Conflict, Invalid
from .manifest import HOOKS, RUN_ON, Manifest, timeout_problem
from .models import Assignment, OnFailure, Script
from .owners import Owner

DEFAULTS: dict[str, Any] = {
    "enabled": True,
    "custom_timeout": None,
    "custom_run_on": None,
    "on_failure": OnFailure.ABORT.value,
}
REORDERED = "Somebody else has changed the order here meanwhile, so yours was not saved. This is how it is now."
CHANGED = "Somebody else has changed these settings meanwhile, so yours were not saved."


def assign(
    owner: Owner | int,
    script: Script,
    hook_type: str,
    *,
    enabled: bool = True,
    custom_timeout: int | None = None,
    custom_run_on: str | None = None,
    on_failure: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    stored: Mapping[str, Any] | None = None,
    at: int | None = None,
) -> Assignment:
    """Attach a script as the last one of the hook, or at the place `at`, from 0. `stored`: values of another assignment
    of it, as they are. Raises Invalid, AlreadyAssigned."""
    given = {
        "enabled": enabled,
        "custom_timeout": custom_timeout,
        "custom_run_on": custom_run_on,
        "on_failure": on_failure or DEFAULTS["on_failure"],
    }
    errors = _problems(given) | _hook_problems(script, hook_type)
    if errors:
        raise Invalid(errors)
    owner = owners.named(owner)
    try:
        with transaction.atomic():
            _refuse_deleted(script)
            entry = owner.new(script=script, hook_type=hook_type, **given)
            declared = Manifest.from_dict(script.manifest).parameters
            entry.parameters = values.merge(declared, {}, parameters or {}) | dict(stored or {})
            there = _chain(owner, hook_type)
            entry.execution_order = len(there)
            entry.save(force_insert=True)
            if at is not None:
                _number([*there[:at], entry, *there[at:]])
            audit.record("script assigned", entry, after=audited(entry))
    except IntegrityError as error:
        if owner.of_hook(hook_type).filter(script=script).exists():
            raise AlreadyAssigned(script.name, hook_type, owner.kind.word) from error
        raise
    return entry


def audited(entry: Assignment, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What the audit log keeps of an assignment: whose it is, its settings, and its values without the secrets.

    `before`: the values that it had.
    """
    owner, declared = owners.of(entry), Manifest.from_dict(entry.script.manifest).parameters
    settings = {name: getattr(entry, name) for name in DEFAULTS}
    return {owner.kind.word: owner.pk, **settings, "values": values.told(declared, entry.parameters, before)}


def state_of(entry: Assignment) -> str:
    """A mark of all that a form about it shows, for `change`. Keyed, for there are secrets in it."""
    own = [entry.enabled, entry.custom_timeout, entry.custom_run_on, entry.on_failure, entry.parameters]
    of_script = [entry.script.sha256, entry.script.parameters, entry.script.run_on]
    return salted_hmac("assignment", json.dumps([own, of_script], sort_keys=True)).hexdigest()[:32]


def change(entry: Assignment, changes: Mapping[str, Any], *, known: str = "") -> Assignment:
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
        before, values_before = audited(stored), stored.parameters
        different = [name for name, value in fields.items() if getattr(stored, name) != value]
        for name in different:
            setattr(stored, name, fields[name])
        if different:
            stored.save(update_fields=different)
        audit.record_change("assignment changed", stored, before, audited(stored, values_before))
    entry.__dict__.update({name: getattr(stored, name) for name in fields})
    return entry


def remove(entry: Assignment) -> None:
    """Detach; those behind it move up."""
    with transaction.atomic():
        owner = owners.of(entry)
        rest = [other for other in _chain(owner, entry.hook_type) if other.pk != entry.pk]
        audit.record("script detached", entry, before=audited(entry))
        owner.entries.filter(pk=entry.pk).delete()
        _number(rest)


def reorder(owner: Owner | int, hook_type: str, ids: Sequence[int], *, known: Sequence[int] | None = None) -> None:
    """Put the hook's assignments in this order, whole. `known`: the order that the caller saw.

    Raises Invalid, and Conflict where `ids` are not just they, or where they stand in another order than `known`.
    """
    if hook_type not in HOOKS:
        raise Invalid({"hook_type": _expected(HOOKS)})
    with transaction.atomic():
        entries = {entry.pk: entry for entry in _chain(owners.named(owner), hook_type)}
        if sorted(ids) != sorted(entries):
            raise Conflict("The scripts of this hook have changed: load them again.", field="order")
        if known is not None and list(known) != list(entries):
            raise Conflict(REORDERED, field="order")
        if list(ids) != list(entries):
            names = {"before": [str(entry) for entry in entries.values()], "after": [str(entries[pk]) for pk in ids]}
            first = next(iter(entries.values()))
            audit.record("order changed", first, before={"order": names["before"]}, after={"order": names["after"]})
        _number([entries[pk] for pk in ids])


def _number(entries: Sequence[Assignment]) -> None:
    """Write the places that changed."""
    for order, entry in enumerate(entries):
        if entry.execution_order != order:
            type(entry)._default_manager.filter(pk=entry.pk).update(execution_order=order)


def _chain(owner: Owner, hook_type: str) -> list[Assignment]:
    """The hook's assignments in order, locked."""
    return list(owner.of_hook(hook_type).select_for_update())


def _locked(entry: Assignment) -> Assignment:
    rows = owners.of(entry).entries.select_related("script").select_for_update(of=("self",))
    found: Assignment | None = rows.filter(pk=entry.pk).first()
    if found is None:
        raise Conflict("This assignment has been removed.")
    return found


def _refuse_deleted(script: Script) -> None:
    if Script.objects.kept().select_for_update().filter(pk=script.pk).first() is None:
        raise Invalid({"script_id": "there is no such script"})


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
