"""What follows a good backup: compact and check, where they are asked for (behaviour.md, section 2, point 6).

A failure here never spoils a good archive: the job becomes a warning and says so.
"""

import logging
from collections.abc import Callable, Iterator

from django.conf import settings
from django.utils import timezone

from borgui.transcript import Transcript
from scripts_library.models import Outcome
from scripts_library.running import Stop

from . import borg, borgcall, target
from .ledger import Ledger
from .models import BackupJob, Phase, Repository
from .watch import Watch

log = logging.getLogger(__name__)
AFTER = (Outcome.SUCCESS, Outcome.WARNING)
Step = tuple[str, Callable[..., borg.Answer]]


def run(job: BackupJob, ledger: Ledger, watch: Watch, enter: Callable[..., None]) -> None:
    """Do the steps that are due, one after another; the first that fails or is stopped ends them."""
    if job.outcome not in AFTER or not any(True for _ in steps(job.repository)):
        return
    if reason := watch.maintenance():
        ledger.job(job, maintenance_message=f"Maintenance after the backup was left out. {Stop(reason).sentence}")
        return
    enter(Phase.MAINTENANCE)
    problem = first_problem(job, watch)
    message = f"The archive is good. Afterwards {problem}" if problem else ""
    # with its end written down, a process that is lost from here on was not lost in the maintenance
    ledger.job(job, maintenance_message=message, phases=job.phases_with("", timezone.now()))


def first_problem(job: BackupJob, watch: Watch) -> str:
    """Do the steps; what went wrong with the first that did not end well, or ''."""
    for name, call in steps(job.repository):
        try:
            problem = step(job, name, call, watch)
        except Exception as fault:
            log.exception("fault in the maintenance of job %s", job.pk)
            problem = f"{name} met an internal fault: {fault!r}"
        if problem:
            return problem
    return ""


def steps(repository: Repository) -> Iterator[Step]:
    if repository.compact_after:
        yield "compact", borg.compact
    if repository.check_is_due(timezone.now()):
        yield "check", borg.check


def step(job: BackupJob, name: str, call: Callable[..., borg.Answer], watch: Watch) -> str:
    """One call of borg; what went wrong, or ''."""
    where = target.of(job.repository)
    transcript = Transcript(settings.LOGS_DIR / "jobs" / f"{job.pk}-{name}.log", borgcall.secrets_of(where))
    answer = call(
        borg.find(settings.BORG), where, token=job.token, should_stop=watch.maintenance, on_output=transcript.feed
    )
    transcript.close()
    if answer.reason:
        return f"{name} was stopped."
    if answer.outcome == Outcome.FAILURE:
        return f"{name} failed: {answer.sentence}"
    if name == "check":
        Repository.objects.filter(pk=job.repository_id).update(last_check_at=timezone.now())
    return f"{name} ended with a warning: {answer.sentence}" if answer.outcome == Outcome.WARNING else ""
