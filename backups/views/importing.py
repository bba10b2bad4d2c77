"""What comes with me from Borg Web UI, what does not? Look, then import."""

from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from backups.borg_ui_import import applying, planning, reading, received
from backups.borg_ui_import.applying import NotImported
from backups.borg_ui_import.planned import Plan
from backups.borg_ui_import.reading import CannotRead, Installation
from backups.forms.importing import PassphrasesForm, PlaceForm
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from borgui.upload_limit import is_too_large, takes_files

ASKED = ("path", "sent", "there", "here")


@takes_files(received.LARGEST)
@signed_in
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def importing(request: HttpRequest) -> HttpResponse:
    applying.undo_unfinished()
    asked = request.POST if request.method == "POST" else request.GET
    try:
        if request.method == "POST" and is_too_large(request):
            raise CannotRead(
                f"That is more than {received.LARGEST // 1024 // 1024} MiB: name its folder on this machine."
            )
        if request.method == "POST" and request.POST.get("action") == "upload":
            return redirect(f"{reverse('import')}?{urlencode({'sent': take(request)})}")
        if not asked.get("path") and not asked.get("sent"):
            return begin(request)
        installation = found(request, asked)
    except CannotRead as problem:
        return begin(request, str(problem))
    return do(request, installation) if request.method == "POST" else look(request, installation)


def begin(request: HttpRequest, problem: str = "") -> HttpResponse:
    """Where is it?"""
    path = (request.POST or request.GET).get("path", "")
    form = PlaceForm(initial={"path": path})
    context = {"form": form, "problem": problem, "largest": received.LARGEST // 1024 // 1024}
    return render(request, "import/begin.html", context, status=422 if problem else 200)


def take(request: HttpRequest) -> str:
    """Raises CannotRead, also for what is no database of Borg Web UI: nothing of it is kept then."""
    database, secret = request.FILES.get("database"), request.FILES.get("secret")
    if not isinstance(database, UploadedFile):
        raise CannotRead("Choose the file borg.db.")
    user = caller(request).pk
    name = received.keep(database, secret, request.FILES.getlist("scripts"), user)
    try:
        reading.read(received.place(name, user))
    except CannotRead:
        received.forget_all(user)
        raise CannotRead(f"'{database.name}' is no database of Borg Web UI, or it is damaged.") from None
    return name


def found(request: HttpRequest, asked: Any) -> Installation:
    """Raises CannotRead."""
    moved = reading.Moved.said(asked.get("there", ""), asked.get("here", ""))
    if sent := asked.get("sent"):
        return reading.read(received.place(sent, caller(request).pk), moved=moved)
    path = asked["path"].strip()
    if not path.startswith("/"):
        raise CannotRead("Write the whole path, from / on.")
    return reading.read(Path(path), moved=moved)


def look(
    request: HttpRequest,
    installation: Installation,
    form: PassphrasesForm | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """Everything that an import would do, before it does anything."""
    plan = planning.of(installation)
    context = {
        "plan": plan,
        "form": form or PassphrasesForm(plan.asks_for),
        "problem": problem,
        "asked": {name: (request.POST or request.GET).get(name, "") for name in ASKED},
        **around(plan),
    }
    return render(request, "import/look.html", context, status=status)


def do(request: HttpRequest, installation: Installation) -> HttpResponse:
    form = PassphrasesForm(planning.of(installation).asks_for, request.POST)
    if not form.is_valid():
        return look(request, installation, form, status=422)
    try:
        plan = applying.run(installation, form.given(), caller(request), seen=request.POST.get("seen", ""))
    except NotImported as problem:
        return look(request, installation, form, str(problem), status=409)
    received.forget_all(caller(request).pk)
    return render(request, "import/done.html", {"plan": plan, **around(plan)})


def around(plan: Plan) -> dict[str, Any]:
    """Differences by what they are about, and where windows are made, where they can be."""
    by_name: dict[str, list[str]] = {}
    for one in plan.differences:
        by_name.setdefault(one.about, []).append(one.text)
    try:
        window = reverse("window-new")
    except NoReverseMatch:
        window = ""
    general = by_name.pop("", [])
    return {"general": general, "differences": list(by_name.items()), "window": window}
