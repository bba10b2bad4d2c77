"""Models of backups, one file per noun."""

from .channel import Channel, Delivery, Outgoing, Ping, PingKind, SendingStatus
from .hint import DismissedHint
from .imported import ImportedRow
from .job import BackupJob, Data
from .notification import BrokenPromise, Event, Notification
from .repository import Encryption, Repository
from .schedule import RunStatus, ScheduledJob, ScheduledRepository, ScheduleRun
from .window import MaintenanceWindow, WindowRun, WindowStatus
from .work import UNFINISHED, JobStatus, Phase, Services, Work, WorkQuerySet
from .worker import Worker

__all__ = [
    "UNFINISHED",
    "BackupJob",
    "BrokenPromise",
    "Channel",
    "Data",
    "Delivery",
    "DismissedHint",
    "Encryption",
    "Event",
    "ImportedRow",
    "JobStatus",
    "MaintenanceWindow",
    "Notification",
    "Outgoing",
    "Phase",
    "Ping",
    "PingKind",
    "Repository",
    "RunStatus",
    "ScheduleRun",
    "ScheduledJob",
    "ScheduledRepository",
    "SendingStatus",
    "Services",
    "WindowRun",
    "WindowStatus",
    "Work",
    "WorkQuerySet",
    "Worker",
]
