"""Scripts leave in a package, and arrive from one: sent, looked at, then taken or not."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from borgui.upload_limit import is_too_large, takes_files
from scripts_library import approval, lint, package, sharing, shelf, uploads
from scripts_library.difference import Difference, difference
from scripts_library.errors import Invalid, NameTaken, Refused
from scripts_library.forms_sharing import ExportForm, ReviewForm
from scripts_library.forms_shelf import ShelfForm
from scripts_library.models import Script
from scripts_library.sharing import Offer
from scripts_library.tarball import LARGEST_FILE

from .shelf import matching, some

FILE_NAME = "borgui-scripts.tar.gz"
LINTED = 20  # scripts that are checked for the page of all; each of them has a page on which it is
SHOWN = 16 * 1024  # characters of a text on the page of all
SHOWN_IN_ALL = 512 * 1024


# --- leaving ----------------------------------------------------------------------------------------------------------
@signed_in
@require_http_methods(["GET", "POST"])
def scripts_export(request: HttpRequest) -> HttpResponse:
    """Which scripts: all, those that the list was asked for, or the one whose page led here. POST is the package."""
    scripts = list(Script.objects.kept().order_by("name", "id"))
    form = ExportForm(scripts, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            return package_file(sharing.export(form.chosen()))
        except Refused as error:
            form.add_error(None, error.message)
    context = {"form": form, "scripts": scripts, "ticked": ticked(request, form, scripts)}
    return render(request, "scripts/export.html", context, status=422 if form.is_bound else 200)


def package_file(packed: bytes) -> HttpResponse:
    answer = HttpResponse(packed, content_type="application/gzip")
    answer["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
    return answer


def ticked(request: HttpRequest, form: forms.Form, scripts: list[Script]) -> set[int]:
    if form.is_bound:
        return {int(one) for one in form["script"].value() or () if str(one).isdecimal()}
    if "none" in request.GET:
        return set()
    if "script" in request.GET:
        return {int(one) for one in request.GET.getlist("script") if one.isdecimal()}
    wanted = ShelfForm(request.GET).wanted()
    found = matching(wanted, shelf.folder()).values_list("pk", flat=True) if wanted else [one.pk for one in scripts]
    return set(found)


# --- arriving ---------------------------------------------------------------------------------------------------------
@takes_files(LARGEST_FILE)
@signed_in
@require_http_methods(["GET", "POST"])
def scripts_import(request: HttpRequest) -> HttpResponse:
    """Take a package to be looked at. What is no package is said here, and not kept."""
    problem = ""
    if request.method == "POST":
        try:
            return redirect("scripts-review", receive(request))
        except Refused as error:
            problem = error.message
    return render(request, "scripts/import.html", {"problem": problem}, status=422 if problem else 200)


def receive(request: HttpRequest) -> str:
    """Raises Refused."""
    if is_too_large(request):
        raise Refused(f"The file is larger than {LARGEST_FILE // 1024 // 1024} MiB.")
    sent = request.FILES.get("package")
    if sent is None:
        raise Refused("Choose a file.")
    raw = sent.read()
    package.read(raw)
    return uploads.keep(raw, caller(request).pk)


@dataclass(frozen=True)
class Row:
    """One script of the page of all. `text` is "" where it has a page of its own for its length."""

    number: int
    offer: Offer
    report: lint.Report | None
    text: str
    is_taken: bool
    name_field: forms.BoundField | None


@signed_in
@require_http_methods(["GET", "POST"])
def scripts_review(request: HttpRequest, name: str) -> HttpResponse:
    """Everything that is in a package, before anything is stored; POST stores what is ticked."""
    try:
        offers = sharing.review(package.read(uploads.load(name, caller(request).pk)))
    except uploads.Gone as gone:
        return render(request, "scripts/import.html", {"problem": gone.message}, status=404)
    form = ReviewForm(offers, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid() and (made := take(form, request)):
        uploads.forget(name, caller(request).pk)
        names = [f"'{one.name}'" for one in made]
        said = f"In the library now: {some(names)} Nothing runs before it is added to a repository."
        messages.success(request, said + approval.remark_on_new())
        return redirect("scripts")
    context = {"form": form, "rows": rows(form), "name": name, "here": sum(1 for one in offers if one.same)}
    return render(request, "scripts/import_review.html", context, status=422 if form.is_bound else 200)


def take(form: ReviewForm, request: HttpRequest) -> list[Script]:
    """Empty where the library refused; the form says why."""
    try:
        return sharing.take(form.chosen(), user=caller(request))
    except NameTaken as error:
        form.refuse_name(error.name, error.message)
    except Invalid as error:
        form.add_error(None, str(error))
    except Refused as error:
        form.add_error(None, error.message)
    return []


def rows(form: ReviewForm) -> list[Row]:
    made, shown = [], 0
    for number, offer in enumerate(form.offers):
        text = offer.packed.content
        fits = len(text) <= SHOWN and shown + len(text) <= SHOWN_IN_ALL
        shown += len(text) if fits else 0
        report = lint.check(text) if number < LINTED else None
        made.append(Row(number, offer, report, text if fits else "", number in form.taken, form.name_field(number)))
    return made


@signed_in
@require_GET
def scripts_review_text(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """One text of a package in full, what is found in it, and how it differs from the script that has its name."""
    try:
        offers = sharing.review(package.read(uploads.load(name, caller(request).pk)))
    except uploads.Gone as gone:
        return render(request, "scripts/import.html", {"problem": gone.message}, status=404)
    if number >= len(offers):
        raise Http404("The package holds no such script.")
    offer = offers[number]
    context: dict[str, Any] = {"name": name, "offer": offer, "report": lint.check(offer.packed.content)}
    return render(request, "scripts/import_text.html", {**context, "changes": changes(offer)})


def changes(offer: Offer) -> Difference | None:
    """From the script that is here to what the package holds."""
    here = sharing.text_of(offer.clash) if offer.clash else None
    return None if here is None else difference(here, offer.packed.content)


@signed_in
@require_POST
def scripts_import_cancel(request: HttpRequest, name: str) -> HttpResponse:
    uploads.forget(name, caller(request).pk)
    messages.success(request, "The package is forgotten. Nothing of it was stored.")
    return redirect("scripts")
