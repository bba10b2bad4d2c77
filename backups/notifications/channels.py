"""What people do with channels: make one, change it, delete it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import transaction

from backups.models import Channel, Delivery, Repository, SendingStatus
from borgui.accounts import audit
from borgui.ansi import HIDDEN
from borgui.encryption import is_sealed
from scripts_library.errors import Conflict, Invalid

from . import addresses
from .events import BY_NAME, USUAL

MOST_NAME = 100  # characters
SWITCHED_OFF = "The channel was switched off."


def create(fields: Mapping[str, Any]) -> Channel:
    """A new channel, told of the usual events of all repositories unless the fields say otherwise.

    `repositories`: ids, which count while `all_repositories` is false. Raises Invalid, Conflict.
    """
    return _save(Channel(events=list(USUAL)), {"name": "", "url": "", **fields}, "channel added")


def change(channel: Channel, fields: Mapping[str, Any]) -> Channel:
    """Change the given fields; None sets the default again, an empty `url` keeps the stored one.

    Raises Invalid, Conflict.
    """
    given = {name: value for name, value in fields.items() if not (name == "url" and not value)}
    return _save(channel, given, "channel changed")


def delete(channel: Channel) -> None:
    """With what waits to be sent there."""
    with transaction.atomic():
        names = ("name", "kind", "enabled", "all_repositories", "events")
        audit.record("channel deleted", channel, before={name: getattr(channel, name) for name in names})
        channel.delete()


# --- the fields -------------------------------------------------------------------------------------------------------
def _save(channel: Channel, fields: Mapping[str, Any], deed: str) -> Channel:
    given = {**fields}
    before = {name: getattr(channel, name) for name in given if name != "repositories"} if channel.pk else {}
    chosen = given.pop("repositories", None)
    for name, value in given.items():
        setattr(channel, name, _default(name) if value is None else value)
    channel.name = channel.name.strip()
    errors = {**_problems(channel, given), **_repository_problem(channel, chosen)}
    if errors:
        raise Invalid(errors)
    with transaction.atomic():
        _check_free(channel)
        channel.save()
        if chosen is not None:
            channel.repositories.set(chosen)
        if not channel.enabled:
            forget_waiting(channel)
        after = {name: getattr(channel, name) for name in given if name != "repositories"}
        audit.record_change(deed, channel, before, after if chosen is None else after | {"repositories": chosen})
    return channel


def _default(name: str) -> Any:
    return {"enabled": True, "all_repositories": True, "events": list(USUAL)}.get(name, "")


def _problems(channel: Channel, given: Collection[str]) -> dict[str, str]:
    errors = {}
    if not channel.name or len(channel.name) > MOST_NAME or HIDDEN.search(channel.name):
        errors["name"] = (
            f"It needs a name of at most {MOST_NAME} characters, without line breaks and control characters."
        )
    if "url" in given and (sentence := _take_kind(channel)):
        errors["url"] = sentence
    if unknown := sorted(set(channel.events) - BY_NAME.keys()):
        errors["events"] = f"There is no event {unknown[0]!r}."
    channel.events = [name for name in BY_NAME if name in channel.events]
    return errors


def _take_kind(channel: Channel) -> str:
    """Why its address is refused; else the channel is of the kind that the address says."""
    if not channel.url:
        return "Where to? It needs an address."
    address = addresses.examine(channel.url.strip())
    channel.url, channel.kind = channel.url.strip(), address.kind[:50]
    return address.problem


def _repository_problem(channel: Channel, chosen: Sequence[int] | None) -> dict[str, str]:
    if chosen is None:
        return {}
    known = set(Repository.objects.kept().filter(pk__in=chosen).values_list("pk", flat=True))
    missing = next((pk for pk in chosen if pk not in known), None)
    return {"repositories": f"There is no repository {missing}."} if missing is not None else {}


def _check_free(channel: Channel) -> None:
    if Channel.objects.filter(name=channel.name).exclude(pk=channel.pk).exists():
        raise Conflict(f"There is a channel named '{channel.name}' already.", field="name")


def forget_waiting(channel: Channel) -> None:
    """Old news is not sent when somebody switches it on again."""
    waiting = Delivery.objects.filter(channel=channel, status=SendingStatus.WAITING)
    waiting.update(status=SendingStatus.GIVEN_UP, error=SWITCHED_OFF)


def needs_address(channel: Channel) -> bool:
    """Its address was encrypted with a key that is not there any more."""
    return is_sealed(channel.url)
