"""Repositories of Borg Web UI, as they will be here."""

import os
from collections.abc import Mapping

from django.utils import timezone

from backups import cron
from backups.models import Encryption
from backups.places import Place
from backups.repository_rules import LONGEST_TEXT, passphrase_problem
from scripts_library.models import Hook
from scripts_library.store import digest

from . import contents, notices, planned, scripts
from .known import Known, plain
from .places import connection_of, encryption_of, path_of, refuse_other_borg
from .planned import Plan
from .reading import Installation
from .rows import Row
from .scripts import LeaveOut, seconds
from .unsealing import Sealed, opened

LONGEST_NAME = 100
STAYS = "'{}' is here already, and stays as it is."
PARAMETERS = {Hook.PRE: "pre_backup_script_parameters", Hook.POST: "post_backup_script_parameters"}
TEXTS = {Hook.PRE: "pre_backup_script", Hook.POST: "post_backup_script"}
TIMEOUTS = {Hook.PRE: "pre_hook_timeout", Hook.POST: "post_hook_timeout"}
NAMES = {Hook.PRE: "{}: before the backup", Hook.POST: "{}: after the backup"}
KEYFILES = (Encryption.KEYFILE, Encryption.KEYFILE_BLAKE2)


def of(
    installation: Installation, plan: Plan, known: Known, passphrases: Mapping[int, str]
) -> dict[int, planned.Repository]:
    """By their number there."""
    found: dict[int, planned.Repository] = {}
    known.places.update(_of_these(installation, known))
    for row in installation.rows("repositories"):
        try:
            repository = _known(row, known) or _new(row, installation, plan, known, passphrases)
        except LeaveOut as reason:
            plan.books.leave_out(row, row.name, str(reason))
            continue
        (plan.books.imported if repository.here is None else plan.books.there)(row)
        found[row.id] = repository
        plan.repositories.append(repository)
    return found


def _of_these(installation: Installation, known: Known) -> dict[str, int]:
    """The paths of those that came from this very database: another of its rows with such a path stays left out."""
    ours = {known.here.get(row.origin) for row in installation.rows("repositories")}
    return {path: 0 for path, pk in known.places.items() if pk in ours}


def _known(row: Row, known: Known) -> planned.Repository | None:
    here = known.here.get(row.origin)
    if here is None:
        return None
    name = known.repositories[here]
    return planned.Repository(row.origin, row.id, name, row.text("path"), here=here, warnings=[STAYS.format(name)])


def _new(
    row: Row, installation: Installation, plan: Plan, known: Known, passphrases: Mapping[int, str]
) -> planned.Repository:
    refuse_other_borg(row, installation)
    path = path_of(row, installation)
    if (here := known.places.get(path)) is not None:
        if here == 0:
            raise LeaveOut("Another repository of the same path comes along.")
        name = known.repositories[here]
        return planned.Repository(row.origin, row.id, name, path, here=here, warnings=[STAYS.format(name)])
    known.places[path] = 0
    name = known.free("repository", plain(row.name), LONGEST_NAME)
    repository = planned.Repository(row.origin, row.id, name, path, fields={"name": name, "path": path})
    if name != row.name:
        repository.warnings.append(f"It was called '{row.name}' there.")
    inside = contents.of(row, installation)
    repository.fields.update(inside.fields)
    repository.warnings += inside.warnings
    for sentence in inside.lost:
        plan.books.leave_part_out(row, name, sentence)
    _lock(row, repository, installation, passphrases)
    _reach(row, repository, plan, installation)
    _inline(row, repository, plan)
    _rest(row, repository, plan)
    return repository


# --- how it is locked and reached -------------------------------------------------------------------------------------
def _lock(row: Row, repository: planned.Repository, installation: Installation, given: Mapping[int, str]) -> None:
    encryption = encryption_of(row)
    if not encryption:
        repository.warnings.append(
            f"How it is encrypted, {row.text('encryption')[:40]!r}, is not known: the test finds out."
        )
        encryption = Encryption.REPOKEY.value
    repository.fields["encryption"] = encryption
    try:
        passphrase = opened(row.text("passphrase"), installation.secret)
    except Sealed:
        passphrase = ""
    if passphrase_problem(passphrase):
        repository.warnings.append(f"Its passphrase cannot be kept here: {passphrase_problem(passphrase)}")
        passphrase = ""
    repository.needs_passphrase = not passphrase and encryption != Encryption.NONE
    if repository.needs_passphrase and given.get(row.id):
        passphrase = given[row.id]
    elif repository.needs_passphrase:
        repository.warnings.append("Its passphrase could not be read: enter it here, or later in its settings.")
    repository.fields["passphrase"] = passphrase
    if encryption in KEYFILES:
        repository.warnings.append(
            "Its key is a file on the machine of Borg Web UI, below .config/borg/keys: copy it into the folder "
            "borg/.config/borg/keys of the data directory here."
        )


