"""What follows a good backup: prune, compact and check, where they are asked for (behaviour.md, section 2, point 6).

A failure here never spoils a good archive: the job becomes a warning and says so.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from borgui.transcript import Transcript
from scripts_library.models import Outcome
from scripts_library.running import Stop

from . import afterwards, borg, borgcall, pruning, target
from .ledger import Ledger
from .models import BackupJob, Phase, Repository
from .watch import Watch

log = logging.getLogger(__name__)
AFTER = (Outcome.SUCCESS, Outcome.WARNING)


@dataclass(frozen=True)
class Done:
    """What a step came to: what went wrong, or ''; and what is remembered of it (`BackupJob.maintenance`)."""

    problem: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def run(job: BackupJob, ledger: Ledger, watch: Watch, enter: Callable[..., None]) -> None:
    """Do the steps that are due, one after another; the first that fails or is stopped ends them."""
    if job.outcome not in AFTER:
        return
    due, remarks = steps(job, timezone.now())
    if remarks:
        ledger.own(maintenance=remarks)
    if not due:
        return
    if job.window_run_id is not None:
        ledger.own(phase=Phase.MAINTENANCE, phases=job.phases_with("", timezone.now()))  # the window may close now
    if reason := afterwards.wait(job, ledger, watch):
        ledger.own(maintenance_message=f"Maintenance after the backup was left out. {Stop(reason).sentence}")
        return
    enter(Phase.MAINTENANCE)
    done = all_of(due, job, watch)
    message = f"The archive is good. Afterwards {done.problem}" if done.problem else ""
    # with its end written down, a process that is lost from here on was not lost in the maintenance
    ledger.own(
        maintenance_message=message,
        maintenance={**remarks, **done.facts},
        phases=job.phases_with("", timezone.now()),
    )


def steps(job: BackupJob, now: datetime) -> tuple[list[str], dict[str, str]]:
    """Which steps the repository or the schedule asks for, in order; and a remark on one that is left out."""
    repository, asked = job.repository, job.asked_maintenance
    every = [days for days in (repository.check_every_days, asked.get("check_every_days")) if days]
    prune = repository.prune_after or asked.get("prune")
    reason = pruning.remark(repository) if prune else ""
    wanted = {
        "prune": prune and not reason,
        "compact": repository.compact_after or asked.get("compact"),
        "check": repository.check_is_due(now, min(every, default=None)),
    }
    return [name for name, is_due in wanted.items() if is_due], {"remark": reason} if reason else {}


def all_of(due: list[str], job: BackupJob, watch: Watch) -> Done:
    """Do the steps until one does not end well."""
    facts: dict[str, Any] = {}
    for name in due:
        try:
            done = step(job, name, watch)
        except Exception as fault:
            log.exception("fault in the maintenance of job %s", job.pk)
            done = Done(f"{name} met an internal fault: {fault!r}")
        facts |= done.facts
        if done.problem:
            return Done(done.problem, facts)
    return Done("", facts)


def step(job: BackupJob, name: str, watch: Watch) -> Done:
    """One step, with a log of its own."""
    where = target.of(job.repository)
    transcript = Transcript(settings.LOGS_DIR / "jobs" / f"{job.pk}-{name}.log", borgcall.secrets_of(where))
    try:
        if name == "prune":
            return prune(job, watch, transcript)
        return call(job, name, where, watch, transcript)
    finally:
        transcript.close()


def prune(job: BackupJob, watch: Watch, transcript: Transcript) -> Done:
    stopped: list[str] = []

    def should_stop() -> str:
        stopped.append(watch.maintenance())
        return stopped[-1]

    try:
        return Done("", pruning.step(job, token=job.token, should_stop=should_stop, on_output=transcript.feed))
    except pruning.Failed as reason:
        return Done("prune was stopped." if any(stopped) else f"prune failed: {reason}")


VERBS: dict[str, Callable[..., borg.Answer]] = {"compact": borg.compact, "check": borg.check}


def call(job: BackupJob, name: str, where: borg.Target, watch: Watch, transcript: Transcript) -> Done:
    program = borg.find(settings.BORG)
    answer = VERBS[name](program, where, token=job.token, should_stop=watch.maintenance, on_output=transcript.feed)
    if answer.reason:
        return Done(f"{name} was stopped.")
    if answer.outcome == Outcome.FAILURE:
        return Done(f"{name} failed: {answer.sentence}")
    if name == "check":
        Repository.objects.filter(pk=job.repository_id).update(last_check_at=timezone.now())
    facts = {"checked": True} if name == "check" else {"freed": answer.data}
    return Done(f"{name} ended with a warning: {answer.sentence}" if answer.outcome == Outcome.WARNING else "", facts)
