"""One's own account: the role, the password, and every browser that is signed in."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from borgui.accounts import audit, browsers, oidc, passkeys, people, second_factor, signing_in
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from borgui.accounts.oidc import identities
from borgui.accounts.roles import IN_WORDS
from borgui.accounts.signing_in_again import PasswordForm, ways

CONFIRMED = "Confirmed. Go on where you were."


@never_cache
@signed_in
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    return page(request, PasswordForm(request, caller(request), prefix=None))


def page(request: HttpRequest, form: PasswordForm) -> HttpResponse:
    words = next((words for words in IN_WORDS if words.role == caller(request).role), None)
    context: dict[str, Any] = {"words": words, "form": form, "is_fresh": signing_in.is_fresh(request)}
    context |= {"browsers": browsers.of(caller(request)), "this_one": browsers.this_one(request)}
    context["has_second_factor"] = second_factor.has(caller(request))
    context["passkeys"] = passkeys.of(caller(request)).count()
    context |= {
        "provider": oidc.label(),
        "identity": identities.of(caller(request)),
        "ways": ways(request, caller(request)),
    }
    context["has_password"] = signing_in.has_password(caller(request))
    return render(request, "people/account.html", context, status=422 if form.errors else 200)


@never_cache
@sensitive_post_parameters()
@signed_in
@require_POST
def account_confirm(request: HttpRequest) -> HttpResponse:
    """The password once more: for what asks for a fresh sign-in, before it asks."""
    form = PasswordForm(request, caller(request), request.POST, prefix=None)
    if not form.is_valid():
        signing_in.failed(request, caller(request).get_username())
        return page(request, form)
    signing_in.confirmed(request)
    messages.success(request, CONFIRMED)
    return redirect("account")


@signed_in
@require_POST
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign another browser of this person out."""
    if pk == browsers.this_one(request):
        messages.error(request, "This is the browser you use now: sign out from the menu at the top.")
    elif browsers.end(caller(request), pk):
        messages.success(request, "That browser is signed out.")
    else:
        messages.success(request, "That browser was signed out already.")
    return redirect("account")


@signed_in
@require_POST
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """Every browser of this person but this one."""
    user = people.sign_out_everywhere(caller(request))
    update_session_auth_hash(request, user)
    messages.success(request, "Every other browser is signed out. Tokens of programs go on.")
    return redirect("account")


@never_cache
@sensitive_post_parameters()
@signed_in
def change_password(request: HttpRequest) -> HttpResponse:
    """Other browsers of this person are signed out by it, this one is not."""
    if not signing_in.has_password(caller(request)):
        messages.error(request, "Your account signs in without a password, so there is none to change.")
        return redirect("account")
    form = PasswordChangeForm(caller(request), request.POST or None)
    if not form.is_valid():
        return render(request, "accounts/change_password.html", {"form": form}, status=422 if form.is_bound else 200)
    update_session_auth_hash(request, form.save())
    signing_in.confirmed(request)
    audit.record("password changed", caller(request))
    messages.success(request, "Your password is changed. Your other browsers are signed out.")
    return redirect("start")
