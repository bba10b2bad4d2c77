"""The scripts of a maintenance window, given as whole lists."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from scripts_library import assignments, owners
from scripts_library.errors import Invalid
from scripts_library.models import Hook, Script, WindowScript

from .models import MaintenanceWindow

FIELDS = {Hook.PRE: "pre_scripts", Hook.POST: "post_scripts"}


def put(window: MaintenanceWindow, lists: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """By hook, the scripts that run there from now on, in order; the others are taken away. All or nothing.

    Each names its `script_id`; the other fields are those of `assignments.change`, an absent one stays as it is.
    Raises Invalid with the field as the API names it.
    """
    with transaction.atomic():
        for hook, wanted in lists.items():
            put_hook(window, hook, wanted)


def put_hook(window: MaintenanceWindow, hook: str, wanted: Sequence[Mapping[str, Any]]) -> None:
    owner, field = owners.window(window.pk), FIELDS[Hook(hook)]
    ids = [one["script_id"] for one in wanted]
    if len(set(ids)) < len(ids):
        raise Invalid({field: "A script is in it twice."})
    there = {entry.script_id: entry for entry in owner.of_hook(hook)}
    for script_id, entry in there.items():
        if script_id not in ids:
            assignments.remove(entry)
    known = {script.pk: script for script in Script.objects.kept().filter(pk__in=ids)}
    if missing := [pk for pk in ids if pk not in known]:
        raise Invalid({field: f"There is no script {missing[0]}."})
    order = [
        put_one(owner, hook, known[one["script_id"]], one, there.get(one["script_id"]), f"{field}.{number}")
        for number, one in enumerate(wanted)
    ]
    assignments.reorder(owner, hook, order)


def put_one(
    owner: owners.Owner, hook: str, script: Script, one: Mapping[str, Any], entry: WindowScript | None, field: str
) -> int:
    """The id of its assignment."""
    given = {name: value for name, value in one.items() if name != "script_id"}
    try:
        if entry is not None:
            return assignments.change(entry, given).pk
        return assignments.assign(owner, script, hook, **{k: v for k, v in given.items() if v is not None}).pk
    except Invalid as reason:
        raise Invalid({f"{field}.{name}": sentence for name, sentence in reason.errors.items()}) from None
