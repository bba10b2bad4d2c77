"""Who has an account, and who may do what."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from borgui.accounts import browsers, oidc, people, rights, second_factor, signing_in
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from borgui.accounts.forms import NewPersonForm, RoleForm
from borgui.accounts.models import User
from borgui.accounts.oidc import identities
from borgui.accounts.roles import IN_WORDS, Right


@signed_in
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """The roles in words, for everybody; who has which, for those who give them."""
    context: dict[str, Any] = {"roles": IN_WORDS, "who_can_grant": rights.who_can_grant()}
    if caller(request).may(Right.ADMINISTER):
        context["people"] = User.objects.prefetch_related("groups", "identities").order_by("-is_active", "username")
    context["provider"] = oidc.label()
    return render(request, "people/list.html", context)


@signed_in
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    form = NewPersonForm(request.POST or None)
    if not form.is_valid():
        context = {"form": form, "roles": IN_WORDS}
        return render(request, "people/new.html", context, status=422 if form.is_bound else 200)
    added = people.add(form.cleaned_data["username"], form.cleaned_data["role"])
    return show_link(request, added, f"{added.get_username()} has an account.")


@never_cache
@signed_in
@require_http_methods(["GET", "POST"])
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """The role of somebody, and what else can be done with the account."""
    found = get(pk)
    form = RoleForm(request.POST or None, initial={"role": found.role})
    if not form.is_valid():
        return page(request, found, form, 422 if form.is_bound else 200)
    try:
        people.set_role(found, form.cleaned_data["role"])
    except people.LastAdministrator as problem:
        form.add_error("role", str(problem))
        return page(request, found, form, 422)
    messages.success(request, f"{found.get_username()}: {form.label}.")
    return redirect("people")


def page(request: HttpRequest, found: User, form: RoleForm, status: int = 200) -> HttpResponse:
    context = {"person": found, "form": form, "roles": IN_WORDS, "is_me": found == request.user}
    identity = identities.of(found)
    context |= {"identity": identity, "provider": oidc.label(), "gives_roles": identity and settings.OIDC_ROLES_CLAIM}
    context["sessions"] = browsers.of(found).count()
    context["has_second_factor"] = second_factor.has(found)
    return render(request, "people/person.html", context, status=status)


@never_cache
@signed_in
@require_POST
def person_link(request: HttpRequest, pk: int) -> HttpResponse:
    found = get(pk)
    return show_link(request, found, f"A new password for {found.get_username()}.")


def show_link(request: HttpRequest, found: User, what: str) -> HttpResponse:
    """The link is shown once: whoever reads it can set the password."""
    address = request.build_absolute_uri(people.fresh_link(found))
    return render(request, "people/link.html", {"person": found, "address": address, "what": what})


@signed_in
@require_POST
def person_switch(request: HttpRequest, pk: int) -> HttpResponse:
    found = get(pk)
    try:
        people.set_active(found, request.POST.get("active") == "1")
    except people.LastAdministrator as problem:
        messages.error(request, str(problem))
        return redirect("person", pk)
    messages.success(
        request, f"{found.get_username()} {'can' if request.POST.get('active') == '1' else 'cannot'} sign in."
    )
    return redirect("people")


@signed_in
@require_POST
def person_sign_out(request: HttpRequest, pk: int) -> HttpResponse:
    found = people.sign_out_everywhere(get(pk))
    if found == request.user:
        update_session_auth_hash(request, found)
    messages.success(request, f"Every browser of {found.get_username()} is signed out.")
    return redirect("person", pk)


@signed_in
@require_POST
def person_second_factor(request: HttpRequest, pk: int) -> HttpResponse:
    """Takes the second factor of somebody away who has lost it."""
    found = get(pk)
    if second_factor.take_away(found, "second factor reset"):
        then = "signs in with the password alone" if signing_in.has_password(found) else "has no second factor any more"
        messages.success(request, f"{found.get_username()} {then}, until there is a new one.")
    return redirect("person", pk)


@signed_in
@require_POST
def person_disconnect(request: HttpRequest, pk: int) -> HttpResponse:
    """Ends what the provider vouches for: somebody else has got hold of the account there, or it is another person's now."""
    found = get(pk)
    if found == request.user and not signing_in.has_password(found):
        messages.error(request, identities.LAST_WAY)
    elif identities.disconnect(found):
        messages.success(
            request, f"{oidc.label()} does not sign {found.get_username()} in any more. Browsers stay signed in."
        )
    return redirect("person", pk)


def get(pk: int) -> User:
    found = User.objects.filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no account {pk}.")
    return found
