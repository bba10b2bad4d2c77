"""Endpoints by which scripts leave in a package and arrive from one."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import BaseModel, Field

from borgui.accounts.authentication import caller
from borgui.rest import Id, Out, Text

from . import access, arrival, sharing
from .models import Script
from .tarball import LARGEST_FILE

router = Router()
KIND = "application/gzip"
PLAIN = "application/octet-stream"  # generated clients know this one alone; a package may be sent as either
BYTES = {"schema": {"type": "string", "format": "binary"}}


class Chosen(BaseModel):
    id: list[Id] = Field([], description="repeatable; without any: all scripts")


@router.get(
    "/scripts/export",
    tags=["scripts"],
    openapi_extra={"responses": {200: {"description": "OK", "content": {KIND: BYTES, PLAIN: BYTES}}}},
)
def export_scripts(request: HttpRequest, chosen: Query[Chosen]) -> HttpResponse:
    """Scripts with their settings as a package (.tar.gz), without secrets."""
    scripts = [access.script(pk) for pk in dict.fromkeys(chosen.id)] or list(Script.objects.kept())
    return HttpResponse(sharing.export(scripts), content_type=KIND)


class Arriving(BaseModel):
    only: list[Text] = Field([], description="repeatable: the script of this name; without any: all")
    rename: bool = Field(False, description="take a script whose name is taken under another name")
    dry_run: bool = False


class Arrived(Out):
    name: str
    state: str
    as_name: str = Field(serialization_alias="as")
    id: int | None
    findings: int | None = None


class Report(Out):
    scripts: list[Arrived]


@router.post(
    "/scripts/import",
    response=Report,
    by_alias=True,
    tags=["scripts"],
    openapi_extra={"requestBody": {"required": True, "content": {PLAIN: BYTES}}},
)
def import_scripts(request: HttpRequest, arriving: Query[Arriving]) -> dict[str, Any]:
    """Take the scripts of the package that is the body of the request. None is replaced, and none runs by it."""
    wanted = arrival.Wanted(only=arriving.only or None, rename=arriving.rename, dry_run=arriving.dry_run)
    report = arrival.arrive(request.read(LARGEST_FILE + 1), wanted, user=caller(request))
    return {"scripts": [{**entry, "as_name": entry.pop("as")} for entry in report["scripts"]]}
