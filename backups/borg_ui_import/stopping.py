"""Repositories whose scripts stop the same thing: one maintenance window could stop it once for all of them."""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from scripts_library import manifest, parameters
from scripts_library.models import Hook

from . import planned
from .planned import Plan

COMMANDS = re.compile(
    r"(?:^|[;&|(\s])(?:(docker|podman)(?:\s+container)?\s+(?:stop|pause|kill)|(systemctl)\s+stop)\s+([^\n;&|)]+)",
    re.MULTILINE,
)
WITH_VALUE = ("-t", "--time", "--timeout", "-s", "--signal")
NAME = re.compile(r"[\w.@:-]+")
VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
SHOWN = 4


def together(plan: Plan) -> list[str]:
    """One sentence for each group of repositories that stop the same."""
    by_thing: dict[str, list[str]] = defaultdict(list)
    for repository in plan.repositories:
        for thing in dict.fromkeys(_stopped(repository)):
            by_thing[thing].append(repository.name)
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for thing, names in by_thing.items():
        if len(names) > 1:
            groups[tuple(names)].append(thing)
    return [_sentence(names, things) for names, things in groups.items()]


def _sentence(names: Sequence[str], things: list[str]) -> str:
    return (
        f"{_listed([repr(name) for name in names])} {'both' if len(names) == 2 else 'all'} stop {_listed(things)}. "
        "One maintenance window could stop that once for all of them, and they would be down once."
    )


def _listed(words: list[str]) -> str:
    if len(words) > SHOWN:
        words = [*words[:SHOWN], f"{len(words) - SHOWN} more"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _stopped(repository: planned.Repository) -> Iterator[str]:
    """What its scripts before the backup stop, as far as they run."""
    enabled = [one for one in repository.assignments if one.hook == Hook.PRE and one.enabled]
    if not enabled:
        yield from stopped_by(repository.inline(Hook.PRE), {})
    for one in enabled:
        declared = manifest.parse(one.script.content).parameters
        defaults = {entry.name: parameters.as_text(entry.default) for entry in declared}
        yield from stopped_by(one.script.content, {**defaults, **one.parameters})


def stopped_by(text: str, values: Mapping[str, object]) -> Iterator[str]:
    """Names of containers and units."""
    filled = parameters.fill(VARIABLE.sub(r"${\1}", text), {name: str(value) for name, value in values.items()})
    code = "\n".join(line for line in filled.splitlines() if not line.lstrip().startswith("#"))
    for match in COMMANDS.finditer(code):
        yield from _names(match[3])


def _names(words: str) -> Iterator[str]:
    try:
        given = iter(shlex.split(words, comments=True))
    except ValueError:
        return
    for word in given:
        if word in WITH_VALUE:
            next(given, None)
        elif not word.startswith("-") and NAME.fullmatch(word):
            yield word
