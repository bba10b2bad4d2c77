from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import LoginView, LogoutView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from . import setup
from .access import no_owner, signed_in
from .authentication import caller
from .forms import SetupForm


class SignIn(LoginView):
    template_name = "accounts/sign_in.html"
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return super().dispatch(request, *args, **kwargs) if setup.has_owner() else no_owner(request)


sign_in = SignIn.as_view()
sign_out = LogoutView.as_view(next_page="sign-in")


@never_cache
@sensitive_post_parameters()
@signed_in
def change_password(request: HttpRequest) -> HttpResponse:
    """Other browsers of this person are signed out by it, this one is not."""
    form = PasswordChangeForm(caller(request), request.POST or None)
    if not form.is_valid():
        return render(request, "accounts/change_password.html", {"form": form}, status=422 if form.is_bound else 200)
    update_session_auth_hash(request, form.save())
    messages.success(request, "Your password is changed. Your other browsers are signed out.")
    return redirect("start")


def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """Where the admin pages send who may not see them: to sign in, or to be told."""
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next") or reverse("admin:index"))


def setup_without_link(request: HttpRequest) -> HttpResponse:
    return redirect("start") if setup.has_owner() else no_owner(request)


@never_cache
@sensitive_post_parameters()
def set_up(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind a one-time link: makes the first administrator and signs them in."""
    if not setup.is_open(token):
        return link_void(request)
    form = SetupForm(request.POST or None)
    if not form.is_valid():
        return render(request, "accounts/setup.html", {"form": form}, status=422 if form.is_bound else 200)
    fields = form.cleaned_data
    try:
        user = setup.make_owner(
            token, username=fields["username"], password=fields["password1"], time_zone=fields["time_zone"]
        )
    except setup.LinkVoid:
        return link_void(request)
    login(request, user)
    return redirect("start")


def link_void(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/link_void.html", {"has_owner": setup.has_owner()}, status=404)