def _reach(row: Row, repository: planned.Repository, plan: Plan, installation: Installation) -> None:
    place = Place.of(repository.path)
    if not place.host:
        if not os.path.lexists(repository.path):
            repository.warnings.append(
                f"{repository.path} is not on this machine. Mount it, or correct it in the settings."
            )
        return
    repository.warnings.append(f"Test the connection to {place.host} in its settings: its key is to be trusted first.")
    connection = connection_of(row, installation)
    if connection and connection.flag("use_sudo"):
        plan.differ(
            repository.name,
            "Over there borg ran with sudo: write 'sudo borg' as borg on the other machine, if it needs that.",
        )


# --- inline texts -----------------------------------------------------------------------------------------------------
def _inline(row: Row, repository: planned.Repository, plan: Plan) -> None:
    for hook in Hook:
        text = row.text(TEXTS[hook]).replace("\0", "")
        if len(text) > LONGEST_TEXT:
            plan.books.leave_part_out(row, repository.name, f"Its inline text of {hook} is longer than 1 MiB.")
            text = ""
        repository.fields[TEXTS[hook]] = text
        said = row.number(TIMEOUTS[hook]) or row.number("hook_timeout")
        repository.fields[TIMEOUTS[hook]], sentences = seconds(said, 300)
        if text.strip():
            given = row.mapping(PARAMETERS[hook])
            for sentence in (*sentences, *notices.of(text, given)):
                plan.differ(repository.name, f"Inline text of {hook}: {sentence}")
    repository.fields["continue_on_hook_failure"] = row.flag("continue_on_hook_failure")
    repository.fields["skip_on_hook_failure"] = row.flag("skip_on_hook_failure")


def move_inline(row: Row, repository: planned.Repository, hook: Hook, plan: Plan, known: Known, runs: bool) -> None:
    """An inline text with parameters becomes a script, for only scripts have them. `runs`: no library script does."""
    text, given = repository.fields.get(TEXTS[hook], ""), row.mapping(PARAMETERS[hook])
    given = {key: value for key, value in given.items() if value is not None}
    if not text.strip() or not given:
        return
    origin = digest(f"{row.origin}\0{hook}")
    try:
        script = scripts.of_inline(text, given, NAMES[hook].format(repository.name), origin, known)
    except LeaveOut as reason:
        plan.books.leave_part_out(row, repository.name, f"The parameters of its inline text of {hook}. {reason}")
        return
    values, refused = scripts.values_of(scripts.declared_by(script), given, "")
    for name, why in refused.items():
        plan.books.leave_part_out(row, repository.name, f"The parameter {name} of its inline text of {hook}: {why}.")
    plan.scripts.append(script)
    plan.differ(
        repository.name,
        f"Its inline text of {hook} has parameters, so it becomes the script '{script.name}' and runs as one.",
    )
    first = planned.Assignment(script, hook.value, origin, runs, is_inline=True, parameters=values)
    first.custom_timeout = repository.fields[TIMEOUTS[hook]]
    first.on_failure = _on_failure(row) if hook == Hook.PRE else "abort"
    repository.assignments.insert(0, first)
    repository.fields[f"{hook.value.partition('-')[0]}_hook_migrated"] = True


def _on_failure(row: Row) -> str:
    if row.flag("continue_on_hook_failure"):
        return "continue"
    return "skip" if row.flag("skip_on_hook_failure") else "abort"


# --- the rest ---------------------------------------------------------------------------------------------------------
def _rest(row: Row, repository: planned.Repository, plan: Plan) -> None:
    if expression := row.text("check_cron_expression").strip():
        _check(row, expression, repository, plan)
    if row.text("restore_check_cron_expression").strip():
        plan.books.leave_part_out(
            row, repository.name, "Its restore check by schedule. Try a restore by hand now and then."
        )
    if row.text("check_extra_flags").strip():
        plan.books.leave_part_out(row, repository.name, "The extra options of its check.")
    if row.flag("bypass_lock"):
        plan.books.leave_part_out(row, repository.name, "borg was told to ignore locks. Here it never is.")
    if row.text("mode") == "observe":
        plan.differ(repository.name, "It was only watched there, and not backed up.")


def _check(row: Row, expression: str, repository: planned.Repository, plan: Plan) -> None:
    days = check_days(expression) if row.flag("check_schedule_enabled", True) else None
    if days is None:
        plan.books.leave_part_out(row, repository.name, f"Its check by schedule ({expression[:60]}).")
        return
    repository.fields["check_every_days"] = days
    plan.differ(
        repository.name,
        f"It was checked by a schedule ({expression[:60]}). Here it is checked after a backup, every {days} days.",
    )


def check_days(expression: str) -> int | None:
    if cron.problem(expression):
        return None
    found = round(cron.interval(expression, "UTC", timezone.now()).total_seconds() / 86400)
    return min(max(found, 1), 3650)
