"""Which script, assignment or execution somebody may see: get it, or raise Http404. Deleted scripts are not there.

Everybody with an account sees everything; rights of people come with roles, and they come here.
"""

from django.http import Http404

from . import gallery, owners
from .catalogue import Template
from .models import Assignment, Script, ScriptExecution, ScriptRevision
from .owners import Owner


def script(pk: int) -> Script:
    found = Script.objects.kept().filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no script {pk}.")
    return found


def template(address: str) -> Template:
    found = gallery.at(address)
    if found is None:
        raise Http404(f"There is no template {address!r}.")
    return found


def revision(of: Script, sha256: str) -> ScriptRevision:
    found = of.revisions.select_related("content").filter(content_id=sha256.lower()).first()
    if found is None:
        raise Http404(f"'{of.name}' has no revision {sha256}.")
    return found


def revision_by_number(of: Script, pk: object) -> ScriptRevision:
    """`pk` as an address says it."""
    number = int(str(pk)) if str(pk).isdecimal() and len(str(pk)) < 19 else 0
    found = of.revisions.select_related("content", "created_by_user").filter(pk=number).first()
    if found is None:
        raise Http404(f"'{of.name}' has no version {pk}.")
    return found


def assignment(owner: Owner | int, pk: int) -> Assignment:
    """A number is that of a repository."""
    owner = owners.named(owner)
    found: Assignment | None = owner.entries.select_related("script").filter(pk=pk).first()
    if found is None:
        raise Http404(f"This {owner.kind.word} has no assignment {pk}.")
    return found


def execution(pk: int) -> ScriptExecution:
    found = ScriptExecution.objects.filter(pk=pk).first()
    if found is None:
        raise Http404(f"There is no execution {pk}.")
    return found


def test_run(pk: int) -> ScriptExecution:
    """The first execution of a test run."""
    found = ScriptExecution.objects.select_related("script").filter(pk=pk, test_run_id=pk).first()
    if found is None:
        raise Http404(f"There is no test run {pk}.")
    return found
