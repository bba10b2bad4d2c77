"""Schedules of Borg Web UI. They arrive paused: two programs that back up the same repository wait for each other."""

from collections.abc import Mapping

from backups import cron
from backups.repository_rules import within_problem
from borgui.accounts import time_zone

from . import planned
from .known import Known, plain
from .planned import Plan
from .reading import Installation
from .rows import Row
from .scripts import LeaveOut, Scripts

LONGEST_NAME = 100
KEEPS = ("hourly", "daily", "weekly", "monthly", "yearly")
MOST_KEPT = 100_000
ONCE = "A schedule has no scripts of its own here. A maintenance window has: it runs them once around several backups."
OURS = "{name}-{now}"


def of(
    installation: Installation, plan: Plan, known: Known, there: Scripts, found: Mapping[int, planned.Repository]
) -> None:
    for row in installation.rows("scheduled_jobs"):
        links = [
            one for one in installation.rows("scheduled_job_repositories") if one.number("scheduled_job_id") == row.id
        ]
        links.sort(key=lambda one: (one.order("execution_order"), one.id))
        try:
            schedule = _known(row, known) or _new(row, links, installation, plan, known, found)
        except LeaveOut as reason:
            plan.books.leave_out(row, row.name, str(reason))
            for link in links:
                plan.books.leave_out(link, f"a repository of '{row.name}'", "Its schedule does not come along.")
            continue
        _book(row, links, schedule, plan, found)
        plan.schedules.append(schedule)
        if schedule.here is None:
            _parts(row, schedule, plan, there)
            _retention(row, schedule, plan)
    _lost_links(installation, plan)


def _book(
    row: Row, links: list[Row], schedule: planned.Schedule, plan: Plan, found: Mapping[int, planned.Repository]
) -> None:
    (plan.books.imported if schedule.here is None else plan.books.there)(row)
    for link in links:
        if found.get(link.number("repository_id", 0) or 0) is None:
            plan.books.leave_out(link, f"a repository of '{row.name}'", "This repository does not come along.")
        else:
            (plan.books.imported if schedule.here is None else plan.books.there)(link)


def _lost_links(installation: Installation, plan: Plan) -> None:
    ids = {row.id for row in installation.rows("scheduled_jobs")}
    for link in installation.rows("scheduled_job_repositories"):
        if link.number("scheduled_job_id") not in ids:
            plan.books.leave_out(link, "a repository of a schedule", "There is no such schedule.")


def _known(row: Row, known: Known) -> planned.Schedule | None:
    here = known.here.get(row.origin)
    return None if here is None else planned.Schedule(row.origin, known.schedules[here], here=here)


def _new(
    row: Row,
    links: list[Row],
    installation: Installation,
    plan: Plan,
    known: Known,
    found: Mapping[int, planned.Repository],
) -> planned.Schedule:
    """Raises LeaveOut."""
    if row.text("schedule_mode") not in ("", "cron"):
        raise LeaveOut(f"It has no times: it started when its machine was there ({row.text('schedule_mode')[:40]}).")
    if row.text("execution_mode") not in ("", "local") or row.has("source_ssh_connection_id"):
        raise LeaveOut("It ran borg on another machine over SSH: install borgui there.")
    expression = " ".join(row.text("cron_expression").split())
    if problem := cron.problem(expression):
        raise LeaveOut(f"Its times {expression[:100]!r} cannot be read: {problem}")
    members = _members(row, links, installation, found)
    name = known.free("schedule", plain(row.name), LONGEST_NAME)
    zone = row.text("timezone").strip() or "UTC"
    if not cron.is_zone(zone):
        plan.differ(name, f"Its time zone {zone[:60]!r} is not known here: it follows {time_zone.name()}.")
        zone = time_zone.name()
    fields = {"name": name, "cron_expression": expression, "timezone": zone, "enabled": False}
    schedule = planned.Schedule(row.origin, name, fields, members, cron.in_words(expression))
    schedule.was_enabled = row.flag("enabled", True)
    if name != row.name:
        plan.differ(name, f"It was called '{row.name}' there.")
    return schedule


def _members(
    row: Row, links: list[Row], installation: Installation, found: Mapping[int, planned.Repository]
) -> list[planned.Repository]:
    """In their order. Raises LeaveOut where none comes along."""
    numbers = [link.number("repository_id", 0) or 0 for link in links]
    if not numbers and row.has("repository_id"):
        numbers = [row.number("repository_id", 0) or 0]
    if not numbers:  # the oldest versions name the path
        said = row.text("repository")
        numbers = [one.id for one in installation.rows("repositories") if said in (one.text("path"), str(one.id))]
    members = list({number: found[number] for number in numbers if number in found}.values())
    if not members:
        raise LeaveOut("None of its repositories comes along." if numbers else "It has no repository.")
    return members


# --- what it did besides ----------------------------------------------------------------------------------------------
def _parts(row: Row, schedule: planned.Schedule, plan: Plan, there: Scripts) -> None:
    for column, when in (
        ("pre_backup_script_id", "before all of its backups"),
        ("post_backup_script_id", "after them"),
    ):
        if row.has(column):
            script = there.names.get(row.number(column, 0) or 0, "a script")
            plan.books.leave_part_out(row, schedule.name, f"'{script}', once {when}. {ONCE}")
    if description := row.text("description").strip():
        plan.books.leave_part_out(row, schedule.name, f"Its description: {description[:500]}")
    if row.flag("run_repository_scripts"):
        plan.differ(
            schedule.name,
            "There a failed script before a backup of this schedule did not stop that backup. Here the setting "
            "'If this script fails' of each script counts.",
        )
    template = row.text("archive_name_template").strip()
    if template and template != OURS:
        plan.differ(
            schedule.name,
            f"It named archives {template[:100]}. Here the name comes from each repository: {OURS}. Change it in the settings.",
        )
    if row.flag("run_compact_after"):
        schedule.fields["compact_after"] = True


def _retention(row: Row, schedule: planned.Schedule, plan: Plan) -> None:
    """There it belongs to the schedule, here to the repository. Nothing is deleted before a person has confirmed it."""
    if not row.flag("run_prune_after"):
        return
    keeps = {f"keep_{name}": _kept(row, name) for name in KEEPS}
    within = row.text("prune_keep_within").strip()
    rules = {**keeps, "keep_within": within if within and not within_problem(within) else ""}
    if within and within_problem(within):
        plan.books.leave_part_out(
            row, schedule.name, f"Keeping all archives within {within[:20]!r}: {within_problem(within)}"
        )
    if _kept(row, "quarterly"):
        plan.books.leave_part_out(
            row, schedule.name, "Keeping an archive of every quarter: there is no such rule here."
        )
    for repository in schedule.repositories:
        _keep(repository, rules, schedule, plan)


def _keep(repository: planned.Repository, rules: Mapping[str, object], schedule: planned.Schedule, plan: Plan) -> None:
    if repository.here is not None:
        return
    have = {name: repository.fields[name] for name in rules if name in repository.fields}
    if have and have != dict(rules):
        plan.differ(
            repository.name,
            f"The schedule '{schedule.name}' kept other archives of it. The rules of the first one count.",
        )
        return
    repository.fields.update(rules)
    plan.differ(
        repository.name,
        "Old archives were deleted after a backup. Here nothing is deleted until you have looked at what would go, on its "
        "page Schedule, and confirmed it. Its rules come along.",
    )


def _kept(row: Row, name: str) -> int:
    found = row.number(f"prune_keep_{name}", 0) or 0
    return min(max(found, 0), MOST_KEPT)
