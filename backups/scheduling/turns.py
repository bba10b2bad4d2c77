"""What a schedule, or a maintenance window, has to do now: which due time starts something, what becomes of the others.

Nothing is written here, and the time is an argument. The newest due time alone can start something: late, it is made
up for as long as the schedule's `catch_up` allows; those before it are missed, and those of a pause are recorded as
that (behaviour.md, section 2).
"""

import hashlib
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any, Generic, Protocol, TypeVar

from backups import cron, words
from backups.models import RunStatus, ScheduleRun, WindowRun
from borgui.accounts.models import Installation

ON_TIME = timedelta(minutes=5)  # a slow minute, or a worker that is started anew, is not worth a word
RECORDED = 20  # missed or paused due times at once, each with a row of its own
COUNTED = 1000  # of those before them

OVERTAKEN = "Missed: no worker was there, and a later time has come since."
PAUSED = "Backups were paused."


R = TypeVar("R", bound=ScheduleRun | WindowRun)
R_co = TypeVar("R_co", bound=ScheduleRun | WindowRun, covariant=True)


class Timed(Protocol[R_co]):
    """What has due times: their rows are made by `run_of`."""

    pk: Any

    @property
    def cron_expression(self) -> str: ...
    @property
    def timezone(self) -> str: ...
    @property
    def next_run(self) -> datetime | None: ...
    @property
    def paused_until(self) -> datetime | None: ...
    @property
    def jitter(self) -> int: ...
    @property
    def catch_up(self) -> int: ...
    def run_of(self, due_at: datetime, status: str, message: str = "") -> R_co: ...


@dataclass(frozen=True)
class Turn(Generic[R]):
    """One schedule's due times up to now: rows to be written, and when it is due next.

    `start`: the run whose backups are to be queued. `lost`: the one that was the newest, and too late to be made up for.
    """

    schedule: Any  # a Timed[R]
    next_run: datetime
    starts_at: datetime
    start: R | None = None
    lost: R | None = None
    others: list[R] = field(default_factory=list)

    @property
    def runs(self) -> list[R]:
        return [*self.others, *(run for run in (self.lost, self.start) if run)]

    def without(self, known: Container[tuple[int, datetime]]) -> "Turn[R]":
        """Less the due times, (schedule, instant), of which something has become already."""

        def is_new(run: R | None) -> bool:
            return run is not None and (self.schedule.pk, run.due_at) not in known

        return replace(
            self,
            start=self.start if is_new(self.start) else None,
            lost=self.lost if is_new(self.lost) else None,
            others=[run for run in self.others if is_new(run)],
        )


def of(schedule: Timed[R], now: datetime, installation: Installation | None = None) -> Turn[R]:
    """For a schedule that is due: `next_run` and `starts_at` are not after now. Raises what `cron.times` raises."""
    elapsed, more, following = look_back(schedule, now)
    newest, begins = elapsed[-1], starts_at(schedule, elapsed[-1], following)
    others = overtaken(schedule, elapsed[:-1], more, now, installation)
    if others and begins > now:  # the newest waits for its jitter to pass
        return Turn(schedule, newest, begins, others=others)
    turn = Turn(schedule, following, starts_at(schedule, following), others=others)
    if is_paused(newest, now, schedule, installation):
        return replace(turn, others=[*others, schedule.run_of(newest, RunStatus.PAUSED, PAUSED)])
    return with_newest(turn, newest, now - begins)


def with_newest(turn: Turn[R], due: datetime, late: timedelta) -> Turn[R]:
    """The newest due time starts on time, is made up for, or is lost."""
    if late > max(ON_TIME, timedelta(seconds=turn.schedule.catch_up)):
        return replace(turn, lost=turn.schedule.run_of(due, RunStatus.MISSED, too_late(turn.schedule, late)))
    start = turn.schedule.run_of(due, RunStatus.QUEUED)
    if late > ON_TIME:
        start.is_catch_up, start.message = True, f"Made up for, {in_minutes(late)} late."
    return replace(turn, start=start)


