"""What the API takes and answers about schedules (interfaces.md, "A scheduled job")."""

from datetime import datetime
from typing import Self

from pydantic import Field

from borgui.rest import Count, Id, In, Moment, Out, Text

from . import cron
from .models import ScheduledJob

NEXT = 5


class ScheduleChange(In):
    """Every field of a schedule. In a PUT an absent one stays as it is, `null` sets the default again."""

    name: Text | None = None
    repositories: list[Id] | None = Field(None, description="ids, in the order in which they are backed up")
    cron_expression: Text | None = Field(None, description="five fields, or @daily and the like")
    timezone: Text | None = Field(None, description="the installation's, where none is given")
    maintenance_window_id: Id | None = None
    enabled: bool | None = None
    jitter: Count | None = Field(None, description="seconds")
    catch_up: Count | None = Field(None, description="seconds")
    prune_after: bool | None = None
    compact_after: bool | None = None
    check_every_days: Count | None = None
    ping_url: Text | None = Field(None, description="write-only; an empty text keeps the stored one")


class ScheduleIn(ScheduleChange):
    name: Text
    repositories: list[Id]


class PauseIn(In):
    until: Moment | None = Field(None, description="null: until somebody resumes it")


class ScheduleOut(Out):
    id: int
    name: str
    repositories: list[int]
    cron_expression: str
    timezone: str
    in_words: str
    maintenance_window_id: int | None
    enabled: bool
    paused_until: datetime | None
    jitter: int
    catch_up: int
    prune_after: bool
    compact_after: bool
    check_every_days: int | None
    pings: bool = Field(description="whether it has a ping_url")
    last_run: datetime | None
    next_run: datetime | None
    next_times: list[datetime]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, schedule: ScheduledJob, now: datetime) -> Self:
        """`members` should be there already in lists (prefetched with their repositories)."""
        members = sorted(schedule.members.all(), key=lambda member: member.position)
        return cls.of_row(
            schedule,
            repositories=[one.repository_id for one in members if one.repository.deleted_at is None],
            in_words=cron.in_words(schedule.cron_expression),
            pings=schedule.ping_url != "",
            next_times=next_times(schedule, now),
        )


def next_times(schedule: ScheduledJob, now: datetime) -> list[datetime]:
    """When it starts by itself next."""
    if not schedule.enabled or schedule.maintenance_window_id is not None:
        return []
    after = max(now, schedule.paused_until or now)
    return cron.next_times(schedule.cron_expression, schedule.timezone, after, NEXT)


class PausedOut(Out):
    """Whether everything is paused."""

    paused: bool
    since: datetime | None
    until: datetime | None
