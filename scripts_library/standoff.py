"""Somebody saved while somebody else was typing: what a person needs to see to decide (behaviour.md, section 11)."""

from dataclasses import dataclass

from .difference import Difference, difference
from .library import current_revision
from .merging import Merged, merge
from .models import Script, ScriptRevision


@dataclass(frozen=True)
class Standoff:
    """The version saved meanwhile against the text that was not saved.

    `lines`: from the saved one to the other; `merged`: both in one text, None where it is not known from which version
    the editing began.
    """

    message: str
    revision: ScriptRevision | None
    lines: Difference
    merged: Merged | None

    @property
    def sha256(self) -> str:
        """Of the saved version: what a decision is about."""
        return self.revision.sha256 if self.revision else ""


def standoff(script: Script, yours: str, base_sha256: str, message: str = "") -> Standoff:
    """`yours`: the text that was not saved; `base_sha256`: the version from which it began. Line ends are Unix ones."""
    revision = current_revision(script)
    saved = unix(revision.text) if revision else ""
    base = script.revisions.filter(content_id=base_sha256).select_related("content").first()
    merged = merge(unix(base.text), yours, saved) if base else None
    return Standoff(message, revision, difference(saved, yours), merged)


def unix(text: str) -> str:
    """As an editor in a browser gives it back."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
