"""The row of a script and its revisions, changed together. Who calls this decides what; here is how."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import CharField, Q, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from .errors import Conflict, NameTaken
from .models import Script, ScriptContent, ScriptRevision


@contextmanager
def locked(script: Script) -> Iterator[None]:
    """A transaction that alone changes this row: `script` is read again inside, and is as it was should it fail.

    Raises Conflict where the script was deleted meanwhile.
    """
    before = dict(script.__dict__)
    try:
        with transaction.atomic():
            script.refresh_from_db(from_queryset=Script.objects.kept().select_for_update())
            yield
    except Script.DoesNotExist as error:
        raise Conflict("This script has been deleted.") from error
    except BaseException:
        script.__dict__.update(before)
        raise


def change_row(script: Script, **fields: Any) -> None:
    """UPDATE of these columns alone, and of `script` with them. Inside `locked`."""
    fields = {"updated_at": timezone.now(), **fields}
    Script.objects.filter(pk=script.pk).update(**fields)
    for name, value in fields.items():
        setattr(script, name, value)


def add_revision(script: Script, content: str, *, source: str, user: Any = None, remark: str = "") -> ScriptRevision:
    """Keep `content`, whose hash the row of the script already has."""
    kept, _ = ScriptContent.objects.get_or_create(sha256=script.sha256, defaults={"content": content})
    return ScriptRevision.objects.create(
        script=script, content=kept, source=source, created_by_user=user, remark=remark[:200]
    )


def current_revision(script: Script) -> ScriptRevision | None:
    return script.revisions.filter(content_id=script.sha256).select_related("content").first()


def accepted_revision(script: Script) -> ScriptRevision | None:
    """The newest revision that a person made, kept or approved: what reverting goes back to. For a found file its first one."""
    revisions = script.revisions.select_related("content")
    by_people = ~Q(source=ScriptRevision.Source.DISK) | Q(decision=ScriptRevision.Decision.APPROVED)
    return revisions.filter(by_people).first() or revisions.last()


def is_name_taken(name: object, script: Script | None = None) -> bool:
    """Whether another script that is not deleted has this name."""
    others = Script.objects.kept().exclude(pk=script.pk) if script else Script.objects.kept()
    return name is not None and others.filter(name=name).exists()


@contextmanager
def named(name: object, script: Script | None = None) -> Iterator[None]:
    """Around the statement that stores a name. Raises NameTaken, also when another process is faster."""
    if is_name_taken(name, script):
        raise NameTaken(str(name))
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if is_name_taken(name, script):
            raise NameTaken(str(name)) from error
        raise


def free_paths(file_paths: Sequence[str]) -> None:
    """Files came back under names that deleted scripts' files had: the deleted ones give them up."""
    gone = Script.objects.exclude(deleted_at=None).filter(file_path__in=file_paths)
    gone.update(file_path=Concat(Value("deleted/"), Cast("pk", CharField())))
