"""Will somebody hear it? Channels, who hears what, and what became of the last messages."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from backups import access
from backups.forms.channel import ChannelForm
from backups.models import Channel
from backups.notifications import channels, history, sending
from backups.notifications.events import BY_NAME
from borgui.accounts import audit
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library.errors import Conflict, Invalid

SECRET = sensitive_post_parameters("password", "url")


@signed_in
def settings(request: HttpRequest) -> HttpResponse:
    """What there is to be set for all of this installation."""
    rows = list(Channel.objects.order_by("name"))
    context = {"channels": sum(row.enabled for row in rows), "failing": sum(bool(row.last_error) for row in rows)}
    return render(request, "settings/index.html", context)


@signed_in
def notifications(request: HttpRequest) -> HttpResponse:
    rows = list(Channel.objects.order_by("name").prefetch_related("repositories"))
    context = {"channels": [(row, labels(row)) for row in rows], "told": history.latest()}
    context["is_heard"] = any(row.enabled for row in rows)
    return render(request, "settings/notifications.html", context)


def labels(channel: Channel) -> list[str]:
    return [BY_NAME[name].label for name in channel.events if name in BY_NAME]


@signed_in
@never_cache
@SECRET
def channel_new(request: HttpRequest) -> HttpResponse:
    form = ChannelForm(request.POST or None)
    if form.is_bound and form.is_valid() and (made := saved(form)):
        messages.success(request, f"'{made.name}' is told from now on. Send a test to see that it arrives.")
        return redirect("notifications")
    return render(request, "settings/channel.html", {"form": form}, status=422 if form.is_bound else 200)


@signed_in
@never_cache
@SECRET
def channel(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.channel(pk)
    form = ChannelForm(request.POST or None, found)
    if form.is_bound and form.is_valid() and saved(form, found):
        messages.success(request, "Saved.")
        return redirect("notifications")
    context = {"form": form, "channel": access.channel(pk), "is_sealed": channels.needs_address(found)}
    return render(request, "settings/channel.html", context, status=422 if form.is_bound else 200)


def saved(form: ChannelForm, found: Channel | None = None) -> Channel | None:
    """None where it was refused, and the form says why."""
    try:
        return channels.change(found, form.given()) if found else channels.create(form.given())
    except Invalid as problem:
        form.tell(problem.errors)
    except Conflict as problem:
        form.tell({problem.field: problem.message})
    return None


@signed_in
def channel_delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = access.channel(pk)
    if request.method != "POST":
        is_last = not Channel.objects.filter(enabled=True).exclude(pk=pk).exists()
        return render(request, "settings/channel_delete.html", {"channel": found, "is_last": is_last})
    channels.delete(found)
    messages.success(request, f"'{found.name}' is not told any more.")
    return redirect("notifications")


@signed_in
@require_POST
def channel_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Sends at once; the answer is what the receiver said, after 15 s at most."""
    found = access.channel(pk)
    user = caller(request)
    audit.record("channel tried", found)
    sent = sending.test(found, user.get_username() if user else "somebody")
    if sent.ok:
        messages.success(request, f"'{found.name}' took the message. Look whether it arrived.")
    else:
        messages.error(request, f"'{found.name}' did not get the message. {sent.error}")
    return redirect("notifications")
