"""A script made from a template, and in the same step attached to repositories: all of it, or nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from . import assignments, library
from .catalogue import Template
from .errors import NameTaken
from .gallery import origin_of
from .models import Hook, OnFailure, RunOn, Script, ScriptRevision
from .registering import LONGEST_NAME, TRIES, free_names, names_taken


@dataclass(frozen=True)
class Use:
    """One repository that is to use the script; `parameters`: values of its own."""

    repository_id: int
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """How it is used. `run_on`: for a post-backup script that does not say when it runs."""

    hooks: Sequence[str]
    on_failure: str = OnFailure.ABORT.value
    run_on: str | None = None


def make(
    template: Template,
    *,
    name: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    plan: Plan | None = None,
    uses: Iterable[Use] = (),
    user: Any = None,
    **fields: Any,
) -> Script:
    """`parameters`: default values; `fields`: description, timeout, run_on, as in `library.create`.

    Without a name it has the template's, with a number where that is taken. Raises what `library.create` and
    `assignments.assign` raise.
    """
    where = tuple(uses)

    def assign(script: Script) -> None:
        for use in where:
            for hook in plan.hooks if plan else ():
                assignments.assign(
                    use.repository_id, script, hook, **_settings(plan, hook, script), parameters=use.parameters
                )

    if template.script_id:  # what its row says counts, as for the script itself
        own = template.manifest
        fields = {"description": own.description, "run_on": own.run_on, "timeout": own.timeout, **fields}

    def create(wanted: str) -> Script:
        return library.create(
            wanted,
            template.content,
            source=ScriptRevision.Source.TEMPLATE,
            parameters={**template.defaults, **(parameters or {})},
            origin=origin_of(template),
            user=user,
            also=assign,
            **fields,
        )

    return create(name) if name is not None else _under_free_name(create, template)


def _under_free_name(create: Callable[[str], Script], template: Template) -> Script:
    """Another process may be faster and take the name; then there is another one."""
    for _ in range(TRIES - 1):
        with suppress(NameTaken):
            return create(free_name(template))
    return create(free_name(template))


def _settings(plan: Plan | None, hook: str, script: Script) -> dict[str, Any]:
    if plan is None:
        return {}
    if hook == Hook.PRE:
        return {"on_failure": plan.on_failure}
    return {"custom_run_on": None if script.run_on_declared else plan.run_on}


def free_name(template: Template) -> str:
    """What a script of it is called where nobody says so."""
    return next(free_names([template.title[:LONGEST_NAME]], names_taken()))


def hooks_of(template: Template) -> tuple[str, ...]:
    """The hooks at which it runs; empty where its block does not say, and a person has to."""
    return template.manifest.hooks


def must_say_when(template: Template, hooks: Iterable[str]) -> bool:
    """It would run after the backup, and its block does not say after which ones."""
    return Hook.POST in hooks and template.manifest.run_on not in RunOn.values
