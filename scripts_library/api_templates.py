"""Endpoints of templates: which there are, and what to do about a newer version of one."""

from typing import Any, Literal, Self

from django.http import HttpRequest
from ninja import Query, Router

from borgui.accounts.authentication import caller
from borgui.rest import In, Listing, Out, Page, Text

from . import access, gallery, library, upgrading
from .errors import Refused
from .schemas_detail import ScriptDetail, detail

router = Router()


class NeedOut(Out):
    programs: list[str]
    why: str
    unless: str
    is_met: bool


class TemplateOut(Out):
    """`name` is what `from_template` takes; `script_id` is null for those that are shipped."""

    name: str
    title: str
    description: str
    version: str
    problem: str
    words: list[str]
    before: str
    after: str
    hooks: list[str]
    run_on: str | None
    timeout: int | None
    interrupts: str
    needs: list[NeedOut]
    tested_against: list[str]
    explanation: str
    restore: str
    parameters: list[dict[str, Any]]
    defaults: dict[str, Any]
    sha256: str
    content: str
    script_id: int | None
    made: int

    @classmethod
    def of(cls, offer: gallery.Offer) -> Self:
        one = offer.template
        plain = {name: getattr(one, name) for name in ("title", "version", "problem", "before", "after", "sha256")}
        of_block = {name: getattr(one.manifest, name) for name in ("run_on", "timeout", "interrupts")}
        return cls(
            **plain,
            **of_block,
            name=one.title if one.script_id else one.file,
            description=one.manifest.description or "",
            words=list(one.words),
            hooks=list(one.manifest.hooks),
            needs=[_need(need, offer) for need in one.needs],
            tested_against=list(one.tested_against),
            explanation=one.explanation,
            restore=one.restore,
            parameters=[entry.to_dict() for entry in one.manifest.parameters],
            defaults=dict(one.defaults),
            content=one.content,
            script_id=one.script_id,
            made=offer.made,
        )


def _need(need: Any, offer: gallery.Offer) -> NeedOut:
    return NeedOut(programs=list(need.programs), why=need.why, unless=need.unless, is_met=need not in offer.missing)


@router.get("/templates", response=Listing[TemplateOut], tags=["templates"])
def list_templates(request: HttpRequest, filters: Query[Page]) -> Listing[TemplateOut]:
    """The templates that scripts can be made from, shipped ones first; `search` takes problem words."""
    found = gallery.search((*gallery.shipped(), *gallery.own()), filters.search)
    shown = gallery.offers(filters.cut(found))
    return Listing[TemplateOut](count=len(found), items=[TemplateOut.of(offer) for offer in shown])


class UpgradeIn(In):
    action: Literal["take", "merge", "ignore"]
    sha256: Text | None = None


@router.post("/scripts/{int:pk}/upgrade", response=ScriptDetail, tags=["templates"])
def upgrade_script(request: HttpRequest, pk: int, payload: UpgradeIn) -> ScriptDetail:
    """Take the newer version of the template, merge it with what was changed here, or ignore it.

    `sha256`: of the script's text that the caller saw; 409 where it has changed, and where a merge needs a person.
    """
    script = access.script(pk)
    sight = library.look(script)
    upgrade = upgrading.of(script)
    if upgrade is None:
        raise Refused("There is no newer version of its template.")
    base, user = payload.sha256 or script.sha256, caller(request)
    if payload.action == "ignore":
        upgrading.ignore(upgrade)
    elif payload.action == "take":
        upgrading.take(upgrade, base_sha256=base, user=user)
    else:
        text = sight.revision.text if sight.revision else ""
        upgrading.take_merged(upgrade, text, base_sha256=base, user=user)
    return detail(access.script(pk))
