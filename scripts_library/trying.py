"""What a person is told before a script is tried: which values count, and what it stops (behaviour.md, section 14)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from borgui.fields import is_sealed

from . import links, parameters
from .manifest import Manifest
from .models import Hook, RepositoryScript, Script
from .testruns import BOTH


def stored_values(script: Script, repository_id: int | None, hook: str | None) -> dict[str, Any]:
    """The values of the repository's own use of the script, where it has one; `hook` prefers one of two.

    Sealed where they can no longer be decrypted.
    """
    entries = RepositoryScript.objects.filter(script=script, repository_id=repository_id or 0).in_order()
    found = sorted(entries, key=lambda entry: entry.hook_type != hook and hook in Hook.values)
    return found[0].parameters if found else {}


def counting(manifest: Manifest, *layers: Mapping[str, Any]) -> dict[str, Any]:
    """The values that count where a person gives none: of the first layer that has one, else of the block."""
    values = {entry.name: entry.default for entry in manifest.parameters}
    for layer in reversed([layer for layer in layers if not is_sealed(layer)]):
        values |= {name: value for name, value in layer.items() if value is not None and name in values}
    return values


@dataclass(frozen=True)
class Warned:
    """What is said before it runs. `stops`: what it interrupts. `stays_down`: nothing in this try starts that again."""

    stops: str
    stays_down: bool
    is_pair: bool
    problems: Sequence[str]


def warned(manifest: Manifest, script: Script, values: Mapping[str, Any], hook: str) -> Warned:
    """`values`: those of the repository's use, with the given ones over them."""
    resolved = parameters.resolve(manifest.parameters, script.parameters, values)
    return Warned(
        stops=links.interrupted(manifest, resolved.values, resolved.secret_names),
        stays_down=hook == Hook.PRE,
        is_pair=hook == BOTH,
        problems=resolved.problems,
    )
