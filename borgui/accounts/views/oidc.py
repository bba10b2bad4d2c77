"""The way to the OpenID Connect provider and back: to sign in, to connect an account, to confirm that it is you."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_POST

from borgui.accounts import half_way, oidc, people, setup, signing_in
from borgui.accounts.access import no_owner, signed_in
from borgui.accounts.authentication import caller
from borgui.accounts.models import User
from borgui.accounts.oidc import flows, identities, provider
from borgui.accounts.oidc.flows import Flow, Kind
from borgui.accounts.signing_in import Vouched
from borgui.accounts.views.signing_in import to_code

NOT_BEGUN = "This sign-in was not begun in this browser, or longer than ten minutes ago, or it has ended already."
OTHER_PERSON = "Who began this is not signed in here any more, so nothing was done."


# --- there ------------------------------------------------------------------------------------------------------------
@never_cache
@require_POST
def begin_sign_in(request: HttpRequest) -> HttpResponse:
    if not setup.has_owner():
        return no_owner(request)
    return lead_on(request, Kind.SIGN_IN, onward=safe(request, request.POST.get("next", "")))


@never_cache
@require_POST
def begin_welcome(request: HttpRequest, number: str, token: str) -> HttpResponse:
    """Somebody with the link of an administrator signs in at the provider, and needs no password here."""
    user = people.behind_link(number, token)
    if user is None:
        return render(request, "accounts/welcome_void.html", status=404)
    return lead_on(request, Kind.WELCOME, user=user.pk, link=(number, token))


@never_cache
@signed_in
@require_POST
def begin_connect(request: HttpRequest) -> HttpResponse:
    return lead_on(request, Kind.CONNECT, user=caller(request).pk)


@never_cache
@signed_in
@require_POST
def begin_confirm(request: HttpRequest) -> HttpResponse:
    """Instead of the password once more: a fresh sign-in at the provider."""
    return lead_on(request, Kind.CONFIRM, user=caller(request).pk)


def lead_on(request: HttpRequest, kind: Kind, **more: Any) -> HttpResponse:
    """A page that leads on by itself. A redirect would not do: browsers let no form lead to another site here (CSP)."""
    if not oidc.is_on():
        raise Http404("No provider to sign in at is set up here.")
    if signing_in.is_locked_out(request):
        return signing_in.locked_out(request)
    try:
        address = flows.begin(request, kind, **more)
    except oidc.Failed as problem:
        return failed(request, problem)
    answer = render(request, "accounts/oidc_on.html", {"address": address, "provider": oidc.label()})
    answer["Refresh"] = f"0; url={address}"
    return answer


def safe(request: HttpRequest, onward: str) -> str:
    """A page of ours, or ''."""
    is_ours = url_has_allowed_host_and_scheme(onward, {request.get_host()}, require_https=request.is_secure())
    return onward if is_ours else ""


# --- and back ---------------------------------------------------------------------------------------------------------
@never_cache
@sensitive_variables()
@require_GET
def back(request: HttpRequest) -> HttpResponse:
    """Where the provider sends the person. Every answer is looked at once."""
    if not oidc.is_on():
        raise Http404("No provider to sign in at is set up here.")
    if signing_in.is_locked_out(request):
        return signing_in.locked_out(request)
    waited, claims = bool(flows.waiting(request)), {}
    flow = flows.take(request, request.GET.get("state", ""))
    try:
        if flow is None:
            raise oidc.Failed(NOT_BEGUN)
        claims = provider.claims_for(
            code_of(request), verifier=flow.verifier, redirect_uri=flow.redirect_uri, nonce=flow.nonce
        )
        return ENDS[Kind(flow.kind)](request, flow, claims)
    except oidc.Failed as problem:
        if flow is not None or waited:  # else nobody has tried anything
            said = identities.about(claims) if claims else {"at": oidc.label()}
            counts = not isinstance(problem, oidc.Unreachable) and "error" not in request.GET
            signing_in.failed_elsewhere(request, {**said, "why": str(problem)}, counts=counts)
        return failed(request, problem)


def code_of(request: HttpRequest) -> str:
    """What the provider can be asked with. Raises Failed where it refused, or another one answers (RFC 9207)."""
    known, named = provider.provider(), request.GET.get("iss")
    if not constant_time_compare(named or ("" if known.names_itself else known.issuer), known.issuer):
        raise oidc.Failed("The answer came from another provider than the one that was asked.")
    if "error" in request.GET:
        word = provider.short(request.GET["error"])
        raise oidc.Failed(f"{oidc.label()} signed nobody in ({word}).")
    if not request.GET.get("code"):
        raise oidc.Failed(f"The answer of {oidc.label()} says nothing.")
    return str(request.GET["code"])


def end_sign_in(request: HttpRequest, flow: Flow, claims: identities.Claims) -> HttpResponse:
    found = identities.sign_in(claims)
    return come_in(request, found, flow, claims)


def end_welcome(request: HttpRequest, flow: Flow, claims: identities.Claims) -> HttpResponse:
    """The link counts until somebody has come in by it."""
    user = people.behind_link(*flow.link)
    if user is None:
        return render(request, "accounts/welcome_void.html", status=404)
    identities.connect(user, claims)
    return come_in(request, identities.sign_in(claims), flow, claims)


def come_in(request: HttpRequest, found: identities.Found, flow: Flow, claims: identities.Claims) -> HttpResponse:
    has_come = half_way.come_in(request, found.user, Vouched(oidc.label(), identities.given_at(claims)))
    if found.notice:
        messages.warning(request, found.notice)
    return redirect(flow.onward or "start") if has_come else to_code(flow.onward)


def end_connect(request: HttpRequest, flow: Flow, claims: identities.Claims) -> HttpResponse:
    identities.connect(same_person(request, flow), claims)
    messages.success(request, f"Connected: {oidc.label()} signs you in from now on.")
    return redirect("account")


def end_confirm(request: HttpRequest, flow: Flow, claims: identities.Claims) -> HttpResponse:
    identities.confirm(same_person(request, flow), claims, flow.begun)
    signing_in.confirmed(request)
    return redirect("oidc-done")


def same_person(request: HttpRequest, flow: Flow) -> User:
    """Raises Failed."""
    if not isinstance(request.user, User) or request.user.pk != flow.user:
        raise oidc.Failed(OTHER_PERSON)
    return request.user


End = Callable[[HttpRequest, Flow, identities.Claims], HttpResponse]
ENDS: dict[Kind, End] = {
    Kind.SIGN_IN: end_sign_in,
    Kind.WELCOME: end_welcome,
    Kind.CONNECT: end_connect,
    Kind.CONFIRM: end_confirm,
}


def failed(request: HttpRequest, problem: oidc.Failed) -> HttpResponse:
    is_down = isinstance(problem, oidc.Unreachable)
    context: dict[str, Any] = {"why": str(problem), "is_down": is_down, "takes_passwords": settings.PASSWORD_SIGN_IN}
    context["back"] = reverse("account" if request.user.is_authenticated else "sign-in")
    return render(request, "accounts/oidc_failed.html", context, status=502 if is_down else 403)


# --- on the page of one's account -----------------------------------------------------------------------------------------
@signed_in
@require_GET
def done(request: HttpRequest) -> HttpResponse:
    """In the tab that was opened for it."""
    return render(request, "accounts/oidc_done.html")


@signed_in
@require_POST
def disconnect(request: HttpRequest) -> HttpResponse:
    user = caller(request)
    if not signing_in.has_password(user):
        messages.error(request, identities.LAST_WAY)
    elif identities.disconnect(user):
        messages.success(request, f"Disconnected: {oidc.label()} does not sign you in any more.")
    return redirect("account")
