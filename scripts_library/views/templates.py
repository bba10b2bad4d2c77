"""The gallery of templates: which there are, what each does, and a script made from one."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from backups import facts
from backups.models import Repository
from borgui import htmx
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library import access, approval, gallery, library, making
from scripts_library.catalogue import Template
from scripts_library.errors import Invalid, Refused
from scripts_library.forms_make import MakeForm, Place, foreseen
from scripts_library.models import Hook, Script, ScriptRevision

from .board import ids_in
from .copies import has_text

REFUSED = 422


@signed_in
@require_GET
def templates(request: HttpRequest) -> HttpResponse:
    search = request.GET.get("search", "").replace("\0", "").strip()
    found = gallery.search((*gallery.shipped(), *gallery.own()), search)
    offers = gallery.offers(found)
    context = {
        "search": search,
        "number": len(offers),
        "shipped": [one for one in offers if not one.template.script_id],
        "own": [one for one in offers if one.template.script_id],
        **meant_for(request),
    }
    return render(request, "gallery/list.html", context)


@signed_in
@require_GET
def template(request: HttpRequest, name: str) -> HttpResponse:
    """What it does, what it needs, how its work is undone by hand, and its text."""
    found = access.template(name)
    context = {"template": found, "offer": gallery.offers([found])[0], "made": gallery.made_from(found)}
    return render(request, "gallery/template.html", {**context, **meant_for(request)})


def meant_for(request: HttpRequest) -> dict[str, Any]:
    """The repository from whose page somebody came, `repository` in the address: it goes along from page to page."""
    pk = next(iter(ids_in(request.GET.get("repository"))), None)
    return {"repository_id": pk, "query": f"?repository={pk}" if pk else ""}


# --- a script made from it --------------------------------------------------------------------------------------------
@signed_in
@require_http_methods(["GET", "POST"])
def template_script(request: HttpRequest, name: str) -> HttpResponse:
    """The form. `action`: create; anything else only shows what would run. `repository` in the address: ticked already."""
    found, came_from = access.template(name), meant_for(request)
    chosen = ids_in(request.GET.get("repository"))
    form = MakeForm(found, places(found), request.POST if request.method == "POST" else None, chosen)
    create = request.POST.get("action") == "create"
    if create and form.is_valid() and (script := made(form, request)):
        messages.success(request, told(script, form))
        return after(script, form, came_from["repository_id"])
    context = {"template": found, "form": form, "refused": create, "foreseen": checked(form), **came_from}
    if htmx.of(request):
        return piece(request, form, context)
    return render(request, "gallery/make.html", context, status=REFUSED if create else 200)


def after(script: Script, form: MakeForm, repository_id: int | None) -> HttpResponse:
    """Back to the repository from which somebody came, if it uses the script now; else to the script."""
    if repository_id in form.own:
        return redirect("repository-scripts", repository_id)
    return redirect("script", script.pk)


def checked(form: MakeForm) -> Any:
    """What would run, of what is typed so far."""
    if form.is_bound:
        form.is_valid()
    return foreseen(form)


def piece(request: HttpRequest, form: MakeForm, context: dict[str, Any]) -> HttpResponse:
    """The values of one repository that was just ticked or no longer is, else what would run."""
    target = htmx.of(request).target or ""
    for pk in ids_in(target.removeprefix("own-")):
        return render(request, "gallery/_make_own.html", {"pk": pk, "own": form.own.get(pk)})
    return render(request, "gallery/_make_preview.html", context)


def made(form: MakeForm, request: HttpRequest) -> Script | None:
    """Script and assignments; None where the library refused, then the form says why and nothing was made."""
    try:
        return making.make(
            form.template,
            name=form.cleaned_data["name"],
            parameters=form.given_common(),
            plan=form.plan,
            uses=form.uses(),
            user=caller(request),
        )
    except Invalid as error:
        form.refuse_fields(error.errors)
    except Refused as error:
        form.refuse(error)
    return None


def told(script: Script, form: MakeForm) -> str:
    names = ", ".join(f"'{one.facts.name}'" for one in form.own.values())
    place = " and ".join("before" if hook == Hook.PRE else "after" for hook in form.plan.hooks)
    if not names:
        return f"'{script.name}' is in the library. It runs once it is added to a repository.{approval.remark(script)}"
    return f"'{script.name}' is in the library, and runs {place} each backup of {names}.{approval.remark(script)}"


def places(found: Template) -> list[Place]:
    """All repositories by name, each with the hooks whose old inline text would no longer run."""
    hooks = making.hooks_of(found) or tuple(Hook.values)
    rows = Repository.objects.kept().order_by("name")
    return [Place(facts.of(one), [hook for hook in hooks if has_text(one, hook)]) for one in rows]


@signed_in
@require_POST
def template_duplicate(request: HttpRequest, name: str) -> HttpResponse:
    """Templates cannot be changed; this makes a script of one, as it is, to be changed."""
    found = access.template(name)
    try:
        script = making.make(found, user=caller(request))
    except (Invalid, Refused) as error:
        messages.error(request, str(error))
        return redirect("template", found.address)
    done = f"'{script.name}' is a script of yours now. It runs once it is added to a repository."
    messages.success(request, f"{done}{approval.remark(script)}")
    return redirect("script", script.pk)


# --- one's own --------------------------------------------------------------------------------------------------------
@signed_in
@require_POST
def script_offer(request: HttpRequest, pk: int) -> HttpResponse:
    """Offer a script as a template (`action` offer), take that back (withdraw), or call it something else (rename)."""
    script, action = access.script(pk), request.POST.get("action", "")
    answers: dict[str, dict[str, Any]] = {
        "offer": {"is_template": True},
        "withdraw": {"is_template": False},
        "rename": {"name": request.POST.get("name", "")},
    }
    if action not in answers:
        raise Http404(f"There is no action {action!r}.")
    try:
        library.update(script, changes=answers[action], source=ScriptRevision.Source.EDITOR, user=caller(request))
    except Invalid as error:
        messages.error(request, "The name " + "; ".join(error.errors.values()) + ".")
    except Refused as error:
        messages.error(request, error.message)
    else:
        messages.success(request, said(script, action))
    return redirect("script", pk) if action == "withdraw" else redirect("template", f"own-{pk}")


def said(script: Script, action: str) -> str:
    if action == "offer":
        return f"'{script.name}' is among your templates now. It stays a script; secrets do not go along."
    if action == "withdraw":
        return f"'{script.name}' is no template any more. The script stays, and so do those made from it."
    return f"It is called '{script.name}' now."
