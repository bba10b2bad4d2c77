"""Coming in: sign in, set a password behind a link, make the first account; and going out again."""

from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.contrib.auth.views import LoginView, RedirectURLMixin, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django.views.generic import FormView

from borgui.accounts import audit, browsers, half_way, oidc, passkeys, people, second_factor, setup, signing_in
from borgui.accounts.access import no_owner
from borgui.accounts.forms import CodeForm, SetupForm
from borgui.accounts.models import User


class SignIn(LoginView):
    template_name = "accounts/sign_in.html"
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return super().dispatch(request, *args, **kwargs) if setup.has_owner() else no_owner(request)

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        context |= {"provider": oidc.label(), "takes_passwords": settings.PASSWORD_SIGN_IN}
        context["passkeys"] = signing_in.is_by_passkey_alone() and passkeys.here(self.request).exists()
        return super().get_context_data(**context)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        if half_way.come_in(self.request, form.get_user()):
            return redirect(self.get_success_url())
        return to_code(self.get_redirect_url())

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        signing_in.failed(self.request, self.request.POST.get("username", ""))
        return self.render_to_response(self.get_context_data(form=form), status=422)

    @classmethod
    def again(cls, request: HttpRequest, problem: str) -> HttpResponse:
        """The page once more, after a passkey that did not open."""
        view = cls()
        view.setup(request)
        context = view.get_context_data(form=AuthenticationForm(request), passkey_problem=problem)
        return view.render_to_response(context, status=422)


sign_in = SignIn.as_view()


@method_decorator(never_cache, name="dispatch")
class Code(RedirectURLMixin, FormView):
    """The second question, for those who have a second factor."""

    template_name = "accounts/sign_in_code.html"
    form_class = CodeForm
    next_page = "start"

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        user = half_way.waits_for(request)
        if user is None:
            return redirect_to_login(self.get_redirect_url() or "/")
        if signing_in.is_locked_out(request):
            return signing_in.locked_out(request)
        self.user = user
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return {"request": self.request, "user": self.user, "data": self.request.POST or None}

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        return super().get_context_data(
            next=self.get_redirect_url(),
            person=self.user,
            by=half_way.knows_from(self.request),
            has_app=second_factor.has_app(self.user),
            passkeys=passkeys.here(self.request, self.user).exists(),
            elsewhere=passkeys.of(self.user).exclude(rp_id=passkeys.name_of_place(self.request)).first(),
            **context,
        )

    def form_valid(self, form: CodeForm) -> HttpResponse:
        half_way.go_in(self.request, self.user)
        return redirect(self.get_success_url())

    def form_invalid(self, form: CodeForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)

    @classmethod
    def again(cls, request: HttpRequest, user: User, problem: str) -> HttpResponse:
        """The page once more, after a passkey that did not open."""
        view = cls()
        view.setup(request)
        view.user = user
        context = view.get_context_data(form=CodeForm(request, user), passkey_problem=problem)
        return view.render_to_response(context, status=422)


sign_in_code = Code.as_view()


def to_code(onward: str) -> HttpResponse:
    return redirect(reverse("sign-in-code") + (f"?{urlencode({'next': onward})}" if onward else ""))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        audit.record("signed out")
        browsers.forget(request)
        logout(request)
    return redirect("sign-in")


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
    signing_in.begin(request, user)
    return redirect("start")


@never_cache
@sensitive_post_parameters()
def welcome(request: HttpRequest, number: str, token: str) -> HttpResponse:
    """The page behind a link that an administrator made: sets a password and signs in."""
    user = people.behind_link(number, token)
    if user is None:
        return render(request, "accounts/welcome_void.html", status=404)
    form = SetPasswordForm(user, (request.POST or None) if settings.PASSWORD_SIGN_IN else None)
    if not form.is_valid():
        context = {"form": form, "person": user, "provider": oidc.label(), "takes_passwords": settings.PASSWORD_SIGN_IN}
        context["link"] = [number, token]
        return render(request, "accounts/welcome.html", context, status=422 if form.is_bound else 200)
    form.save()
    audit.record("password changed", user, user=user)
    return redirect("start") if half_way.come_in(request, user) else to_code("")


def link_void(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/link_void.html", {"has_owner": setup.has_owner()}, status=404)
