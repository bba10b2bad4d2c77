"""The scripts of one repository, attached to others as well."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from . import assignments
from .manifest import Manifest
from .models import RepositoryScript
from .owners import Owner

COPIED = ("enabled", "custom_timeout", "custom_run_on", "on_failure")


@dataclass(frozen=True)
class Copied:
    """`added` and those that were `there` already, which stay as they are; both by name, in order."""

    added: list[str]
    there: list[str]


def secret_names(repository_id: int) -> list[str]:
    """The secrets that are set in this repository, as "SCRIPT: NAME"."""
    return [f"{entry.script.name}: {name}" for entry in entries_of(repository_id) for name in secrets_in(entry)]


def copy(source_id: int, target_id: int, *, with_secrets: bool) -> Copied:
    """Behind the scripts that the target has, in the same order, with the same settings; whole or not at all.

    Values go along, secrets only `with_secrets`.
    """
    added, there = [], []
    with transaction.atomic():
        present = set(RepositoryScript.objects.filter(repository_id=target_id).values_list("script_id", "hook_type"))
        for entry in entries_of(source_id):
            if (entry.script_id, entry.hook_type) in present:
                there.append(entry.script.name)
                continue
            copy_one(entry, target_id, with_secrets)
            added.append(entry.script.name)
    return Copied(added, there)


def copy_one(entry: RepositoryScript, target: Owner | int, with_secrets: bool) -> None:
    """`target`: an owner, or the number of a repository."""
    settings = {name: getattr(entry, name) for name in COPIED}
    assignments.assign(target, entry.script, entry.hook_type, **settings, stored=values_of(entry, with_secrets))


def entries_of(repository_id: int) -> list[RepositoryScript]:
    rows = RepositoryScript.objects.filter(repository_id=repository_id, script__deleted_at=None)
    return list(rows.select_related("script").in_order())


def values_of(entry: RepositoryScript, with_secrets: bool) -> Mapping[str, Any]:
    secret = () if with_secrets else secrets_in(entry)
    return {name: value for name, value in entry.parameters.items() if name not in secret}


def secrets_in(entry: RepositoryScript) -> list[str]:
    """A value stays a secret whatever a later block calls it, and one that is called so now is one."""
    declared = {one.name for one in Manifest.from_dict(entry.script.manifest).parameters if one.is_secret}
    return [name for name, value in entry.parameters.items() if isinstance(value, Mapping) or name in declared]
