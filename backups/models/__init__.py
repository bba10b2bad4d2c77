"""Models of backups, one file per noun."""

from .channel import Channel, Delivery, Outgoing, Ping, PingKind, SendingStatus
from .job import UNFINISHED, BackupJob, Data, JobStatus, Phase, Services
from .notification import BrokenPromise, Event, Notification
from .repository import Encryption, Repository
from .schedule import RunStatus, ScheduledJob, ScheduledRepository, ScheduleRun
from .window import MaintenanceWindow
from .worker import Worker

__all__ = [
    "UNFINISHED",
    "BackupJob",
    "BrokenPromise",
    "Channel",
    "Data",
    "Delivery",
    "Encryption",
    "Event",
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
    "Worker",
]
