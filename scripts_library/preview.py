"""What would run, for every outcome, without running anything (behaviour.md, section 14)."""

from dataclasses import dataclass, field
from typing import Any

from . import chain, environment, links, owners
from .facts import RepositoryFacts
from .links import Link
from .models import Hook, Outcome, RunOn
from .owners import Kind

PLACES = {Hook.PRE: "before", Hook.POST: "after"}
UNKNOWN = "(known when it runs)"
Chains = dict[Hook, list[Link]]


@dataclass(frozen=True)
class Entry:
    """One link under one outcome, as interfaces.md names it."""

    assignment_id: int | None
    script_id: int | None
    script_name: str
    runs: bool
    reason: str
    timeout: int
    run_on: str
    on_failure: str
    variables: dict[str, str]
    problems: list[str]
    advice: list[str] = field(default_factory=list)  # those of its problems with which it runs all the same
    interrupts: str = ""

    @property
    def is_blocked(self) -> bool:
        return len(self.problems) > len(self.advice)


NOT_TOLD = ("advice", "interrupts")  # what the pages need and interfaces.md does not name


def preview(facts: RepositoryFacts) -> dict[str, dict[str, list[Entry]]]:
    """For each outcome the links of both hooks of a repository in order, those that would not run with the reason."""
    named = {
        "REPOSITORY_ID": str(facts.id),
        "REPOSITORY_NAME": facts.name,
        "REPOSITORY_PATH": facts.path,
        "SOURCE_PATHS": "\n".join(facts.source_paths),
        "WINDOW_NAME": "",
    }
    return of_chains({hook: links.of_hook(facts, hook) for hook in Hook}, named, owners.REPOSITORY)


def preview_of_window(window_id: int, name: str) -> dict[str, dict[str, list[Entry]]]:
    """The same of a maintenance window, for the worst outcome of its backups."""
    of_no_repository = ("REPOSITORY_ID", "REPOSITORY_NAME", "REPOSITORY_PATH", "SOURCE_PATHS", "ARCHIVE_NAME", "JOB_ID")
    named = {**dict.fromkeys(of_no_repository, ""), "WINDOW_NAME": name}
    return of_chains({hook: links.of_window(window_id, hook) for hook in Hook}, named, owners.WINDOW)


def of_chains(chains: Chains, named: dict[str, str], kind: Kind) -> dict[str, dict[str, list[Entry]]]:
    """The same of any owner's links. `named`: the variables that tell what they run around."""
    blocked = [link for chosen in chains.values() for link in chosen if link.enabled and link.problems]

    def entries(hook: Hook, outcome: Outcome) -> list[Entry]:
        return [
            entry(link, variables(link, named, outcome), why_not(link, outcome, blocked), chains, kind)
            for link in chains[hook]
        ]

    return {
        outcome.value: {"pre_backup": entries(Hook.PRE, outcome), "post_backup": entries(Hook.POST, outcome)}
        for outcome in Outcome
    }


def why_not(link: Link, outcome: str, blocked: list[Link]) -> str:
    return why_not_pre(link, blocked) if link.hook == Hook.PRE else why_not_post(link, outcome)


def why_not_pre(link: Link, blocked: list[Link]) -> str:
    if not link.enabled:
        return "Does not run: it is switched off here."
    if link.problems:
        return f"Cannot run: {link.problems[0]}"
    if blocked:
        return f"Does not run: the check before the backup finds a problem with '{blocked[0].script_name}'."
    return ""


def why_not_post(link: Link, outcome: str) -> str:
    if not link.enabled:
        return "Does not run: it is switched off here."
    if not chain.matches(link.run_on, outcome):
        return f"Does not run: it runs only after {chain.ONLY_AFTER[RunOn(link.run_on)]}."
    return f"Cannot run: {link.problems[0]}" if link.problems else ""


def one_sided(link: Link, chains: Chains, kind: Kind) -> list[str]:
    """A script made for both hooks that runs at one alone: what it stops is not started again, or never stopped."""
    other = Hook.POST if link.hook == Hook.PRE else Hook.PRE
    if not link.enabled or not link.script or other not in link.script.hooks or link.hook not in link.script.hooks:
        return []
    if any(one.enabled and one.script == link.script for one in chains[other]):
        return []
    them = "it" if kind == owners.REPOSITORY else "them"
    return [f"It is made for before and after {kind.backup}, and runs only {PLACES[Hook(link.hook)]} {them} here."]


def entry(link: Link, known: dict[str, str], reason: str, chains: Chains, kind: Kind) -> Entry:
    advice = [*([link.advice] if link.advice else []), *one_sided(link, chains, kind)]
    return Entry(
        assignment_id=link.assignment_id,
        script_id=link.script.pk if link.script else None,
        script_name=link.script_name,
        runs=not reason,
        reason=reason or why(link, kind),
        timeout=link.timeout,
        run_on=link.run_on,
        on_failure=link.on_failure,
        variables=known,
        problems=[*link.problems, *advice],
        advice=advice,
        interrupts=link.interrupts,
    )


def why(link: Link, kind: Kind) -> str:
    if link.hook == Hook.PRE:
        return f"Runs before {kind.backup}."
    return f"Runs after {kind.every if link.run_on == RunOn.ALWAYS else chain.ONLY_AFTER[RunOn(link.run_on)]}."


def variables(link: Link, named: dict[str, str], outcome: Outcome) -> dict[str, str]:
    """The variables of section 9 under their short names, and the parameters; secrets as ***."""
    known: dict[str, Any] = dict.fromkeys(environment.KNOWN_AT_RUN, UNKNOWN)
    known |= {
        "HOOK_TYPE": link.hook,
        "BACKUP_STATUS": outcome.value if link.hook == Hook.POST else "",
        **named,
    }
    masked = {name: "***" if name in link.secret_names and value else value for name, value in link.values.items()}
    return known | masked


def as_json(found: dict[str, dict[str, list[Entry]]]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    return {
        outcome: {hook: [told(one) for one in entries] for hook, entries in hooks.items()}
        for outcome, hooks in found.items()
    }


def told(one: Entry) -> dict[str, Any]:
    return {name: value for name, value in vars(one).items() if name not in NOT_TOLD}
