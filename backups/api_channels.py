"""Endpoints of channels: where notifications go. The address is write-only."""

from datetime import datetime
from typing import Any, Self

from django.http import HttpRequest
from ninja import Query, Router
from ninja.responses import Status
from pydantic import Field

from borgui.accounts.authentication import RUN, caller
from borgui.rest import Id, In, Listing, Out, Page, Text, mark_of

from . import access
from .models import Channel
from .notifications import channels, sending

router = Router(tags=["channels"])


class ChannelChange(In):
    """In a PUT an absent field stays as it is, `null` sets the default again."""

    name: Text | None = None
    url: Text | None = Field(None, description="write-only; an empty text keeps the stored one")
    enabled: bool | None = None
    events: list[Text] | None = Field(None, description="names of events; null: the usual ones")
    all_repositories: bool | None = None
    repositories: list[Id] | None = Field(None, description="heard of while `all_repositories` is false")


class ChannelIn(ChannelChange):
    name: Text
    url: Text


class ChannelOut(Out):
    id: int
    name: str
    kind: str
    enabled: bool
    events: list[str]
    all_repositories: bool
    repositories: list[int]
    version: str
    last_sent_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None

    @classmethod
    def of(cls, channel: Channel) -> Self:
        chosen = [repository.pk for repository in channel.repositories.all()]
        return cls.of_row(
            channel, repositories=chosen, version=version_of(channel), last_error=channel.last_error or None
        )


def version_of(channel: Channel) -> str:
    chosen = sorted(repository.pk for repository in channel.repositories.all())
    return mark_of(channel.name, channel.url, channel.enabled, channel.events, channel.all_repositories, chosen)


class TestSent(Out):
    __test__ = False  # not a test class of pytest

    sent: bool
    error: str | None


@router.get("/channels", response=Listing[ChannelOut])
def list_channels(request: HttpRequest, filters: Query[Page]) -> Listing[ChannelOut]:
    """All channels, by name."""
    rows = Channel.objects.order_by("name", "id").filter(name__icontains=filters.search)
    page = filters.cut(rows.prefetch_related("repositories"))
    return Listing[ChannelOut](count=rows.count(), items=[ChannelOut.of(row) for row in page])


@router.post("/channels", response={201: ChannelOut})
def create_channel(request: HttpRequest, payload: ChannelIn) -> Status:
    """Make a channel; it hears the usual events of all repositories unless the request says otherwise."""
    return Status(201, ChannelOut.of(channels.create(payload.given())))


@router.get("/channels/{int:pk}", response=ChannelOut)
def get_channel(request: HttpRequest, pk: int) -> ChannelOut:
    """One channel, without its address."""
    return ChannelOut.of(access.channel(pk))


@router.put("/channels/{int:pk}", response=ChannelOut)
def change_channel(request: HttpRequest, pk: int, payload: ChannelChange) -> ChannelOut:
    """Change a channel; switching it off gives up what waits to be sent there."""
    return ChannelOut.of(channels.change(access.channel(pk), payload.given()))


@router.delete("/channels/{int:pk}", response={204: None})
def delete_channel(request: HttpRequest, pk: int) -> Status:
    """With what waits to be sent there."""
    channels.delete(access.channel(pk))
    return Status(204, None)


@router.post("/channels/{int:pk}/test", response=TestSent, auth=RUN)
def test_channel(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Send a test message at once; `sent`, and in `error` what the receiver said, after 15 s at most."""
    user = caller(request)
    sent = sending.test(access.channel(pk), user.get_username() if user else "somebody")
    return {"sent": sent.ok, "error": sent.error or None}