# --- due times --------------------------------------------------------------------------------------------------------
def times_of(schedule: Timed[R], after: datetime) -> Iterator[datetime]:
    return cron.times(schedule.cron_expression, schedule.timezone, after)


def first_after(schedule: Timed[R], moment: datetime) -> datetime:
    found = next(times_of(schedule, moment), None)
    if found is None:
        raise ValueError(f"{schedule.cron_expression!r} is never due after {moment}")
    return found


def look_back(schedule: Timed[R], now: datetime) -> tuple[list[datetime], int, datetime]:
    """The newest due times up to now, oldest first; how many there were before them; and the first one to come."""
    assert schedule.next_run is not None
    following = first_after(schedule, schedule.next_run)
    if following > now:
        return [schedule.next_run], 0, following
    newest = newest_up_to(schedule, now)
    since = takewhile(lambda moment: moment < newest[0], times_of(schedule, schedule.next_run))
    more = sum(1 for _ in islice(since, COUNTED)) + (schedule.next_run < newest[0])
    return newest, more, first_after(schedule, now)


def newest_up_to(schedule: Timed[R], now: datetime) -> list[datetime]:
    """At most RECORDED and one, looking back further and further: a year of minutes would take long to count."""
    first, span = schedule.next_run or now, cron.HOUR
    while now - span > first:
        found = list(takewhile(lambda moment: moment <= now, times_of(schedule, now - span)))
        if len(found) > RECORDED:
            return found[-RECORDED - 1 :]
        span *= 4
    return [first, *takewhile(lambda moment: moment <= now, times_of(schedule, first))][-RECORDED - 1 :]


def starts_at(schedule: Timed[R], due: datetime, following: datetime | None = None) -> datetime:
    """The due time and its jitter: the same whoever asks, and before the next due time."""
    if not schedule.jitter:
        return due
    room = int(((following or first_after(schedule, due)) - due).total_seconds()) - 1
    digest = hashlib.sha256(f"{schedule.pk} {due.timestamp():.0f}".encode()).digest()
    return due + timedelta(seconds=int.from_bytes(digest[:8]) % (max(min(schedule.jitter, room), 0) + 1))


# --- what becomes of them ---------------------------------------------------------------------------------------------
def is_paused(due: datetime, now: datetime, schedule: Timed[R], installation: Installation | None) -> bool:
    """Now, so that nothing may start; or when it was due, for that is not made up for when the pause is over."""
    if schedule.paused_until is not None and due < schedule.paused_until:
        return True
    if installation is None or installation.schedules_paused_at is None:
        return False
    was_paused = due >= installation.schedules_paused_at and installation.schedules_are_paused(due)
    return was_paused or installation.schedules_are_paused(now)


def overtaken(
    schedule: Timed[R], dues: Sequence[datetime], more: int, now: datetime, installation: Installation | None
) -> list[R]:
    """A row for each but the newest; the first one also tells how many there were before it."""
    found = []
    for due in dues:
        paused = is_paused(due, now, schedule, installation)
        status, message = (RunStatus.PAUSED, PAUSED) if paused else (RunStatus.MISSED, OVERTAKEN)
        found.append(schedule.run_of(due, status, message))
    if found and more:
        count = f"more than {COUNTED:,}" if more > COUNTED else f"{more:,}"
        found[0].message += f" The same became of {count} due times before this one."
    return found


def too_late(schedule: Timed[R], late: timedelta) -> str:
    most = max(ON_TIME, timedelta(seconds=schedule.catch_up))
    return (
        f"Missed: no worker was there. {in_minutes(late)} late is more than the {in_minutes(most)} it is made up for."
    )


def in_minutes(span: timedelta) -> str:
    return words.duration(span.total_seconds() // 60 * 60)
