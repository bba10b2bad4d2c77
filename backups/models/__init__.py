"""Models of backups, one file per noun."""

from .job import UNFINISHED, BackupJob, Data, JobStatus, Phase, Services
from .notification import BrokenPromise, Event, Notification
from .repository import Encryption, Repository
from .worker import Worker

__all__ = [
    "UNFINISHED",
    "BackupJob",
    "BrokenPromise",
    "Data",
    "Encryption",
    "Event",
    "JobStatus",
    "Notification",
    "Phase",
    "Repository",
    "Services",
    "Worker",
]
