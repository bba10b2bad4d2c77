"""Am I safe? What the overview shows, worst first, in a number of queries that does not grow (pages.md, "/")."""

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from scripts_library.models import Script

from . import days, four_eyes, scheduling, sharing, status, strips
from .models import UNFINISHED, BackupJob, Channel, Data, Encryption, JobStatus, Phase, Repository, Services
from .strips import Strip

LISTED = 80  # repositories: the others are at least as well off as those, and on a page of their own
UPCOMING = 5  # due times
LINES = 6  # of one kind among what needs somebody
SHOWN_JOBS = 20
FRESH = timedelta(hours=24)
LARGE = ("phases", "borg_messages", "unread", "stats", "command")

BADNESS = [
    lambda row: row.services == Services.BROKEN_PROMISE,
    lambda row: row.services == Services.INTERRUPTED,
    lambda row: row.data == Data.NONE,
    lambda row: row.data is None,
    lambda row: row.is_overdue,
    lambda row: row.data == Data.GOOD_WITH_WARNINGS,
]


@dataclass(frozen=True)
class Row:
    """One repository. `job`: the last finished one, where something is wrong with it."""

    id: int
    name: str
    data: str | None
    services: str
    last_good_at: datetime | None
    needs_you: bool
    is_first: bool  # its first backup is on the way
    job: BackupJob | None = None
    strip: Strip | None = None
    is_overdue: bool = False

    @property
    def badness(self) -> tuple[int, bool, float, str]:
        """Sorts the worst to the front; of equals the one with the oldest good backup."""
        rank = next((number for number, is_so in enumerate(BADNESS) if is_so(self)), len(BADNESS))
        age = self.last_good_at.timestamp() if self.last_good_at else 0.0
        return rank, not self.needs_you, age, self.name


@dataclass(frozen=True)
class Verdict:
    """One sentence for everything, and the same in a few words for the browser's title."""

    tone: str
    icon: str
    sentence: str
    title: str


# --- everything the page needs -----------------------------------------------------------------------------------------
def gather(now: datetime) -> dict[str, Any]:
    found = status.overview(now)
    now_running = running()
    active = {entry.job.repository_id for entry in now_running.entries}
    rows = sorted(rows_of(found["repositories"], active), key=lambda row: row.badness)
    listed = with_strips(rows[:LISTED], now)
    return {
        "verdict": verdict(rows, found["worker"], now),
        "worker": found["worker"],
        "oldest": min((row for row in rows if row.last_good_at), key=lambda row: row.last_good_at or now, default=None),
        "rows": listed,
        "total": len(rows),
        "names": sorted(((row.id, row.name) for row in rows), key=lambda pair: pair[1].casefold()),
        "needs": needs(rows),
        "running": now_running,
        "upcoming": scheduling.upcoming(now, UPCOMING),
        "suggestions": sharing.suggestions(),
        "inline_texts": Repository.objects.kept().with_texts_to_move().count(),
        "calendar": days.of_everything(now) if rows else None,
    }


def rows_of(entries: Sequence[dict[str, Any]], active: Collection[int]) -> list[Row]:
    """`active`: ids of the repositories whose backup waits or runs."""
    jobs = last_jobs([entry["id"] for entry in entries if not status.is_fine(entry)])
    return [row_of(entry, entry["id"] in active, jobs.get(entry["id"])) for entry in entries]


def row_of(entry: dict[str, Any], is_active: bool, job: BackupJob | None) -> Row:
    is_first = is_active and entry["data"] is None
    return Row(
        id=entry["id"],
        name=entry["name"],
        data=entry["data"],
        services=entry["services"],
        last_good_at=entry["last_good_at"],
        needs_you=not status.is_fine(entry) and not is_first,
        is_first=is_first,
        job=job,
        is_overdue=entry["overdue"],
    )


