"""A job's calls of borg: `create`, recorded on the job's row, and looking afterwards what is really there."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import Error

from borgui.rundir import RunDirectory
from borgui.transcript import Transcript
from scripts_library.models import Outcome

from . import borg, quick, target
from .ledger import Ledger
from .models import BackupJob, Repository
from .verdicts import data_of
from .watch import Watch

log = logging.getLogger(__name__)
KEPT = 100  # messages and names that a row keeps
TIME_LIMIT = "Stopped: borg took longer than the time limit of this repository ({seconds} s)."


@dataclass(frozen=True)
class Made:
    """What `borg create` came to. `stopped`: the `Stop` that ended it, else ''."""

    outcome: str
    sentence: str
    stopped: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


def problems(repository: Repository) -> str:
    """What speaks against starting, found before anything is stopped for it: no borg, a sealed passphrase."""
    found = []
    for look in (lambda: borg.find(settings.BORG), lambda: target.of(repository)):
        try:
            look()
        except (borg.BorgUnavailable, target.PassphraseSealed) as problem:
            found.append(str(problem))
    return "\n".join(found)


def create(job: BackupJob, ledger: Ledger, directory: RunDirectory, watch: Watch) -> Made:
    """Make the archive. What borg cannot do is a value; only faults of our own raise."""
    repository = job.repository
    try:
        program = borg.find(settings.BORG)
        where = target.of(repository)
    except (borg.BorgUnavailable, target.PassphraseSealed) as problem:
        return Made(Outcome.FAILURE, f"Not backed up: {problem}", fields={"data": "none"})
    transcript = Transcript(log_path(job), secrets_of(where))
    directory.name_child(job.token)
    backup = borg.create(
        program,
        where,
        source_of(repository),
        job.archive_name,
        cwd=directory.path,
        token=job.token,
        timeout=repository.backup_timeout,
        should_stop=watch.borg,
        on_start=lambda child: directory.name_child(job.token, child),
        on_output=transcript.feed,
        on_progress=lambda progress: tell_progress(ledger, progress),
    )
    transcript.close()
    directory.clear_child()
    return made(repository, backup)


def made(repository: Repository, backup: borg.Backup) -> Made:
    fields = {
        "borg_exit_code": backup.exit_code,
        "archive_files": backup.files,
        "borg_messages": [vars_of(message) for message in backup.messages[:KEPT]],
        "unread": list(backup.unread[:KEPT]),
        "stats": backup.stats,
        "command": list(backup.command),
        "data": data_of(backup.outcome, backup.outcome, backup.files, backup.archive is not None),
    }
    if backup.reason == "timed_out":
        sentence = TIME_LIMIT.format(seconds=repository.backup_timeout)
        return Made(Outcome.FAILURE, sentence, fields=fields)
    return Made(backup.outcome, backup.sentence, backup.reason, fields)


def secrets_of(where: borg.Target) -> list[str]:
    """What must not appear in a log; a passphrase shorter than four characters cannot be told from ordinary text."""
    return [where.passphrase] if len(where.passphrase) >= 4 else []


def vars_of(message: borg.Message) -> dict[str, str]:
    return {"level": message.level, "msgid": message.msgid, "text": message.text[:2000], "path": message.path}


def source_of(repository: Repository) -> borg.Source:
    return borg.Source(
        paths=tuple(repository.source_paths),
        exclude_patterns=tuple(repository.exclude_patterns),
        exclude_if_present=tuple(repository.exclude_if_present),
        one_file_system=repository.one_file_system,
        exclude_caches=repository.exclude_caches,
        compression=repository.compression,
    )


def tell_progress(ledger: Ledger, progress: dict[str, Any]) -> None:
    """At most once a second, and never worth waiting for."""
    try:
        with quick.database():
            ledger.own_row.update(progress=progress)
    except Error as error:
        log.debug("progress not written: %s", error)


def log_path(job: BackupJob) -> Path:
    return settings.LOGS_DIR / "jobs" / f"{job.pk}.log"


def archive_is_there(job: BackupJob) -> bool | None:
    """Whether the archive of a job that was cut off exists, whole. None: borg could not say."""
    try:
        answer = borg.list_archives(borg.find(settings.BORG), target.of(job.repository))
    except (borg.BorgUnavailable, target.PassphraseSealed, OSError) as problem:
        log.warning("archives of job %s could not be listed: %s", job.pk, problem)
        return None
    if answer.outcome == Outcome.FAILURE or answer.data is None:
        return None
    return any(entry.get("name") == job.archive_name for entry in answer.data.get("archives", []))
