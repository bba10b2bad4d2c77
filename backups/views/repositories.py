"""The list of repositories; a new one, its settings, and saying goodbye to one."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from backups import access, borg, connection, emergency_kit, queue, repositories, repository_list, sources, ssh, tasks
from backups.connection import Finding
from backups.forms import DeleteForm, ListFilter, NewRepositoryForm, SettingsForm
from backups.forms.fields import Lines
from backups.models import BackupJob, Repository
from backups.target import PassphraseSealed
from borgui import htmx
from borgui.accounts.access import signed_in
from borgui.accounts.authentication import caller
from scripts_library.errors import Conflict, Invalid
from scripts_library.models import TriggeredBy

SECRET = sensitive_post_parameters("passphrase")
CANNOT = (borg.BorgUnavailable, PassphraseSealed)
PRUNING_ENDED = (
    "Other archives count as its own now, so nothing is deleted until somebody has looked at what would go, "
    "on the page Schedule, and confirmed it."
)


# --- the list ---------------------------------------------------------------------------------------------------------
@signed_in
def listed(request: HttpRequest) -> HttpResponse:
    """Which of these needs me?"""
    form = ListFilter(request.GET)
    form.full_clean()
    everything = repository_list.entries()
    found = filtered(everything, **form.cleaned_data)
    page = Paginator(found, repository_list.PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "count": len(everything),
        "attention": sum(entry.needs_attention for entry in everything),
        "page": page,
        "rows": repository_list.rows(list(page), timezone.now()),
        "inline_texts": Repository.objects.kept().with_texts_to_move().count(),
    }
    template = "_repository_rows" if htmx.of(request) else "list"
    return render(request, f"repositories/{template}.html", context)


def filtered(everything: list[repository_list.Entry], search: str = "", show: str = "") -> list[repository_list.Entry]:
    wanted = (entry for entry in everything if entry.needs_attention or show != "attention")
    return [entry for entry in wanted if entry.matches(search)]


# --- a new one --------------------------------------------------------------------------------------------------------
@signed_in
@never_cache
@SECRET
def new(request: HttpRequest) -> HttpResponse:
    """Where to, what, how locked? The same button makes a repository or connects to one, as the test decides."""
    if request.method != "POST":
        return new_page(request, NewRepositoryForm(initial={"passphrase": emergency_kit.new_passphrase()}))
    form = NewRepositoryForm(request.POST)
    if request.POST.get("action", "create") != "create":
        return tried(request, form, new_page)
    if not form.is_valid():
        return new_page(request, form, status=422)
    finding = look(form.repository())
    if finding.is_ready and (job := created(form, finding, request)):
        return redirect("job", job.pk)
    if not finding.is_ready:
        form.tell({finding.field: finding.sentence})
    return new_page(request, form, finding, status=422)


def created(form: NewRepositoryForm, finding: Finding, request: HttpRequest) -> BackupJob | None:
    """The first backup of the new repository, queued; None where it could not be made, and the form says why."""
    try:
        repository = repositories.create({**form.given(), "init": not finding.is_there})
    except Invalid as problem:
        form.tell(problem.errors)
    except Conflict as problem:
        form.tell({problem.field: problem.message})
    else:
        done = "Connected to" if finding.is_there else "Made"
        messages.success(
            request, f"{done} '{repository.name}'. Its first backup is on the way. Keep its emergency kit."
        )
        return first_backup(repository, request)
    return None


def first_backup(repository: Repository, request: HttpRequest) -> BackupJob:
    with transaction.atomic():
        job = queue.enqueue(repository, triggered_by=TriggeredBy.MANUAL, user=caller(request))
        transaction.on_commit(tasks.start_jobs)
    return job


def new_page(
    request: HttpRequest, form: NewRepositoryForm, finding: Finding | None = None, status: int = 200
) -> HttpResponse:
    return render(request, "repositories/new.html", {"form": form, "finding": finding, **around(form)}, status=status)


# --- trying out a place -----------------------------------------------------------------------------------------------
def tried(request: HttpRequest, form: NewRepositoryForm | SettingsForm, page: Any) -> HttpResponse:
    """Only the connection: the piece of the page that is about it, or the whole page where there is no JavaScript."""
    finding = None
    if form.judge_only(form.place_fields):
        repository = form.repository()
        finding = look(repository, request.POST["action"], request.POST.getlist("fingerprint"))
        if finding.is_there and isinstance(form, SettingsForm) and repository.path == form.stored.path:
            repositories.was_reached(form.stored)
    status = 200 if finding else 422
    if htmx.of(request):
        return render(request, "repositories/_connection.html", {"form": form, "finding": finding}, status=status)
    return page(request, form, finding, status)


def look(repository: Repository, action: str = "test", fingerprints: list[str] | None = None) -> Finding:
    """What is at the place, after doing what a person has said: trust the machine, make the folder."""
    try:
        if action == "trust":
            return connection.trust(repository, fingerprints or [])
        return connection.make_folder(repository) if action == "make-folder" else connection.test(repository)
    except CANNOT as problem:
        return Finding(connection.Kind.OTHER, str(problem))


def around(form: NewRepositoryForm | SettingsForm) -> dict[str, Any]:
    """What the page says beside the form: our key, and what this server sees of the sources."""
    paths = form.fields["source_paths"].clean(form["source_paths"].value()) if form["source_paths"].value() else []
    return {**public_key(), "seen": sources.look(paths), "mounted": sources.mounted()}


def public_key() -> dict[str, str]:
    try:
        return {"public_key": ssh.public_key()}
    except ssh.SshUnavailable as problem:
        return {"key_problem": str(problem)}


@signed_in
@require_POST
def sources_seen(request: HttpRequest) -> HttpResponse:
    """What this server really sees of the paths in the form."""
    paths = Lines(required=False).clean(request.POST.get("source_paths", ""))
    return render(
        request, "repositories/_sources_seen.html", {"seen": sources.look(paths), "mounted": sources.mounted()}
    )


# --- settings ---------------------------------------------------------------------------------------------------------
@signed_in
@never_cache
@SECRET
def settings(request: HttpRequest, pk: int) -> HttpResponse:
    """How is it set up?"""
    repository = access.repository(pk)
    form = SettingsForm(request.POST or None, repository)
    if request.method == "POST" and request.POST.get("action", "save") != "save":
        return tried(request, form, settings_page)
    if request.method == "POST" and form.is_valid() and saved(form):
        messages.success(request, "Saved.")
        if repository.prune_after and not access.repository(pk).prune_after:
            messages.warning(request, PRUNING_ENDED)
        return redirect("repository-settings", pk)
    return settings_page(request, form, status=422 if form.is_bound else 200)


def saved(form: SettingsForm) -> bool:
    """Whether it was; else the form says why."""
    fields = form.changed()
    try:
        repositories.change(access.repository(form.stored.pk), fields)
    except Invalid as problem:
        form.tell(problem.errors)
    except Conflict as problem:
        form.tell({problem.field: problem.message})
    except CANNOT as problem:
        form.tell({"passphrase": str(problem)})
    else:
        return True
    return False


def settings_page(
    request: HttpRequest, form: SettingsForm, finding: Finding | None = None, status: int = 200
) -> HttpResponse:
    context = {"form": form, "finding": finding, "repository": form.stored, **around(form)}
    return render(request, "repositories/settings.html", context, status=status)


# --- goodbye ----------------------------------------------------------------------------------------------------------
@signed_in
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a repository: its row and its assignments go, borg's own is never touched."""
    repository = access.repository(pk)
    form, status = DeleteForm(request.POST or None, repository), 200
    if form.is_bound and form.is_valid():
        try:
            repositories.delete(repository)
        except Conflict as problem:
            form.add_error(None, problem.message)
            status = 409
        else:
            messages.success(request, f"'{repository.name}' is forgotten here. Its archives are where they were.")
            return redirect("repositories")
    status = 422 if form.errors and status == 200 else status
    return render(request, "repositories/delete.html", {"form": form, "repository": repository}, status=status)
