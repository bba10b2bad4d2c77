"""One's own second factor: set it up, new recovery codes, switch it off."""

import time

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from borgui.accounts import passkeys, qr, second_factor_first, signing_in
from borgui.accounts import second_factor as factor
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from borgui.accounts.forms import NewFactorForm
from borgui.encryption import CannotDecrypt, KeyProblem
from borgui.vault import vault, vault_for_writing

SECRET = "second_factor_secret"  # in the session, encrypted: offered, and not confirmed yet
SHOWN = "recovery_codes_shown_at"  # in the session: seconds since the epoch
FILE_WORKS = 10 * 60  # seconds after the codes were shown


@never_cache
@sensitive_post_parameters()
@signed_in
@require_http_methods(["GET", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    """What there is, or the secret for the app and the question for its first code."""
    user = caller(request)
    if request.method == "GET" and factor.has(user) and "new" not in request.GET:
        context = {
            "codes_left": factor.recovery_codes_left(user),
            "has_app": factor.has_app(user),
            "passkeys": user.passkeys.count(),
            "must": factor.must_have(user),
        }
        return render(request, "people/second_factor.html", context)
    form, secret = NewFactorForm(request.POST or None), offered_secret(request)
    if form.is_valid():
        try:
            codes = factor.switch_on(user, secret, form.cleaned_data["code"])
        except factor.WrongCode:
            form.add_error("code", "This is not the code for the secret above. Type the one that the app shows now.")
        else:
            del request.session[SECRET]
            return show_codes(request, codes, "The second factor is on")
    return set_up_page(request, form, secret)


def set_up_page(request: HttpRequest, form: NewFactorForm, secret: str) -> HttpResponse:
    user = caller(request)
    address = factor.address(user, secret, request.get_host())
    grouped = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    context = {"form": form, "secret": grouped, "address": address, "picture": qr.draw(address)}
    context |= {
        "first": factor.FIRST_MUST if second_factor_first.is_missing(request, user) else "",
        "replaces": factor.has_app(user),
        "passkeys_work": bool(passkeys.name_of_place(request)),
    }
    return render(request, "people/second_factor_new.html", context, status=422 if form.is_bound else 200)


def offered_secret(request: HttpRequest) -> str:
    """The same until it is confirmed: a page that is loaded again shows what the app knows already."""
    try:
        return vault().decrypt(request.session[SECRET])
    except (KeyError, CannotDecrypt, KeyProblem):
        secret = factor.fresh_secret()
        request.session[SECRET] = vault_for_writing().encrypt(secret)
        return secret


@never_cache
@signed_in
@require_POST
def codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes."""
    user = caller(request)
    if not factor.has(user):
        return redirect("second-factor")
    return show_codes(request, factor.renew_recovery_codes(user), "New recovery codes")


def show_codes(request: HttpRequest, made: list[str], what: str) -> HttpResponse:
    """They are shown once, and can be taken along as a file for some minutes."""
    request.session[SHOWN] = time.time()
    return render(request, "people/recovery_codes.html", {"codes": [spaced(code) for code in made], "what": what})


@never_cache
@signed_in
@require_GET
def codes_file(request: HttpRequest) -> HttpResponse:
    user = caller(request)
    if not 0 <= time.time() - request.session.get(SHOWN, 0) <= FILE_WORKS:
        raise Http404(
            "Recovery codes are shown once, when they are made. New ones can be made on the page of your account."
        )
    lines = [f"Recovery codes of {user.get_username()} for borgui at {request.get_host()}. Each opens once.", ""]
    text = "\n".join([*lines, *map(spaced, factor.recovery_codes(user)), ""])
    headers = {"Content-Disposition": 'attachment; filename="borgui-recovery-codes.txt"'}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


def spaced(code: str) -> str:
    return f"{code[: len(code) // 2]} {code[len(code) // 2 :]}"


@signed_in
@require_POST
def off(request: HttpRequest) -> HttpResponse:
    user = caller(request)
    try:
        was_on = factor.drop_app(user)
    except factor.LastOne as problem:
        messages.error(request, str(problem))
        return redirect("second-factor")
    if was_on and factor.has_passkey(user):
        messages.success(request, "No code is asked for any more: your second factor is a passkey.")
    elif was_on:
        alone = ": your password alone signs you in" if signing_in.has_password(user) else ""
        messages.success(request, f"The second factor is off{alone}.")
    return redirect("account")
