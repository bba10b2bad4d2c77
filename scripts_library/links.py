"""The links of a chain: which scripts stand at a hook of a repository, with everything one needs to run them.

Planning a job and showing a preview read the same links, so what the preview says is what the job does.
"""

from dataclasses import dataclass, field

from . import inline, library, parameters
from .facts import RepositoryFacts
from .manifest import Manifest
from .models import Hook, OnFailure, RepositoryScript, Script, ScriptExecution, ScriptRevision

PINNED = (
    "script_id", "script_name", "repository_id", "backup_job_id", "hook_type", "assignment_id", "position",
    "revision", "timeout", "run_on", "on_failure", "parameters", "secret_names", "interrupts", "rerun", "problem",
    "triggered_by", "triggered_by_user_id", "test_run_id", "circumstances",
)  # fmt: skip


@dataclass(frozen=True)
class Link:
    hook: str
    script_name: str
    timeout: int  # seconds
    run_on: str
    on_failure: str
    revision: ScriptRevision | None
    script: Script | None = None
    assignment_id: int | None = None
    enabled: bool = True
    values: dict[str, str] = field(default_factory=dict)
    secret_names: tuple[str, ...] = ()
    interrupts: str = ""
    rerun: bool = True
    problems: tuple[str, ...] = ()


def of_hook(facts: RepositoryFacts, hook: str) -> list[Link]:
    """Every assignment of the hook in order, enabled or not; before them its inline text, where that is in force.

    Looks at the files: an outside edit becomes a revision here at the latest (section 11).
    """
    old = [_of_inline(facts, hook)] if inline.is_in_force(facts, hook) else []
    return old + [of_assignment(entry, facts) for entry in RepositoryScript.objects.chain(facts.id or 0, hook)]


def of_assignment(entry: RepositoryScript, facts: RepositoryFacts) -> Link:
    return of_script(
        entry.script,
        entry.hook_type,
        facts,
        values=entry.parameters,
        timeout=entry.custom_timeout,
        run_on=entry.custom_run_on,
        on_failure=entry.on_failure,
        assignment_id=entry.pk,
        enabled=entry.enabled,
    )


def of_script(
    script: Script,
    hook: str,
    facts: RepositoryFacts,
    *,
    values: dict[str, object],
    timeout: int | None = None,
    run_on: str | None = None,
    on_failure: str = OnFailure.ABORT,
    assignment_id: int | None = None,
    enabled: bool = True,
) -> Link:
    sight = library.look(script)
    manifest = Manifest.from_dict(script.manifest)
    sources = facts.source_paths if facts.id is not None else None  # invented sources hold nothing
    resolved = parameters.resolve(manifest.parameters, script.parameters, values, source_paths=sources)
    return Link(
        hook=hook,
        script_name=script.name,
        timeout=timeout or script.timeout,
        run_on=run_on or script.effective_run_on,
        on_failure=on_failure,
        revision=sight.revision,
        script=script,
        assignment_id=assignment_id,
        enabled=enabled,
        values=resolved.values,
        secret_names=tuple(resolved.secret_names),
        interrupts=interrupted(manifest, resolved.values, resolved.secret_names),
        rerun=manifest.rerun,
        problems=tuple([sight.problem] if sight.problem else []) + tuple(resolved.problems),
    )


def interrupted(manifest: Manifest, values: dict[str, str], secret_names: tuple[str, ...] | list[str] = ()) -> str:
    """What is down meanwhile, parameters filled in; white space does not tell two things apart."""
    shown = {name: "***" if name in secret_names else value for name, value in values.items()}
    return " ".join(parameters.fill(manifest.interrupts, shown).split())[:500]


def interrupts_of(repository_ids: list[int]) -> dict[int, list[str]]:
    """What a backup of each repository would interrupt: from the rows alone, for deciding who may start."""
    found: dict[int, list[str]] = {pk: [] for pk in repository_ids}
    entries = RepositoryScript.objects.filter(repository_id__in=repository_ids, enabled=True)
    for entry in entries.select_related("script"):
        manifest = Manifest.from_dict(entry.script.manifest)
        if not manifest.interrupts:
            continue
        resolved = parameters.resolve(manifest.parameters, entry.script.parameters, entry.parameters, source_paths=None)
        thing = interrupted(manifest, resolved.values, resolved.secret_names)
        if thing and thing not in found[entry.repository_id]:
            found[entry.repository_id].append(thing)
    return found


def execution(link: Link, position: int, **common: object) -> ScriptExecution:
    """The row that pins this link for one run (unsaved)."""
    return ScriptExecution(
        script=link.script,
        script_name=link.script_name,
        hook_type=link.hook,
        assignment_id=link.assignment_id,
        position=position,
        revision=link.revision,
        timeout=link.timeout,
        run_on=link.run_on,
        on_failure=link.on_failure,
        parameters=link.values,
        secret_names=list(link.secret_names),
        interrupts=link.interrupts,
        rerun=link.rerun,
        problem="\n".join(link.problems),
        **common,
    )


def once_more(row: ScriptExecution, **fields: object) -> ScriptExecution:
    """The next attempt of the same link, as it was pinned (unsaved)."""
    pinned = {name: getattr(row, name) for name in PINNED}
    return ScriptExecution(**pinned, attempt=row.attempt + 1, **fields)


def _of_inline(facts: RepositoryFacts, hook: str) -> Link:
    text = facts.inline(hook)
    return Link(
        hook=hook,
        script_name=inline.NAMES[Hook(hook)],
        timeout=text.timeout,
        run_on=inline.run_on(hook),
        on_failure=text.on_failure,
        revision=inline.revision(text.text),
    )