def last_jobs(repository_ids: list[int]) -> dict[int, BackupJob]:
    """Of each repository the job that gave it its verdicts."""
    over = BackupJob.objects.filter(repository=OuterRef("pk"), completed_at__isnull=False).order_by("-id")
    made = over.exclude(status__in=(JobStatus.SKIPPED, JobStatus.CANCELLED))
    newest = Repository.objects.filter(pk__in=repository_ids).annotate(newest=Subquery(made.values("pk")[:1]))
    jobs = BackupJob.objects.filter(pk__in=newest.values("newest")).defer(*LARGE)
    return {job.repository_id: job for job in jobs}


def with_strips(rows: Sequence[Row], now: datetime) -> list[Row]:
    found = strips.of_repositories([row.id for row in rows], now)
    return [Row(**{**row.__dict__, "strip": found[row.id]}) for row in rows]


# --- the one sentence (pages.md, string 20) ----------------------------------------------------------------------------
def verdict(rows: Sequence[Row], worker: dict[str, Any], now: datetime) -> Verdict:
    if not rows:
        return Verdict("idle", "archive", "Nothing is protected yet.", "Nothing protected yet")
    if not worker["alive"]:
        seen = worker["last_seen"]
        since = f"has not reported since {clock(seen, now)}" if seen else "has never reported"
        return Verdict("failed", "octagon-alert", f"Backups have stopped: the worker {since}.", "Backups have stopped")
    needing = [row for row in rows if row.needs_you]
    return needs_you(needing, rows) if needing else nothing_wrong(rows, now)


def clock(moment: datetime, now: datetime) -> str:
    local = timezone.localtime(moment)
    return f"{local:%H:%M}" if local.date() == timezone.localdate(now) else f"{local:%d %b %Y, %H:%M}"


def needs_you(needing: Sequence[Row], rows: Sequence[Row]) -> Verdict:
    is_bad = any(row.services == Services.BROKEN_PROMISE or row.data == Data.NONE for row in needing)
    verb = "needs" if len(needing) == 1 else "need"
    who = f"'{rows[0].name}'" if len(rows) == 1 else f"{len(needing)} of {len(rows)}"
    tone, icon = ("failed", "circle-x") if is_bad else ("attention", "triangle-alert")
    return Verdict(tone, icon, f"{who} {verb} you.", f"{len(needing)} {verb} you")


def nothing_wrong(rows: Sequence[Row], now: datetime) -> Verdict:
    first = [row for row in rows if row.is_first]
    if first:
        who = f"'{first[0].name}'" if len(first) == 1 else f"{len(first)} repositories"
        return Verdict("running", "loader", f"The first backup of {who} is on its way.", "First backup")
    all_of_them = f"'{rows[0].name}' has" if len(rows) == 1 else f"All {len(rows)} repositories have"
    is_fresh = all(row.last_good_at and now - row.last_good_at <= FRESH for row in rows)
    when = " from the last 24 hours" if is_fresh else ""
    return Verdict("ok", "circle-check", f"{all_of_them} a good backup{when}.", "All is well")


# --- what needs somebody -----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Needs:
    """What a person has to look at, besides broken promises (those stand above every page)."""

    repositories: list[Row]
    recovered: list[BackupJob]
    scripts: list[Script]
    waiting: list[Script]  # for the approval of another author
    is_alone: bool  # nobody else could approve anything
    kits: list[Repository]
    unscheduled: list[Repository]
    channels: list[Channel]  # that do not get their messages
    nobody_is_told: bool
    more: int  # that are not listed

    def __bool__(self) -> bool:
        of_repositories = self.repositories or self.recovered or self.kits or self.unscheduled
        of_scripts = self.scripts or self.waiting or self.is_alone
        return bool(of_repositories or of_scripts or self.channels or self.nobody_is_told)

    @property
    def is_for_administrators(self) -> bool:
        """Some of it only they can do."""
        return bool(self.kits or self.unscheduled or self.channels or self.nobody_is_told)


