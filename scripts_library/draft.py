"""What a request says about a script, checked, and settled with what the block says (behaviour.md, section 10).

No rows are changed here.
"""

from collections.abc import Mapping
from typing import Any

from . import manifest as manifests
from . import parameters
from .errors import Invalid
from .manifest import Manifest
from .store import content_problem

DEFAULTS: dict[str, Any] = {"name": None, "description": "", "timeout": 300, "run_on": None}
FIELDS = (*DEFAULTS, "content", "parameters", "is_template")
CHECKS = {
    "name": manifests.name_problem,
    "description": manifests.description_problem,
    "timeout": manifests.timeout_problem,
    "run_on": manifests.run_on_problem,
    "is_template": lambda value: "" if isinstance(value, bool) else "true or false is expected",
}


def refuse_unknown(changes: Mapping[str, Any]) -> None:
    """Raises Invalid for a field that a script does not have."""
    _refuse({name: "there is no such field to change" for name in changes if name not in FIELDS})


def check(changes: Mapping[str, Any], *, strict: bool = True) -> Manifest:
    """The block of the new content, an empty one without. Raises Invalid with all that is wrong, apart from parameters.

    Not `strict`: errors of the block are left in it.
    """
    errors = {name: check(changes[name]) for name, check in CHECKS.items() if changes.get(name) is not None}
    manifest = Manifest()
    if "content" in changes:
        errors["content"] = readable_problem(changes["content"])
        manifest = manifest if errors["content"] else manifests.parse(changes["content"])
        if strict and manifest.errors:
            errors["content"] = "The block: " + "; ".join(manifest.errors)
    _refuse({name: problem for name, problem in errors.items() if problem})
    return manifest


def readable_problem(content: object) -> str:
    """Why this cannot be the text of a script; "" if it can."""
    if problem := content_problem(content):
        return problem
    return "" if str(content).strip("\ufeff \t\r\n") else "is empty"


def settle(changes: Mapping[str, Any], old: Manifest, new: Manifest) -> dict[str, Any]:
    """The fields of the row that change. None clears to the block's value, else to the default; absent ones follow it.

    Raises Invalid where the script would have no name.
    """
    fields = follow_block(old, new)
    for name, default in DEFAULTS.items():
        if name in changes:
            declared = default if getattr(new, name) is None else getattr(new, name)
            fields[name] = declared if changes[name] is None else changes[name]
    if fields.get("name", "unchanged") is None:
        raise Invalid({"name": "a script needs a name, here or in its block"})
    if "name" in fields:
        fields["name"] = fields["name"].strip()
    if "is_template" in changes:
        fields["is_template"] = bool(changes["is_template"])
    return fields


def follow_block(old: Manifest, new: Manifest) -> dict[str, Any]:
    """The fields of the row that a new revision changes: those to which its block gives another value."""
    values = {name: getattr(new, name) for name in DEFAULTS}
    return {name: value for name, value in values.items() if value is not None and value != getattr(old, name)}


def merge_parameters(manifest: Manifest, stored: dict[str, Any], given: Any) -> dict[str, Any]:
    """The default values after a change; None clears them all. Raises Invalid."""
    return {} if given is None else parameters.merge(manifest.parameters, stored, given)


def _refuse(errors: Mapping[str, str]) -> None:
    if errors:
        raise Invalid(errors)
