"""Light, dark, or as the machine has it: the cookie `theme`, read by the pages and by static/src/theme.js (ui.md, rule 15).

With script the choice is made in the browser; this is the way without.
"""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

CHOICES = ("light", "dark", "auto")
YEAR = 365 * 24 * 60 * 60  # seconds


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the choice and go back to the page (`next`) on which it was made."""
    choice, back = request.POST.get("theme", ""), request.POST.get("next", "")
    if choice not in CHOICES:
        return HttpResponseBadRequest("A theme is light, dark or auto.")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    answer = redirect(back if is_ours else "/")
    answer.set_cookie("theme", choice, max_age=YEAR, samesite="Lax", secure=request.is_secure())
    return answer
