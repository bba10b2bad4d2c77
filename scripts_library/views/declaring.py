"""What the editor asks while somebody types: what is wrong with the text, and what its block says. Nothing is saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST

from borgui.accounts.access import signed_in
from scripts_library import declaration, lint
from scripts_library.declaration import Declaration
from scripts_library.forms_parameters import Lines
from scripts_library.lint import Report

CHECK, READ = "check", "read"


@signed_in
@require_POST
def script_lint(request: HttpRequest) -> HttpResponse:
    """The piece below the editor: what is found in the text that was sent."""
    return piece("scripts/_script_lint.html", {"report": lint.check(content_of(request.POST))})


@signed_in
@require_POST
def script_block(request: HttpRequest) -> HttpResponse:
    """The piece with the form of the block, and with the text after what was pressed there."""
    block = declaration.written(content_of(request.POST), request.POST, request.POST.get("action", ""))
    return piece("scripts/_script_block.html", {"declaration": block, "answers": True})


def piece(template: str, context: Mapping[str, Any]) -> HttpResponse:
    """Without what the frame of a page needs to know: this is asked at every pause of somebody who types."""
    return HttpResponse(render_to_string(template, dict(context)))


def content_of(data: Mapping[str, Any]) -> str:
    """The text with the line ends of Unix: browsers send others."""
    return Lines().to_python(data.get("content", ""))


@dataclass(frozen=True)
class Bench:
    """A page with an editor on which somebody pressed a button that does not save: `data` is what it shows now."""

    data: QueryDict
    block: Declaration
    report: Report | None = None


def bench(data: QueryDict) -> Bench | None:
    """None where no such button was pressed."""
    action = data.get("action", "")
    if action.partition(":")[0] not in (CHECK, READ, *declaration.ACTIONS):
        return None
    content = content_of(data)
    block = declaration.written(content, data, action)
    shown = data.copy()
    shown["content"] = block.content
    return Bench(shown, block, lint.check(block.content) if action == CHECK else None)
