"""The panel beside the editor in which a script is tried: what `scripts/_try.html` shows."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from backups import worker
from backups.models import BackupJob, JobStatus, Repository
from borgui import htmx
from scripts_library import access, approval, manifest, try_story
from scripts_library.forms_parameters import Lines
from scripts_library.forms_try import TryForm
from scripts_library.manifest import Manifest
from scripts_library.models import Script

CHOSEN = ("repository", "hook", "outcome")  # what an address may choose already


def of(request: HttpRequest, found: Script) -> dict[str, Any]:
    """A person who has just tried it (`tried` in the address) follows that run, everybody else one that is not over."""
    tried = request.GET.get("tried", "")
    form = typed(request, found) if request.method == "POST" else fresh(request.GET, found)
    first = access.test_run(int(tried)) if is_number(tried) else try_story.unfinished(found)
    return {
        **said_first(form),
        "form": form,
        "running": try_story.story(first) if first else None,
        "tries": try_story.latest(found),
        "oob": bool(tried and htmx.of(request)),
    }


def is_number(given: str) -> bool:
    return given.isdecimal() and given.isascii() and len(given) < 16


def fresh(chosen: Mapping[str, str], found: Script) -> TryForm:
    initial = {name: chosen[name] for name in CHOSEN if name in chosen}
    return form_of(found, Manifest.from_dict(found.manifest), initial=initial)


def typed(request: HttpRequest, found: Script) -> TryForm:
    """The panel as it was sent, for the text as it stands in the editor, saved or not."""
    block = manifest.parse(Lines().to_python(request.POST.get("content")))
    return form_of(found, Manifest.from_dict(found.manifest) if block.errors else block, data=request.POST)


def form_of(found: Script, block: Manifest, **filled: Any) -> TryForm:
    names = dict(Repository.objects.kept().order_by("name").values_list("pk", "name"))
    uses = set(found.assignments.values_list("repository_id", flat=True))
    using = {pk: name for pk, name in names.items() if pk in uses}
    others = {pk: name for pk, name in names.items() if pk not in uses}
    return TryForm(script=found, manifest=block, using=using, others=others, **filled)


def said_first(form: TryForm) -> dict[str, Any]:
    """That it really runs, what it stops, and what it would run into."""
    running = BackupJob.objects.filter(repository_id=form.repository_id or 0, status=JobStatus.RUNNING)
    return {
        "four_eyes": settings.FOUR_EYES,
        "not_tried": approval.why_not_tried(form.script),
        "warned": form.warned(),
        "repository": form.names.get(form.repository_id or 0, ""),
        "worker_is_silent": not worker.is_alive(),
        "backup_runs": running.exists(),
    }
