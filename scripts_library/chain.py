"""A hook's chain: plan it, run it, record it, decide go or stop (behaviour.md, sections 3, 5 and 8).

`plan` pins the links of a repository as execution rows; `run_pre` and `run_post` run such rows. They know no job: the
circumstances come as plain values, writes go through the `Run` that the caller hands in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from . import links
from .facts import RepositoryFacts
from .models import ExecutionStatus, Hook, OnFailure, Outcome, RunOn, ScriptExecution
from .running import Run, Stop, not_run, run_in_any_case, run_script

NOT_NOW = 75  # EX_TEMPFAIL of a pre-backup script
STOPS_ALL = (Stop.CANCELLED, Stop.SHUTDOWN, Stop.MAX_DOWNTIME)  # the job, not this script alone

RUNS_AFTER = {
    RunOn.SUCCESS: {Outcome.SUCCESS},
    RunOn.WARNING: {Outcome.WARNING},
    RunOn.COMPLETED: {Outcome.SUCCESS, Outcome.WARNING},
    RunOn.FAILURE: {Outcome.FAILURE, Outcome.CANCELLED},
    RunOn.ALWAYS: set(Outcome),
}
ONLY_AFTER = {
    RunOn.SUCCESS: "a good backup",
    RunOn.WARNING: "a backup with warnings",
    RunOn.COMPLETED: "a good backup or one with warnings",
    RunOn.FAILURE: "a failed or cancelled backup",
}


def matches(run_on: str, outcome: str) -> bool:
    """The table of section 5."""
    return outcome in RUNS_AFTER[RunOn(run_on)]


def why_not(run_on: str) -> str:
    return f"Did not run: it runs only after {ONLY_AFTER[RunOn(run_on)]}."


@dataclass(frozen=True)
class PreVerdict:
    """How the pre-backup chain ended: go on to borg or not, and the outcome so far ('' while nothing speaks against it)."""

    go_on: bool
    outcome: str = ""
    message: str = ""


def plan(facts: RepositoryFacts, **common: object) -> list[ScriptExecution]:
    """The rows of both hooks, unsaved, in the order of the chain. `common`: columns that all of them carry."""
    return pin((link for hook in Hook for link in links.of_hook(facts, hook)), common)


def plan_window(window_id: int, **common: object) -> list[ScriptExecution]:
    """The same of a maintenance window (section 13)."""
    return pin((link for hook in Hook for link in links.of_window(window_id, hook)), common)


def pin(found: Iterable[links.Link], common: Mapping[str, object]) -> list[ScriptExecution]:
    chosen = [link for link in found if link.enabled]
    return [links.execution(link, position, **common) for position, link in enumerate(chosen)]


def problems(rows: Iterable[ScriptExecution]) -> str:
    """All that speaks against starting, at once: one line per problem, empty where the plan can run."""
    return "\n".join(f"'{row.script_name}': {line}" for row in rows for line in row.problem.splitlines())


def run_pre(rows: Sequence[ScriptExecution], run: Run) -> PreVerdict:
    """Run the pre-backup scripts one after another until one says stop (section 3)."""
    verdict = PreVerdict(go_on=True)
    for index, row in enumerate(rows):
        if reason := run.should_stop(row):
            verdict = stopped_before(reason)
        else:
            run_script(row, run)
            verdict = after_pre(row, verdict)
        if not verdict.go_on:
            for rest in rows[index + (0 if reason else 1) :]:
                not_run(rest, run, "Did not run: " + (reason_of_stop(reason) if reason else before_it(row)))
            break
    return verdict


def reason_of_stop(reason: str) -> str:
    sentence = Stop(reason).sentence
    return sentence[:1].lower() + sentence[1:]


def before_it(row: ScriptExecution) -> str:
    """Why nothing ran after this pre-backup script."""
    if row.stop_reason in STOPS_ALL:
        return reason_of_stop(row.stop_reason)
    return f"'{row.script_name}' {'said to skip' if says_not_now(row) else 'failed before it'}."


def refuse_pre(rows: Sequence[ScriptExecution], run: Run) -> None:
    """The plan check failed: what cannot run has failed, what could have run was not its turn."""
    for row in rows:
        if row.problem:
            run.record(row, status=ExecutionStatus.FAILED, error_message=row.problem)
        else:
            not_run(row, run, "Did not run: the check before the backup found problems with other scripts.")


def stopped_before(reason: str) -> PreVerdict:
    """Asked to stop between two scripts."""
    outcome = Outcome.CANCELLED if reason == Stop.CANCELLED else Outcome.FAILURE
    return PreVerdict(go_on=False, outcome=outcome, message=Stop(reason).sentence)


def after_pre(row: ScriptExecution, before: PreVerdict) -> PreVerdict:
    """What the end of one pre-backup script means for the rest: the table of section 3."""
    if row.status == ExecutionStatus.SUCCEEDED:
        return before
    if row.stop_reason in STOPS_ALL:
        return stopped_before(row.stop_reason)
    failed = f"'{row.script_name}' failed before the backup started ({row.error_message})."
    if says_not_now(row):
        return PreVerdict(False, Outcome.SKIPPED, f"'{row.script_name}' said to skip.")
    if row.on_failure == OnFailure.SKIP:
        return PreVerdict(False, Outcome.SKIPPED, failed)
    if row.on_failure == OnFailure.CONTINUE:
        return PreVerdict(True, Outcome.WARNING, "\n".join(filter(None, [before.message, failed])))
    return PreVerdict(False, Outcome.FAILURE, failed)


def says_not_now(row: ScriptExecution) -> bool:
    return row.exit_code == NOT_NOW and row.status == ExecutionStatus.FAILED


def run_post(rows: Sequence[ScriptExecution], run: Run) -> None:
    """Run every post-backup script whose condition matches; a failing one never stops the next (section 5).

    Leaves the rest as planned when the time of a planned stop is over: recovery does it at the next start.
    """
    for row in rows:
        if run.is_out_of_time():
            return
        if not matches(row.run_on, run.context.outcome):
            not_run(row, run, why_not(row.run_on))
        elif row.problem:
            run.record(row, status=ExecutionStatus.FAILED, error_message=row.problem)
        else:
            run_in_any_case(row, run)
