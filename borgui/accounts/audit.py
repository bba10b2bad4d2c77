"""The record of who did what: one call per deed, where the deed is done.

`record` finds out by itself who acts: the person or token of the request that is being answered, else whoever typed the
command. What happens by itself is told by the jobs; here are of it the secrets they were given, and what was found to be
another script than a person had left.
"""

import getpass
import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .models import AuditEntry, User, Via
from .origin import address_of

log = logging.getLogger(__name__)
LONGEST = 2000  # characters of one value
HIDDEN = "(secret)"
_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


@dataclass(frozen=True)
class Who:
    """Somebody who acts; `user` is None for a stranger and for a command."""

    user: User | None
    username: str
    via: str
    address: str | None


ITSELF = Who(None, "", Via.ITSELF, None)


def of_requests(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: while a request is answered, its person is who acts."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        with answering(request):
            return get_response(request)

    return respond


@contextmanager
def answering(request: HttpRequest) -> Iterator[None]:
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def who() -> Who:
    """Who acts now."""
    request = _request.get()
    if request is None:
        return Who(None, command_user(), Via.COMMAND, None)
    user = getattr(request, "user", None)
    known = user if isinstance(user, User) else None
    return Who(known, known.get_username() if known else "", via(request), address_of(request))


def via(request: HttpRequest) -> str:
    for prefix, door in (("/api/", Via.API), ("/admin/", Via.ADMIN)):
        if request.path.startswith(prefix):
            return door
    return Via.PAGE


def command_user() -> str:
    """The account on this machine that runs the command."""
    try:
        return getpass.getuser()[:150]
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def record(
    action: str,
    about: Any = None,
    *,
    kind: str = "",
    name: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    username: str = "",
    user: User | None = None,
    acting: Who | None = None,
) -> AuditEntry:
    """One deed. `about`: the row it was done to; `before` and `after`: the fields that changed, without secrets.

    Call it inside the transaction of the deed: both are there or neither is. `username`, `user`, `acting`: another than
    who acts now.
    """
    acting = acting or who()
    return AuditEntry.objects.create(
        user=user or acting.user,
        username=(username or (user.get_username() if user else acting.username))[:150],
        via=acting.via,
        address=acting.address,
        action=action,
        kind=kind or (about._meta.verbose_name.replace(" ", "_") if about is not None else ""),
        object_id=about.pk if about is not None else None,
        name=(name or (str(about) if about is not None else ""))[:250],
        before=plain(before or {}),
        after=plain(after or {}),
    )


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of two states of a row, the fields that differ."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


SECRET = frozenset({"passphrase", "url", "ping_url", "password"})
TEXTS = frozenset({"pre_backup_script", "post_backup_script"})  # of a script the log has the hash


def record_change(action: str, about: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """The fields of a row that differ; nothing where none does. Of secret ones only that they changed."""
    was, now = changed(before, after)
    if was or now:
        hide = dict.fromkeys(SECRET, secret_state) | dict.fromkeys(TEXTS, text_state)
        was, now = ({name: hide.get(name, same)(value) for name, value in side.items()} for side in (was, now))
        record(action, about, before=was, after=now)


def same(value: Any) -> Any:
    return value


def secret_state(value: Any) -> str:
    """What may be said of a secret."""
    return HIDDEN if value else ""


def text_state(value: Any) -> str:
    """Of a script's text: which it is."""
    return f"sha256 {hashlib.sha256(str(value).encode()).hexdigest()}" if value else ""


def plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON can hold, and no longer than anybody reads."""
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in list(value)[:100]]
    text = str(value).replace("\0", "")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"
