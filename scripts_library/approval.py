"""Four eyes (BORGUI_FOUR_EYES): a text runs only once somebody else than its writer has approved it.

Columns of the script name what runs: the hash that was approved last, and the block of that text. While a newer text
waits, chains run the approved one as it is stored, whatever the file holds. What a claimed job has pinned runs on.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import TextChoices

from borgui.accounts import rights
from borgui.accounts.models import User
from borgui.accounts.roles import Right

from .draft import follow_block
from .manifest import Manifest
from .models import Script, ScriptRevision

Decision = ScriptRevision.Decision
FOLLOWS = ("timeout", "run_on")  # settings with which a text decides when and how long it runs
NEVER_APPROVED = "No version of it was ever approved: another author has to do that on its page."
OLD_TEXT_NOT_APPROVED = "This old text was not approved: move it into the library, where another author can approve it."
NOT_TRIED = "Its newest version is not approved, and what is not approved does not run here, not even to try it."
OLDER_RUNS = "A newer version waits for approval; until then the approved one runs."


class State(TextChoices):
    OFF = "off", "four eyes is off"
    APPROVED = "approved", "approved"
    WAITING = "waiting", "waits for approval"
    TURNED_DOWN = "turned_down", "turned down"


def state(script: Script) -> str:
    """Of its newest text."""
    if not settings.FOUR_EYES:
        return State.OFF
    if script.sha256 == script.approved_sha256:
        return State.APPROVED
    return State.TURNED_DOWN if script.sha256 == script.turned_down_sha256 else State.WAITING


def is_open(script: Script) -> bool:
    """Its newest text does not run."""
    return state(script) in (State.WAITING, State.TURNED_DOWN)


# --- what runs --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Running:
    """With a `problem` nothing runs; `advice` is worth saying where something does."""

    revision: ScriptRevision | None
    manifest: Manifest
    problem: str = ""
    advice: str = ""


def running(script: Script, newest: ScriptRevision | None) -> Running:
    """Which of its texts a chain runs. No query where that is the newest one."""
    if not is_open(script):
        return Running(newest, Manifest.from_dict(script.manifest))
    approved = approved_revision(script)
    if approved is None:
        return Running(newest, Manifest.from_dict(script.manifest), NEVER_APPROVED)
    return Running(approved, running_manifest(script), advice=OLDER_RUNS)


def running_manifest(script: Script) -> Manifest:
    """The block of the text that runs."""
    older = is_open(script) and script.approved_sha256
    return Manifest.from_dict(script.approved_manifest if older else script.manifest)


def approved_revision(script: Script) -> ScriptRevision | None:
    if not script.approved_sha256:
        return None
    return script.revisions.filter(content_id=script.approved_sha256).select_related("content").first()


def old_text_problem(revision: ScriptRevision) -> str:
    """Why an inline text of a repository does not run; "" if it does."""
    return OLD_TEXT_NOT_APPROVED if settings.FOUR_EYES and revision.decision != Decision.APPROVED else ""


# --- settings that wait with a text -----------------------------------------------------------------------------------
def held_back(script: Script, fields: Mapping[str, Any], given: Container[str] = ()) -> dict[str, Any]:
    """`fields` of the row that a new text changes, without those that have to wait until it is approved: when the
    approved text runs is not for an unapproved one to say. `given`: what a person has set."""
    if not settings.FOUR_EYES or not script.approved_sha256:
        return dict(fields)
    return {name: value for name, value in fields.items() if name not in FOLLOWS or name in given}


def follows(script: Script) -> dict[str, Any]:
    """The settings that change when the newest text is approved."""
    if not script.approved_sha256:
        return {}
    was, now = Manifest.from_dict(script.approved_manifest), Manifest.from_dict(script.manifest)
    changed = {name: value for name, value in follow_block(was, now).items() if name in FOLLOWS}
    return {name: value for name, value in changed.items() if value != getattr(script, name)}


# --- who may decide ---------------------------------------------------------------------------------------------------
def unapproved(script: Script) -> list[ScriptRevision]:
    """What was written since the approved text, newest first. Counted anew after a text that was turned down."""
    found: list[ScriptRevision] = []
    for one in script.revisions.select_related("created_by_user").order_by("-id").iterator(chunk_size=50):
        is_older = one.sha256 != script.sha256
        if one.sha256 == script.approved_sha256 or (is_older and one.decision == Decision.TURNED_DOWN):
            break
        found.append(one)
    return found


def writers(script: Script) -> set[int]:
    """Who has a hand in the newest text, as far as that is known."""
    return {one.created_by_user_id for one in unapproved(script) if one.created_by_user_id is not None}


def refusal(script: Script, user: User) -> str:
    """Why this person may not approve its newest text; "" if they may."""
    if not user.may(Right.AUTHOR):
        return rights.sentence(Right.AUTHOR)
    if user.pk not in writers(script):
        return ""
    return f"You wrote it, or a part of it, so it is for somebody else to approve. {who_can(script)}"


def who_can(script: Script) -> str:
    """The authors and administrators who had no hand in it, at most three by name."""
    people = rights.people_with(Right.AUTHOR).exclude(pk__in=writers(script)).order_by("pk")
    names = [user.get_username() for user in people[:4]]
    if not names:
        return (
            "Nobody else can: four eyes needs a second author. An administrator adds one under Settings, People; "
            "whoever may type commands on the machine can use `manage.py approve_scripts`."
        )
    return f"{' or '.join(names[:3])}{' or another author' if len(names) > 3 else ''} can."


def remark(script: Script) -> str:
    """What is said after saving, after a sentence; "" where nothing waits."""
    if state(script) != State.WAITING:
        return ""
    older = " Until then the approved version runs."
    none = " Before that it does not run, and backups that use it fail."
    return f" It waits for the approval of another author.{older if script.approved_sha256 else none}"


def remark_on_new() -> str:
    """The same about scripts that have just come in together; "" while four eyes is off."""
    return " Each waits for the approval of another author." if settings.FOUR_EYES else ""


def why_not_tried(script: Script) -> str:
    """A try is a run: why its newest text is not tried either, "" where it may be."""
    return NOT_TRIED if is_open(script) else ""
