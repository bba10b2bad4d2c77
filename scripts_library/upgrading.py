"""A newer version of the template that a script was made from: take it, merge it with what was changed, or ignore it.

Nothing happens by itself: a script stays as it is until a person decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from borgui.accounts import audit

from . import library
from .catalogue import Template, version_key
from .difference import Difference, difference
from .errors import Refused
from .gallery import origin_of, shipped_by_file
from .merging import OF_TEMPLATE, Merged, merge
from .models import Script, ScriptRevision
from .origin import Origin
from .revising import change_row, locked
from .standoff import unix


@dataclass(frozen=True)
class Upgrade:
    """What there is to decide. `ignored`: somebody decided that this version is not wanted."""

    script: Script
    template: Template

    @property
    def ignored(self) -> bool:
        return self.script.template_ignored == self.template.sha256

    @property
    def origin(self) -> Origin:
        return origin_of(self.template)


def of(script: Script, shipped: Mapping[str, Template] | None = None) -> Upgrade | None:
    """None where the script is up to date, or its template is not shipped any more, or an older one is."""
    if not script.template_name:
        return None
    template = (shipped_by_file() if shipped is None else shipped).get(script.template_name)
    if template is None or template.sha256 == script.template_content_id:
        return None
    if version_key(template.version) < version_key(script.template_version):
        return None
    return Upgrade(script, template)


def waiting() -> set[int]:
    """The scripts for which there is a newer version that nobody has ignored. One query."""
    shipped = shipped_by_file()
    rows = Script.objects.kept().exclude(template_name="")
    columns = ("template_name", "template_version", "template_content", "template_ignored")
    found = (of(script, shipped) for script in rows.only(*columns))
    return {upgrade.script.pk for upgrade in found if upgrade and not upgrade.ignored}


@dataclass(frozen=True)
class Story:
    """For the page: what the template changed, what people changed, and what a merge would change in the text as it is.

    `new`: parameters that it did not have before, those that need a value with a star.
    """

    template: Difference
    local: Difference
    merge: Difference
    merged: Merged
    new: list[str]
    gone: list[str]


def story(upgrade: Upgrade, text: str) -> Story:
    """`text`: that of the script now."""
    base, yours, newer = made_from(upgrade.script), unix(text), unix(upgrade.template.content)
    merged = merge(base, yours, newer, OF_TEMPLATE)
    before = {entry.name for entry in library.declared(upgrade.script)}
    after = {entry.name: entry for entry in upgrade.template.manifest.parameters}
    return Story(
        difference(base, newer),
        difference(base, yours),
        difference(yours, merged.text),
        merged,
        [_named(entry.label or name, entry) for name, entry in after.items() if name not in before],
        [name for name in sorted(before) if name not in after],
    )


def _named(words: str, entry: Any) -> str:
    return f"{words} (needed)" if entry.required and entry.default is None else words


def made_from(script: Script) -> str:
    """The text that it was made from, or last brought up to."""
    return unix(script.template_content.content) if script.template_content else ""


# --- what a person decides --------------------------------------------------------------------------------------------
def take(upgrade: Upgrade, *, base_sha256: str, user: Any = None) -> Script:
    """The template's text as it is; what was changed here stays among the versions. Raises what `library.update` does."""
    return _save(upgrade, upgrade.template.content, base_sha256, user)


def take_merged(upgrade: Upgrade, text: str, *, base_sha256: str, user: Any = None) -> Script:
    """Both changes, where they do not touch each other. `text`: that of `base_sha256`. Raises Refused where they do."""
    merged = merge(made_from(upgrade.script), unix(text), unix(upgrade.template.content), OF_TEMPLATE)
    if merged.conflicts:
        raise Refused("The new version and what was changed here touch the same lines: merge them in the editor.")
    return _save(upgrade, merged.text, base_sha256, user)


def _save(upgrade: Upgrade, content: str, base_sha256: str, user: Any) -> Script:
    return library.update(
        upgrade.script,
        changes={"content": content},
        base_sha256=base_sha256,
        source=ScriptRevision.Source.TEMPLATE,
        user=user,
        origin=upgrade.origin,
    )


def ignore(upgrade: Upgrade, *, wanted: bool = False) -> None:
    """Not offered again until there is another one; `wanted`: offer it again after all."""
    sha256 = "" if wanted else upgrade.template.sha256
    deed = "template version wanted again" if wanted else "template version ignored"
    with locked(upgrade.script):
        change_row(upgrade.script, template_ignored=sha256, updated_at=upgrade.script.updated_at)
        audit.record(deed, upgrade.script, after={"version": upgrade.template.version})


def origin_for(script: Script, sha256: str) -> Origin | None:
    """Of a text in which a person has merged the version `sha256`; None where that is not the one there is."""
    upgrade = of(script)
    return upgrade.origin if upgrade and upgrade.template.sha256 == sha256 else None