def needs(rows: Sequence[Row]) -> Needs:
    recovered = recovered_unseen()
    told = {job.pk for job in recovered}
    needing = [row for row in rows if row.needs_you and row.services != Services.BROKEN_PROMISE]
    needing = [row for row in needing if row.job is None or row.job.pk not in told]
    waiting, is_alone = four_eyes.attention()
    edited = Script.objects.kept().filter(unseen_edit=True).only("name").order_by("name")
    edited = edited.exclude(pk__in=[one.pk for one in waiting])
    unsaved, unscheduled = without_kit(), by_hand_only()
    more = sum(max(count - LINES, 0) for count in (len(needing), len(recovered)))
    more += sum(max(found.count() - LINES, 0) for found in (edited, unsaved, unscheduled))
    more += max(len(waiting) - LINES, 0)
    channels, nobody_is_told = unheard(rows)
    return Needs(
        repositories=needing[:LINES],
        recovered=recovered[:LINES],
        scripts=list(edited[:LINES]),
        waiting=waiting[:LINES],
        is_alone=is_alone,
        kits=list(unsaved[:LINES]),
        unscheduled=list(unscheduled[:LINES]),
        channels=channels,
        nobody_is_told=nobody_is_told,
        more=more,
    )


def recovered_unseen() -> list[BackupJob]:
    """Backups that were cut off and brought to their end all the same, until somebody has said to have seen it."""
    jobs = BackupJob.objects.recovered_unseen().exclude(services=Services.BROKEN_PROMISE)
    return list(jobs.select_related("repository").defer(*LARGE).order_by("-id")[:SHOWN_JOBS])


def unheard(rows: Sequence[Row]) -> tuple[list[Channel], bool]:
    """The channels that do not get their messages, and whether nobody is told of anything that fails."""
    channels = list(Channel.objects.filter(enabled=True).only("name", "last_error").order_by("name"))
    return [one for one in channels if one.last_error], bool(rows) and not channels


def by_hand_only() -> QuerySet[Repository]:
    """They have a good backup, and will have another one only if somebody presses the button."""
    return Repository.objects.kept().unscheduled().exclude(last_good_at=None).only("name").order_by("name")


def without_kit() -> QuerySet[Repository]:
    """Encrypted repositories whose passphrase and key nobody has stored elsewhere yet."""
    unsaved = Repository.objects.kept().filter(kit_saved_at=None).exclude(encryption=Encryption.NONE)
    return unsaved.only("name").order_by("name")


# --- what runs now -----------------------------------------------------------------------------------------------------
PHASES = {
    Phase.PRE: "scripts before the backup",
    Phase.BACKUP: "borg is backing up",
    Phase.POST: "scripts after the backup",
    Phase.MAINTENANCE: "pruning and checking",
}


@dataclass(frozen=True)
class Active:
    """A job that waits or runs, or did when the page was opened."""

    job: BackupJob

    @property
    def doing(self) -> str:
        """In words: the phase, what it waits for, or what became of it."""
        return PHASES[Phase(self.job.phase)] if self.job.phase else self.job.message


@dataclass(frozen=True)
class Running:
    entries: tuple[Active, ...]

    @property
    def is_live(self) -> bool:
        return any(not entry.job.is_over for entry in self.entries)

    @property
    def query(self) -> str:
        """The cursor: which jobs the page shows, and a sum that changes when there is something new to show."""
        jobs = [entry.job for entry in self.entries]
        seen = [(job.pk, job.status, job.phase, job.message, job.progress) for job in jobs]
        return f"jobs={','.join(str(job.pk) for job in jobs)}&state={zlib.crc32(repr(seen).encode()):x}"


def running(shown: Collection[int] = ()) -> Running:
    """The jobs that wait or run, and those that the page shows already, in the order in which they came."""
    wanted = Q(status__in=UNFINISHED) | Q(pk__in=shown)
    jobs = BackupJob.objects.filter(wanted).select_related("repository").defer(*LARGE).order_by("id")[:SHOWN_JOBS]
    return Running(tuple(map(Active, jobs)))
