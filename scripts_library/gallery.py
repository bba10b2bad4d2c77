"""The templates that people can make scripts from: those that are shipped, and library scripts offered as ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db.models import Count

from . import catalogue, library
from .catalogue import Template
from .environment import inherited
from .manifest import Manifest
from .models import Script, ScriptContent
from .origin import Origin

LONG = 4  # characters of a word that says something


def shipped() -> tuple[Template, ...]:
    return catalogue.load(settings.CATALOGUE_DIR)


def shipped_by_file() -> dict[str, Template]:
    return {one.file: one for one in shipped()}


def search(templates: Iterable[Template], words: str) -> list[Template]:
    """Those that have all the words; where there is none, those that have some of the longer ones, the most first."""
    there = list(templates)
    found = [one for one in there if one.mentions(words)]
    longer = [word for word in words.split() if len(word) >= LONG]
    if found or len(longer) < 2:
        return found
    having = {one.address: sum(one.mentions(word) for word in longer) for one in there}
    return sorted((one for one in there if having[one.address]), key=lambda one: -having[one.address])


def find(name: str) -> Template | None:
    """A shipped template by its file, with or without `.sh`, or by its title; else one's own by its script's name."""
    for one in shipped():
        if name in (one.file, one.stem, one.title):
            return one
    script = Script.objects.kept().filter(is_template=True, name=name).first()
    return of_script(script) if script else None


def at(address: str) -> Template | None:
    """As it stands in the address of a page: `docker-container-mgmt`, or `own-12`."""
    kind, _, number = address.partition("-")
    if kind == "own" and number.isascii() and number.isdecimal() and len(number) < 19:
        script = Script.objects.kept().filter(is_template=True, pk=int(number)).first()
        return of_script(script) if script else None
    return next((one for one in shipped() if address in (one.stem, one.file)), None)


# --- one's own --------------------------------------------------------------------------------------------------------
def own() -> list[Template]:
    """By name. Two queries for any number."""
    scripts = list(Script.objects.kept().filter(is_template=True).order_by("name", "id"))
    contents = ScriptContent.objects.in_bulk([script.sha256 for script in scripts])
    texts = {sha256: kept.content for sha256, kept in contents.items()}
    return [_template(script, texts.get(script.sha256, "")) for script in scripts]


def of_script(script: Script) -> Template:
    """A library script as it is on disk now."""
    sight = library.look(script)
    return _template(script, sight.revision.text if sight.revision else "")


def _template(script: Script, content: str) -> Template:
    declared = replace(
        Manifest.from_dict(script.manifest),
        description=script.description,
        run_on=script.run_on,
        timeout=script.timeout,
    )
    secret = {entry.name for entry in declared.parameters if entry.is_secret}
    return Template(
        file=script.file_path.rpartition("/")[2],
        content=content,
        manifest=declared,
        problem=script.description,
        title=script.name,
        script_id=script.pk,
        defaults={
            name: value
            for name, value in script.parameters.items()
            if name not in secret and not isinstance(value, Mapping)
        },
    )


def origin_of(template: Template) -> Origin:
    name = "" if template.script_id else template.file
    return Origin(template.content, name, template.version, template.script_id)


# --- what the pages tell ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Offer:
    """One template in the gallery. `missing`: programs that are not on this machine; `made`: scripts made from it."""

    template: Template
    missing: list[catalogue.Need]
    made: int = 0


def offers(templates: Iterable[Template]) -> list[Offer]:
    """Two queries for any number."""
    rows = Script.objects.kept().filter(category=Script.Category.TEMPLATE).order_by()
    by_name = dict(rows.exclude(template_name="").values_list("template_name").annotate(number=Count("pk")))
    by_script = dict(rows.exclude(template_script=None).values_list("template_script").annotate(number=Count("pk")))
    return [
        Offer(one, missing(one, {}), by_script.get(one.script_id, 0) if one.script_id else by_name.get(one.file, 0))
        for one in templates
    ]


def made_from(template: Template) -> list[Script]:
    """The scripts that were made from it, by name."""
    rows = Script.objects.kept().filter(category=Script.Category.TEMPLATE).order_by("name", "id")
    if template.script_id:
        return list(rows.filter(template_script=template.script_id))
    return list(rows.filter(template_name=template.file))


@dataclass(frozen=True)
class Source:
    """What a script was made from, in words; `address` is "" where that is no template any more."""

    title: str
    address: str = ""


def source_of(script: Script) -> Source | None:
    if script.template_name:
        found = shipped_by_file().get(script.template_name)
        return Source(found.title, found.address) if found else Source(script.template_name)
    if owner := script.template_script:
        offered = owner.is_template and owner.deleted_at is None
        return Source(owner.name, f"own-{owner.pk}" if offered else "")
    return None


def missing(template: Template, values: Mapping[str, Any]) -> list[catalogue.Need]:
    """What scripts would not find here, used with these values."""
    path = inherited(settings.PASS_ENV)["PATH"]
    return template.missing(path, values)
