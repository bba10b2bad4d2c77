"""What becomes of every row of the other database."""

from collections.abc import Mapping

from backups import ssh
from backups.places import Place

from . import assignments, planned, repositories, schedules, scripts, stopping
from .books import Books
from .known import Known
from .places import connection_of, key_of
from .planned import Plan
from .reading import Installation
from .rows import Row
from .unsealing import Sealed, opened, private_key_problem

AFTER_FAILURE = (
    "When a script before the backup failed, nothing ran afterwards there. Here the scripts after the backup have their "
    "turn all the same: those with 'failure' or 'always' start again what was stopped."
)
FAILURE = "A script with 'failure' also runs here when somebody has cancelled the backup."
PAUSED = (
    "Every schedule arrives paused. Resume it when Borg Web UI does not run it any more: two programs that back up the "
    "same repository wait for each other."
)
BLOCK = "a block of comments was added that declares their parameters. All else in these scripts is as it was."
NO_KEY = (
    "No key for it came along: put the key of this installation, which its settings show, into authorized_keys there."
)


def of(installation: Installation, passphrases: Mapping[int, str] | None = None) -> Plan:
    """The plan for here and now; nothing is written. `passphrases` by the number of the repository there."""
    known = Known.now()
    plan = Plan(str(installation.database), installation.sha256, Books(installation.counts))
    there = scripts.of(installation, plan, known)
    found = repositories.of(installation, plan, known, passphrases or {})
    assignments.of(installation, plan, known, there, found)
    schedules.of(installation, plan, known, there, found)
    _connections(installation, plan, found)
    _plans(installation, plan)
    _of_all(plan)
    plan.together = stopping.together(plan)
    plan.books.close()
    return plan


def _of_all(plan: Plan) -> None:
    """What is true of everything that comes along, said once."""
    if any(one.scripts_after for one in plan.new_repositories):
        plan.differ("", AFTER_FAILURE)
        plan.differ("", FAILURE)
    if blocks := [repr(one.name) for one in plan.new_scripts if one.has_new_block]:
        plan.differ("", f"{', '.join(blocks)}: {BLOCK}")
    if plan.new_schedules:
        plan.differ("", PAUSED)


# --- connections and keys ---------------------------------------------------------------------------------------------
def _connections(installation: Installation, plan: Plan, found: Mapping[int, planned.Repository]) -> None:
    """A connection is part of the path of a repository here; a key is a file that ssh is given."""
    remote = [row for row in installation.rows("repositories") if row.id in found and Place.of(found[row.id].path).host]
    used = {one.id: row for row in remote if (one := connection_of(row, installation))}
    for row in installation.rows("ssh_connections"):
        name = f"{row.text('username')}@{row.text('host')}"
        if row.id not in used:
            plan.books.leave_out(row, name, "No repository that comes along is reached through it.")
        elif found[used[row.id].id].here is None:
            plan.books.imported(row)
        else:
            plan.books.there(row)
    with_key = _keys(installation, plan, remote)
    for row in remote:
        if found[row.id].here is None and not with_key.get(row.id):
            found[row.id].warnings.append(NO_KEY)


def _keys(installation: Installation, plan: Plan, remote: list[Row]) -> dict[int, bool]:
    """Which repositories have a key that comes along."""
    wanted = {row.id: key.id for row in remote if (key := key_of(row, installation))}
    usable = set()
    for row in installation.rows("ssh_keys"):
        if row.id not in wanted.values():
            plan.books.leave_out(row, row.name, "No repository that comes along uses it.")
        elif _key(row, installation.secret, plan):
            usable.add(row.id)
    return {number: key in usable for number, key in wanted.items()}


def _key(row: Row, secret: str, plan: Plan) -> bool:
    try:
        text = opened(row.text("private_key"), secret).replace("\r\n", "\n").strip() + "\n"
    except Sealed:
        plan.books.leave_out(
            row, row.name, "It could not be decrypted: the file .secret_key is missing, or another one."
        )
        return False
    if problem := private_key_problem(text):
        plan.books.leave_out(row, row.name, problem)
        return False
    is_here = ssh.imported_key_file(text).exists()
    (plan.books.there if is_here else plan.books.imported)(row)
    plan.keys.append(planned.Key(row.origin, row.name, text, is_here))
    return True


# --- backup plans -----------------------------------------------------------------------------------------------------
def _plans(installation: Installation, plan: Plan) -> None:
    for row in installation.rows("backup_plans"):
        times = row.text("cron_expression")[:100] if row.flag("schedule_enabled") else ""
        when = f" It ran at {times} ({row.text('timezone') or 'UTC'})." if times else ""
        what = ", ".join([*row.texts("source_directories")][:6])
        plan.books.leave_out(
            row,
            row.name,
            f"There are no backup plans here: sources belong to a repository, times to a schedule.{when} "
            f"It backed up {what or 'nothing'}.",
        )
