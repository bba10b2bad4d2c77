"""What people do with repositories: make one or connect to one, change it, delete its row.

borg is called outside transactions, and a row is written only when borg has agreed. The borg repository belongs to
people: nothing here removes one, but for what this very call has made and could not finish.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Field
from django.utils import timezone

from backups import borg
from borgui.accounts import audit
from scripts_library.errors import Conflict, Invalid
from scripts_library.models import RepositoryScript

from . import emergency_kit, retention, schedules, target
from .models import Encryption, Repository
from .models.repository import DECIDES_WHAT_GOES
from .repository_rules import archive_name_problem, normal_path, problems

REACHES_BORG = {"path", "passphrase", "remote_path"}  # a change of one of these is tried out before it is kept
NEEDED = {"name", "path", "source_paths"}

# Somebody made a repository there while this call was beginning: it is theirs.
SOMEBODY_ELSES = {"Repository.AlreadyExists", "Repository.PathAlreadyExists"}

FIELD_OF_MESSAGE = {
    "PassphraseWrong": "passphrase",
    "NoPassphraseFailure": "passphrase",
    "PasscommandFailure": "passphrase",
    "PasswordRetriesExceeded": "passphrase",
    "KeyfileNotFoundError": "encryption",
    "KeyfileMismatchError": "encryption",
    "RepoKeyNotFoundError": "encryption",
    "UnknownKeyType": "encryption",
    "UnsupportedPayloadError": "encryption",
    "UnencryptedRepo": "encryption",
    "Cache.EncryptionMethodMismatch": "encryption",
    "Cache.CacheInitAbortedError": "encryption",
}


def create(fields: Mapping[str, Any]) -> Repository:
    """A new repository. `init` true (the default) lets borg make it, false connects to one that is there.

    Raises Invalid (nothing was made), Conflict (the name or the place is taken), BorgUnavailable.
    """
    given = dict(fields)
    init = given.pop("init", None) is not False
    repository = Repository(connected=not init)
    _apply(repository, given)
    if init:
        _follow_up(repository, given)
    _check(repository, set(given) | NEEDED, passphrase_needed=init or bool(given.get("encryption")))
    _check_pruning(repository)
    if init:
        _save_made(repository, _make(repository))
    else:
        _connect(repository)
        _save_new(repository, {"made here": False})
    return repository


def adopt(fields: Mapping[str, Any]) -> Repository:
    """A row for a repository that is somewhere already, without asking borg: whether it can be reached is tried later.

    Nothing in it is ever deleted before a person has confirmed it. Sources and a passphrase may be missing. Raises
    Invalid, Conflict.
    """
    repository = Repository(connected=True, untried=True)
    _apply(repository, fields)
    needed = {"name", "path"} | ({"source_paths"} if repository.source_paths else set())
    _check(repository, (set(fields) - {"source_paths"}) | needed, passphrase_needed=False)
    _save_new(repository, {"imported": True})
    return repository


def was_reached(repository: Repository) -> None:
    """Somebody has tried it, and the passphrase opened it."""
    Repository.objects.filter(pk=repository.pk, untried=True).update(untried=False)


def change(repository: Repository, fields: Mapping[str, Any]) -> Repository:
    """Change the given fields; None sets the default again, an empty passphrase keeps the stored one.

    What decides how borg reaches and opens the repository is tried out first. Raises Invalid, Conflict,
    BorgUnavailable, PassphraseSealed.
    """
    given = {name: value for name, value in fields.items() if not (name == "passphrase" and value == "")}
    before = audited(repository, given)
    _apply(repository, given)
    changed = {name for name in given if getattr(repository, name) != before[name]}
    if "encryption" in changed:
        raise Invalid({"encryption": f"It was made as '{before['encryption']}', and borg cannot change that."})
    _check(repository, changed, passphrase_needed="passphrase" in changed)
    changed |= repository.forget_confirmation(changed)
    if changed & DECIDES_WHAT_GOES or given.get("prune_after"):
        repository.prune_after = bool(given.get("prune_after", repository.prune_after))
        _check_pruning(repository)
    if changed & REACHES_BORG:
        _connect(repository)
        repository.untried = False
        changed |= {"encryption", "untried"}
    if changed & emergency_kit.HELD:
        repository.kit_saved_at = None  # what somebody has stored elsewhere is no longer true
        changed.add("kit_saved_at")
    if changed:
        repository.updated_at = timezone.now()
        with transaction.atomic():
            _save(repository, update_fields=[*changed, "updated_at"])
            audit.record_change("repository changed", repository, before, audited(repository, before))
    return repository


def audited(repository: Repository, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(repository, name) for name in names}


def delete(repository: Repository) -> None:
    """Hide the row and remove its assignments; jobs, executions and the borg repository stay. Raises Conflict."""
    with transaction.atomic():
        Repository.objects.select_for_update().get(pk=repository.pk)
        if repository.has_unfinished_job():
            raise Conflict(f"A backup of '{repository.name}' is waiting or running: cancel it or let it finish first.")
        RepositoryScript.objects.filter(repository=repository).delete()
        schedules.forget(repository)
        Repository.objects.filter(pk=repository.pk, deleted_at=None).update(deleted_at=timezone.now())
        audit.record("repository forgotten", repository, before={"path": repository.path})


# --- the fields -------------------------------------------------------------------------------------------------------
def _apply(repository: Repository, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        column = cast("Field[Any, Any]", Repository._meta.get_field(name))
        setattr(repository, name, column.get_default() if value is None and not column.null else value)
    repository.path = normal_path(repository.path)


def _follow_up(repository: Repository, given: Mapping[str, Any]) -> None:
    """What is made here is tidied from the first day on, where nobody has said otherwise."""
    if given.get("prune_after") is None:
        repository.prune_after = repository.keeps_something
    if given.get("compact_after") is None:
        repository.compact_after = True


def _check_pruning(repository: Repository) -> None:
    """Raises Invalid where old archives would be deleted without a rule, or without a confirmation."""
    if repository.prune_after and (sentence := retention.problem(repository)):
        raise Invalid({"prune_after": sentence})


def _check(repository: Repository, names: set[str], *, passphrase_needed: bool) -> None:
    """Raises Invalid with all that is wrong with the named fields, else Conflict where name or place is taken."""
    errors = problems({name: getattr(repository, name) for name in names})
    if not errors and (sentence := archive_name_problem(repository.name, repository.archive_name_template)):
        errors["archive_name_template"] = sentence
    if passphrase_needed and not repository.passphrase and repository.encryption != Encryption.NONE:
        errors.setdefault("passphrase", f"The encryption '{repository.encryption}' needs a passphrase.")
    if errors:
        raise Invalid(errors)
    _check_free(repository, names)


def _check_free(repository: Repository, names: set[str]) -> None:
    others = Repository.objects.kept().exclude(pk=repository.pk)
    if "name" in names and others.filter(name=repository.name).exists():
        raise _name_taken(repository)
    if "path" in names and (other := others.filter(path=repository.path).first()):
        raise Conflict(f"'{other.name}' is at this place already.", field="path")


def _name_taken(repository: Repository) -> Conflict:
    return Conflict(f"There is a repository named '{repository.name}' already.", field="name")


@transaction.atomic
def _save_new(repository: Repository, how: Mapping[str, Any]) -> None:
    _save(repository)
    names = ("path", "source_paths", "encryption", "prune_after")
    audit.record("repository added", repository, after={**audited(repository, names), **how})


def _save(repository: Repository, update_fields: list[str] | None = None) -> None:
    """Raises Conflict where somebody else was faster with the name."""
    try:
        with transaction.atomic():
            repository.save(update_fields=update_fields)
    except IntegrityError:
        raise _name_taken(repository) from None


# --- borg -------------------------------------------------------------------------------------------------------------
def _make(repository: Repository) -> Path | None:
    """Let borg make the repository. Returns the folder that this call has made, None where it was there before.

    Raises Invalid; what a failed attempt left in a folder of its own is removed.
    """
    program, place = borg.find(settings.BORG), target.of(repository)
    made = place.folder if place.folder and not os.path.lexists(place.folder) else None
    answer = borg.init(program, place, repository.encryption)
    if not answer.ok:
        if made and answer.msgid not in SOMEBODY_ELSES:
            shutil.rmtree(made, ignore_errors=True)
        raise _refusal(answer)
    return made


def _save_made(repository: Repository, made: Path | None) -> None:
    """Save the row of a fresh repository; if that fails nobody would know its passphrase, so it goes again."""
    try:
        _save_new(repository, {"made here": True})
    except BaseException:
        if made:
            shutil.rmtree(made, ignore_errors=True)
        raise


def _connect(repository: Repository) -> None:
    """Open the repository with borg and learn how it is encrypted. Raises Invalid.

    The list of archives is what borg tells without reading every archive into its cache first, which may take hours.
    """
    answer = borg.list_archives(borg.find(settings.BORG), target.of(repository))
    if not answer.ok:
        raise _refusal(answer)
    mode = str((answer.data or {}).get("encryption", {}).get("mode", ""))
    if mode not in Encryption.values:
        raise Invalid({"encryption": f"It is encrypted as '{mode}', which is not supported here."})
    if mode == Encryption.NONE != repository.encryption:
        raise Invalid({"encryption": "It is not encrypted: say 'none' if that is right, or look who has put it there."})
    repository.encryption = mode


def _refusal(answer: borg.Answer) -> Invalid:
    """borg's no, as a sentence at the field that it is about: the place, where nothing else is known."""
    field = FIELD_OF_MESSAGE.get(answer.msgid, "path")
    return Invalid({field: answer.sentence or answer.error or answer.reason or "borg refused, without saying why."})
