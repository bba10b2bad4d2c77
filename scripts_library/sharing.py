"""Scripts leave in a package and arrive from one (docs/sharing-scripts.md).

What arrives is looked at before anything is stored, and nothing runs by being stored: a script of the same name is never
replaced, and no repository uses a new one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from borgui.accounts import audit

from . import draft, library, package
from .errors import NameTaken, ReadOnly, Refused
from .manifest import Manifest
from .models import Script, ScriptContent, ScriptRevision
from .new_files import new_files
from .package import Packed
from .parameters import as_text
from .registering import free_names, names_taken
from .store import digest


# --- leaving ----------------------------------------------------------------------------------------------------------
def export(scripts: Iterable[Script]) -> bytes:
    """A package of these, each as its file is now. Raises Refused for none, too many, or one without a text."""
    return package.write(_packed(script) for script in scripts)


def _packed(script: Script) -> Packed:
    text = text_of(script)
    if text is None:
        raise Refused(f"'{script.name}' has no text that could be read.")
    return Packed(
        name=script.name,
        content=text,
        description=script.description,
        timeout=script.timeout,
        run_on=script.run_on,
        parameters=package.open_values(text, script.parameters),
    )


def text_of(script: Script) -> str | None:
    """The text as its file is now; None where there is none."""
    revision = library.look(script).revision
    return revision.text if revision else None


# --- before it is stored ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Offer:
    """One script of a package, against the library as it is now. `same`: one with this very text; `clash`: one with
    its name and another text. `free_name`: its own name, or one with a number that nobody has."""

    packed: Packed
    same: Script | None = None
    clash: Script | None = None
    free_name: str = ""

    @property
    def manifest(self) -> Manifest:
        return self.packed.manifest

    @property
    def values(self) -> dict[str, str]:
        return {name: as_text(value) for name, value in self.packed.parameters.items()}

    @property
    def lines(self) -> int:
        return len(self.packed.content.splitlines())

    @property
    def is_new(self) -> bool:
        return self.same is None and self.clash is None

    @property
    def differing_settings(self) -> list[str]:
        """Where the text is here already: what the package says otherwise than the script that has it."""
        names = ("description", "timeout", "run_on") if self.same and self.same.name == self.packed.name else ()
        return [name for name in names if getattr(self.same, name) != getattr(self.packed, name)]


def review(scripts: Sequence[Packed]) -> list[Offer]:
    """In the order of the package; two queries."""
    hashes = [digest(one.content) for one in scripts]
    by_hash = _preferring_names(Script.objects.kept().filter(sha256__in=set(hashes)), {one.name for one in scripts})
    by_name = {one.name: one for one in Script.objects.kept().filter(name__in=[one.name for one in scripts])}
    free = free_names([one.name for one in scripts], names_taken())
    return [
        _offer(one, by_hash.get(sha256, {}), by_name.get(one.name), name)
        for one, sha256, name in zip(scripts, hashes, free, strict=True)
    ]


def _preferring_names(same: Iterable[Script], names: set[str]) -> dict[str, dict[str, Script]]:
    found: dict[str, dict[str, Script]] = {}
    for script in same:
        found.setdefault(script.sha256, {})[script.name] = script
    return found


def _offer(one: Packed, same: Mapping[str, Script], namesake: Script | None, free_name: str) -> Offer:
    if same:
        return Offer(one, same=same.get(one.name) or next(iter(same.values())), free_name=free_name)
    return Offer(one, clash=namesake, free_name=free_name)


# --- storing ----------------------------------------------------------------------------------------------------------
def take(chosen: Sequence[tuple[str, Packed]], *, user: Any = None) -> list[Script]:
    """Scripts of these texts under these names: all of them or none. Call it outside a transaction.

    Raises NameTaken, Invalid, ReadOnly, StoreError.
    """
    if settings.SCRIPTS_READONLY:
        raise ReadOnly
    rows = [_row(name, one, user) for name, one in chosen]
    texts = {row.file_path: one.content for row, (_, one) in zip(rows, chosen, strict=True)}
    with new_files(library.store(), texts) as appear, transaction.atomic():
        _refuse_taken([row.name for row in rows])
        _store(rows, texts, user)
        names = [row.name for row in rows]
        audit.record("scripts imported", kind="script", name=f"{len(rows)} scripts", after={"names": names})
        appear()
    return rows


def _row(name: str, one: Packed, user: Any) -> Script:
    given = {"name": name, "description": one.description, "timeout": one.timeout, "run_on": one.run_on}
    block = draft.check({**given, "content": one.content}, strict=False)
    fields = draft.settle(given, Manifest(), block)
    return Script(
        **fields,
        created_by_user=user,
        manifest=block.to_dict(),
        sha256=digest(one.content),
        parameters=draft.merge_parameters(block, {}, one.parameters),
        file_path=library.new_path(fields["name"], one.content),
    )


def _store(rows: list[Script], texts: Mapping[str, str], user: Any) -> None:
    """Raises NameTaken where another process was faster."""
    try:
        with transaction.atomic():
            Script.objects.bulk_create(rows)
    except IntegrityError:
        _refuse_taken([row.name for row in rows])
        raise
    contents = {row.sha256: ScriptContent(sha256=row.sha256, content=texts[row.file_path]) for row in rows}
    ScriptContent.objects.bulk_create(contents.values(), ignore_conflicts=True)
    source = ScriptRevision.Source.PACKAGE
    ScriptRevision.objects.bulk_create(
        ScriptRevision(script=row, content_id=row.sha256, source=source, created_by_user=user) for row in rows
    )


def _refuse_taken(names: Sequence[str]) -> None:
    """Raises NameTaken for a name that a script has, or that is here twice."""
    taken = names_taken()
    for name in names:
        if name in taken:
            raise NameTaken(name)
        taken.add(name)
