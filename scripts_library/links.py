"""The links of a chain: which scripts stand at a hook of a repository, with everything one needs to run them.

Planning a job and showing a preview read the same links, so what the preview says is what the job does.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from . import approval, inline, library, parameters
from .facts import RepositoryFacts
from .manifest import Manifest
from .models import Assignment, Hook, OnFailure, RepositoryScript, Script, ScriptExecution, ScriptRevision, WindowScript
from .parameters import Resolved

PINNED = (
    "script_id", "script_name", "repository_id", "backup_job_id", "window_run_id", "hook_type", "assignment_id", "position",
    "revision", "timeout", "run_on", "on_failure", "parameters", "secret_names", "interrupts", "rerun", "problem",
    "triggered_by", "triggered_by_user_id", "test_run_id", "circumstances",
)  # fmt: skip
NO_REPOSITORY = RepositoryFacts(id=None, name="", path="")


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
    advice: str = ""  # worth saying before it runs


def of_hook(facts: RepositoryFacts, hook: str) -> list[Link]:
    """Every assignment of the hook in order, enabled or not; before them its inline text, where that is in force.

    Looks at the files: an outside edit becomes a revision here at the latest (section 11).
    """
    old = [_of_inline(facts, hook)] if inline.is_in_force(facts, hook) else []
    return old + [of_assignment(entry, facts) for entry in RepositoryScript.objects.chain(facts.id or 0, hook)]


def of_window(window_id: int, hook: str) -> list[Link]:
    """Every assignment of a window's hook in order, enabled or not."""
    return [of_assignment(entry, NO_REPOSITORY) for entry in WindowScript.objects.chain(window_id, hook)]


def of_assignment(entry: Assignment, facts: RepositoryFacts) -> Link:
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
    running = approval.running(script, sight.revision)
    manifest = running.manifest
    sources = facts.source_paths if facts.id is not None else None  # invented sources hold nothing
    resolved = parameters.resolve(manifest.parameters, script.parameters, values, source_paths=sources)
    return Link(
        hook=hook,
        script_name=script.name,
        timeout=timeout or script.timeout,
        run_on=run_on or script.effective_run_on,
        on_failure=on_failure,
        revision=running.revision,
        script=script,
        assignment_id=assignment_id,
        enabled=enabled,
        values=resolved.values,
        secret_names=tuple(resolved.secret_names),
        interrupts=interrupted(manifest, resolved.values, resolved.secret_names),
        rerun=manifest.rerun,
        problems=(*filter(None, [sight.problem, running.problem]), *resolved.problems),
        advice=running.advice,
    )


def interrupted(manifest: Manifest, values: dict[str, str], secret_names: tuple[str, ...] | list[str] = ()) -> str:
    """What is down meanwhile, parameters filled in; white space does not tell two things apart."""
    shown = {name: "***" if name in secret_names else value for name, value in values.items()}
    return " ".join(parameters.fill(manifest.interrupts, shown).split())[:500]


def names_in(manifest: Manifest, resolved: Resolved) -> list[str]:
    """Where parameters alone say what is down, as `${CONTAINERS}`: each word of the first of them that has a value.

    Who stops one of these containers stops the same as who stops it among others.
    """
    if parameters.fill(manifest.interrupts, {}).strip():
        return []
    shown = [name for name in parameters.references(manifest.interrupts) if name not in resolved.secret_names]
    return next(filter(None, (resolved.values.get(name, "").split() for name in shown)), [])


def interrupts_of(repository_ids: Collection[int]) -> dict[int, list[str]]:
    """What a backup of each repository would interrupt, in words, from the rows alone."""
    return {pk: list(things) for pk, things in things_of(repository_ids).items()}


def interrupts_of_windows(window_ids: Collection[int]) -> dict[int, list[str]]:
    """What each window would interrupt, by its own scripts."""
    return {pk: list(things) for pk, things in things_of_windows(window_ids).items()}


Things = dict[str, list[str]]  # by what is down, in words: the names in it


def things_of(repository_ids: Collection[int]) -> dict[int, Things]:
    """The same with the names by which others may stop it, for deciding who may start."""
    entries = RepositoryScript.objects.filter(repository_id__in=repository_ids, enabled=True).select_related("script")
    return things_by_owner(repository_ids, ((entry.repository_id, entry) for entry in entries))


def things_of_windows(window_ids: Collection[int]) -> dict[int, Things]:
    entries = WindowScript.objects.filter(window_id__in=window_ids, enabled=True).select_related("script").in_order()
    return things_by_owner(window_ids, ((entry.window_id, entry) for entry in entries))


def things_by_owner(ids: Iterable[int], entries: Iterable[tuple[int, Assignment]]) -> dict[int, Things]:
    found: dict[int, Things] = {pk: {} for pk in ids}
    for owner, entry in entries:
        manifest = approval.running_manifest(entry.script)
        if not manifest.interrupts:
            continue
        resolved = parameters.resolve(manifest.parameters, entry.script.parameters, entry.parameters, source_paths=None)
        if thing := interrupted(manifest, resolved.values, resolved.secret_names):
            found[owner].setdefault(thing, []).extend(names_in(manifest, resolved))
    return found


def with_names(texts: Iterable[str], things: Things) -> list[str]:
    """What keeps apart who interrupts these: the texts first, for they are what people are told."""
    texts = list(texts)
    return list(dict.fromkeys([*texts, *(name for text in texts for name in things.get(text, []))]))


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
    revision = inline.revision(text.text)
    problem = approval.old_text_problem(revision)
    return Link(
        hook=hook,
        script_name=inline.NAMES[Hook(hook)],
        timeout=text.timeout,
        run_on=inline.run_on(hook),
        on_failure=text.on_failure,
        revision=revision,
        problems=(problem,) if problem else (),
    )
