"""The page of the tokens. A person sees and revokes their own; an administrator all."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from borgui.accounts import tokens
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from borgui.accounts.models import ApiToken
from borgui.accounts.token_forms import TokenForm


@signed_in
def listed(request: HttpRequest) -> HttpResponse:
    now, user = timezone.now(), caller(request)
    rows = [(token, token.is_expired(now)) for token in tokens.visible_to(user)]
    return render(request, "settings/tokens.html", {"tokens": rows, "shows_owner": user.is_superuser})


@signed_in
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """The answer shows the token, once; it is kept nowhere."""
    form = TokenForm(request.POST or None)
    if form.is_bound and form.is_valid() and (made := saved(request, form)):
        return render(request, "settings/token_made.html", {"token": made[0], "secret": made[1]}, status=201)
    return render(request, "settings/token_new.html", {"form": form}, status=422 if form.is_bound else 200)


def saved(request: HttpRequest, form: TokenForm) -> tuple[ApiToken, str] | None:
    """None where it was refused, and the form says why."""
    now, fields = timezone.now(), form.cleaned_data
    try:
        return tokens.make(caller(request), fields["name"], fields["scope"], form.expires_at(now), now)
    except tokens.Refused as problem:
        form.add_error("name", str(problem))
    return None


@signed_in
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    token = tokens.visible_to(caller(request)).filter(pk=pk).first()
    if token is None:
        raise Http404(f"There is no token {pk}.")
    if request.method != "POST":
        return render(request, "settings/token_revoke.html", {"token": token})
    tokens.revoke(token)
    messages.success(request, f"'{token.name}' opens nothing from now on.")
    return redirect("tokens")
