"""Passkeys: sign in and confirm with one; one's own list of them, on the page of one's account."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from borgui.accounts import half_way, passkeys, second_factor, second_factor_first, setup, signing_in
from borgui.accounts.access import no_owner, signed_in
from borgui.accounts.authentication import caller
from borgui.accounts.forms import PasskeyForm
from borgui.accounts.models import Passkey, User
from borgui.accounts.passkeys import NotAccepted
from borgui.accounts.views import account
from borgui.accounts.views.oidc import safe
from borgui.accounts.views.second_factor import show_codes
from borgui.accounts.views.signing_in import Code, SignIn


# --- what the page asks before the device does ------------------------------------------------------------------------
@never_cache
@require_POST
def question(request: HttpRequest) -> HttpResponse:
    """What the browser lets a passkey sign: of who is signed in, of whom a sign-in waits for, else of anybody."""
    if signing_in.is_locked_out(request):
        return JsonResponse({"detail": signing_in.sentence(request)}, status=429)
    user = request.user if isinstance(request.user, User) else waiting(request)
    return asked(lambda: passkeys.question(request, user))


def waiting(request: HttpRequest) -> User | None:
    """For whom a passkey is asked after the password; nobody on the page that begins (`?alone`)."""
    return None if "alone" in request.GET else half_way.waits_for(request)


@never_cache
@signed_in
@require_POST
def offer(request: HttpRequest) -> HttpResponse:
    """What the browser lets a device make."""
    return asked(lambda: passkeys.offer(request, caller(request)))


def asked(make: Callable[[], dict[str, Any]]) -> JsonResponse:
    try:
        return JsonResponse(make())
    except NotAccepted as problem:
        return JsonResponse({"detail": str(problem)}, status=409)


# --- coming in --------------------------------------------------------------------------------------------------------
@never_cache
@sensitive_post_parameters()
@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    onward = safe(request, request.POST.get("next", ""))
    if not setup.has_owner():
        return no_owner(request)
    if request.user.is_authenticated:
        return redirect(onward or "start")
    if signing_in.is_locked_out(request):
        return signing_in.locked_out(request)
    waits = waiting(request)
    try:
        half_way.come_in_by_passkey(request, request.POST.get("passkey", ""), alone=waits is None)
    except NotAccepted as problem:
        return Code.again(request, waits, str(problem)) if waits else SignIn.again(request, str(problem))
    return redirect(onward or "start")


@never_cache
@sensitive_post_parameters()
@signed_in
@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """Instead of the password once more: for what asks for a fresh sign-in, before it asks."""
    try:
        half_way.confirm_by_passkey(request, caller(request), request.POST.get("passkey", ""))
    except NotAccepted as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, account.CONFIRMED)
    return redirect("account")


# --- one's own --------------------------------------------------------------------------------------------------------
@never_cache
@sensitive_post_parameters("passkey")
@signed_in
@require_http_methods(["GET", "POST"])
def listed(request: HttpRequest) -> HttpResponse:
    """Those that there are; POST adds the one that a device has just made."""
    user = caller(request)
    form = PasskeyForm(request.POST or None)
    if form.is_valid():
        try:
            made = passkeys.add(request, user, request.POST.get("passkey", ""), form.cleaned_data["name"])
        except NotAccepted as problem:
            form.add_error(None, str(problem))
        else:
            if codes := second_factor.first_recovery_codes(user):
                return show_codes(request, codes, "Your passkey is stored")
            messages.success(request, f"The passkey '{made.name}' is stored: it signs you in from now on.")
            return redirect("passkeys")
    context = {
        "form": form,
        "passkeys": passkeys.of(user),
        "place": passkeys.name_of_place(request),
        "not_here": passkeys.NOT_HERE,
        "first": second_factor.FIRST_MUST if second_factor_first.is_missing(request, user) else "",
        "by_themselves": signing_in.is_by_passkey_alone(),
    }
    return render(request, "people/passkeys.html", context, status=422 if form.is_bound else 200)


@never_cache
@signed_in
@require_http_methods(["GET", "POST"])
def passkey(request: HttpRequest, pk: int) -> HttpResponse:
    """One of them; POST gives it another name."""
    row = own(request, pk)
    form = PasskeyForm(request.POST or None, initial={"name": row.name})
    if form.is_valid():
        passkeys.rename(row, form.cleaned_data["name"])
        messages.success(request, "Saved.")
        return redirect("passkeys")
    context = {"form": form, "passkey": row, "place": passkeys.name_of_place(request)}
    return render(request, "people/passkey.html", context, status=422 if form.is_bound else 200)


@signed_in
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    row = own(request, pk)
    try:
        second_factor.drop_passkey(caller(request), row)
    except second_factor.LastOne as problem:
        messages.error(request, str(problem))
        return redirect("passkey", pk)
    messages.success(request, f"The passkey '{row.name}' opens nothing here any more. Remove it on its device too.")
    return redirect("passkeys")


def own(request: HttpRequest, pk: int) -> Passkey:
    found = passkeys.of(caller(request)).filter(pk=pk).first()
    if found is None:
        raise Http404("You have no such passkey; perhaps it was removed.")
    return found
