"""Which scripts run around which repository: the rows of `repository_scripts`, and inline texts that take parameters."""

from collections import defaultdict
from collections.abc import Mapping

from scripts_library import manifest
from scripts_library.models import Hook

from . import planned, repositories, scripts
from .known import Known
from .planned import Plan
from .reading import Installation
from .rows import Row
from .scripts import LeaveOut, Scripts, run_on, seconds

DAY = 24 * 3600
GOES_ON = "There the scripts behind a failed one still ran before the backup was given up. Here none of them does."


def of(
    installation: Installation, plan: Plan, known: Known, there: Scripts, found: Mapping[int, planned.Repository]
) -> None:
    """Fills the assignments of the repositories that come along."""
    by_id = {row.id: row for row in installation.rows("repositories")}
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in installation.rows("repository_scripts"):
        groups[row.number("repository_id", 0) or 0].append(row)
    for number, rows in groups.items():
        for row in sorted(rows, key=lambda row: (row.order("execution_order"), row.id)):
            _row(row, plan, known, there, found.get(number), by_id.get(number), installation.secret)
    for number, repository in found.items():
        if repository.here is None:
            _inline(by_id[number], repository, plan, known)
            _tell_of_the_order(repository, plan)


def _row(
    row: Row,
    plan: Plan,
    known: Known,
    there: Scripts,
    repository: planned.Repository | None,
    over_there: Row | None,
    secret: str,
) -> None:
    script_id = row.number("script_id", 0) or 0
    called = f"{there.names.get(script_id, f'script {script_id}')} at {row.text('hook_type')[:40]}"
    name = f"{called} of {repository.name if repository else over_there.name if over_there else 'no repository'}"
    try:
        if row.origin in known.here:
            plan.books.there(row)
        else:
            assignment = _new(row, repository, there, script_id)
            _parameters(row, assignment, name, plan, secret)
            _failure(row, assignment, over_there)
            assert repository is not None
            repository.assignments.append(assignment)
            plan.books.imported(row)
    except LeaveOut as reason:
        plan.books.leave_out(row, name, str(reason))


def _new(row: Row, repository: planned.Repository | None, there: Scripts, script_id: int) -> planned.Assignment:
    """Raises LeaveOut."""
    if repository is None:
        raise LeaveOut("Its repository does not come along.")
    script = there.found.get(script_id)
    if script is None:
        raise LeaveOut(f"Its script does not come along. {there.reasons.get(script_id, '')}".strip())
    if repository.here is not None:
        raise LeaveOut(repositories.STAYS.format(repository.name))
    hook = row.text("hook_type")
    if hook not in Hook.values:
        raise LeaveOut(f"There is no hook {hook[:40]!r}.")
    if any(one.script is script and one.hook == hook for one in repository.assignments):
        raise LeaveOut("The same script stands at the same hook twice.")
    hooks = manifest.parse(script.content).hooks if script.here is None else ()
    if hooks and hook not in hooks:
        raise LeaveOut(f"Its block says that it is made for {' and '.join(hooks)}.")
    assignment = planned.Assignment(script, hook, row.origin, enabled=row.flag("enabled", True))
    assignment.custom_run_on = run_on(row.text("custom_run_on")) or None
    if row.has("custom_timeout"):
        assignment.custom_timeout = seconds(row.number("custom_timeout"), 300)[0]
    return assignment


def _failure(row: Row, assignment: planned.Assignment, over_there: Row | None) -> None:
    """Nothing said meant: go on. A repository could say so too, for scripts before the backup."""
    if row.flag("continue_on_error", True):
        assignment.on_failure = "continue"
    elif row.flag("skip_on_failure"):
        assignment.on_failure = "skip"
    elif assignment.hook == Hook.PRE and over_there and over_there.flag("continue_on_hook_failure"):
        assignment.on_failure = "continue"


def _parameters(row: Row, assignment: planned.Assignment, name: str, plan: Plan, secret: str) -> None:
    declared = scripts.declared_by(assignment.script)
    assignment.parameters, refused = scripts.values_of(declared, row.mapping("parameter_values"), secret)
    for parameter, why in refused.items():
        plan.books.leave_part_out(row, name, f"The value of {parameter}: {why}.")
    has = {**assignment.script.defaults, **assignment.parameters}
    missing = [one.name for one in declared if one.required and not has.get(one.name) and one.default in (None, "")]
    if missing and assignment.enabled:
        plan.differ(
            name, f"It needs a value of {', '.join(missing)} before the next backup, which is not made without."
        )
    if row.has("custom_run_on") and not run_on(row.text("custom_run_on")):
        plan.differ(
            name, f"Its own condition {row.text('custom_run_on')[:40]!r} is not known: the one of the script counts."
        )


def _inline(row: Row, repository: planned.Repository, plan: Plan, known: Known) -> None:
    """They count only while no script of the library is enabled for their hook, there as here."""
    for hook in Hook:
        runs = not any(one.enabled for one in repository.assignments if one.hook == hook)
        repositories.move_inline(row, repository, hook, plan, known, runs)


def _tell_of_the_order(repository: planned.Repository, plan: Plan) -> None:
    before = [one for one in repository.assignments if one.hook == Hook.PRE and one.enabled]
    if any(one.on_failure != "continue" for one in before[:-1]):
        plan.differ(repository.name, GOES_ON)
