"""Deciding about a text that waits (`approval`): approve it, or turn it down. Each deed is in the audit log."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.utils import timezone

from borgui.accounts import audit
from borgui.accounts.models import User

from . import approval, inline, library
from .approval import Decision
from .errors import Conflict, Invalid, Refused
from .models import Script, ScriptRevision
from .revising import change_row, current_revision, locked

LONGEST_REASON = 500  # characters
NEWER = "Another version came in meanwhile. Look at it before you decide."
AS_OLD_TEXT = "approved already as an inline text"
OFF = "Four eyes is off (BORGUI_FOUR_EYES): nothing has to be approved."


# --- by a person ------------------------------------------------------------------------------------------------------
def approve(script: Script, sha256: str, *, user: User) -> Script:
    """Let the newest text run, and its settings with it. `sha256`: of the text that this person has looked at.

    Raises Conflict where that is not the newest one, Refused for its writers and where nothing waits.
    """
    library.look(script)
    with locked(script):
        revision = _waiting(script, sha256)
        if why := approval.refusal(script, user):
            raise Refused(why)
        written_by = _names(approval.unapproved(script))
        _let_run(script, revision, user=user, written_by=written_by)
    return script


def turn_down(script: Script, sha256: str, reason: str, *, user: User) -> Script:
    """The newest text is not to run; whoever wrote it may do this too. Where there is an approved text, it is the
    script's again, except where files are read-only. Raises Conflict, Invalid without a reason, Refused, StoreError.
    """
    reason = " ".join(reason.split())
    if not reason or len(reason) > LONGEST_REASON:
        raise Invalid({"reason": f"say why, in at most {LONGEST_REASON} characters"})
    library.look(script)
    with locked(script):
        revision = _waiting(script, sha256)
        _decide(revision, Decision.TURNED_DOWN, user, reason)
        change_row(script, turned_down_sha256=script.sha256, unseen_edit=False, updated_at=script.updated_at)
        audit.record("revision turned down", script, after={"sha256": script.sha256, "reason": reason})
    approved = approval.approved_revision(script)
    if approved is not None and not settings.SCRIPTS_READONLY:
        library.restore(script, approved, user=user, base_sha256=sha256)
    return script


def _waiting(script: Script, sha256: str) -> ScriptRevision:
    """The newest revision, inside `locked`. Raises Conflict, Refused."""
    if not settings.FOUR_EYES:
        raise Refused(OFF)
    if script.sha256 != sha256:
        raise Conflict(NEWER, script.sha256, "sha256")
    revision = current_revision(script)
    if revision is None or not approval.is_open(script):
        raise Refused("No version of this script waits for approval.")
    return revision


def _let_run(script: Script, revision: ScriptRevision, *, user: User | None, remark: str = "", **told: Any) -> None:
    """Inside `locked`; `told`: what the audit log keeps besides."""
    was = script.approved_sha256
    fields = {**approval.follows(script), "approved_sha256": script.sha256, "approved_manifest": script.manifest}
    before = library.audited(script)
    _decide(revision, Decision.APPROVED, user, remark)
    change_row(script, **fields, turned_down_sha256="", unseen_edit=False, updated_at=script.updated_at)
    settings_before, settings_after = audit.changed(before, library.audited(script))
    audit.record(
        "revision approved",
        script,
        before={"sha256": was, **settings_before},
        after={"sha256": script.sha256, **settings_after, **{name.replace("_", " "): to for name, to in told.items()}},
    )


def _decide(revision: ScriptRevision, decision: str, user: User | None, remark: str) -> None:
    fields = {
        "decision": decision,
        "decided_at": timezone.now(),
        "decided_by_user": user,
        "decision_remark": remark[:LONGEST_REASON],
    }
    ScriptRevision.objects.filter(pk=revision.pk).update(**fields)


def _names(revisions: Iterable[ScriptRevision]) -> list[str]:
    """Who wrote them, each once; a file that was changed outside names nobody."""
    return list(dict.fromkeys(str(one.created_by_user or "outside") for one in revisions))


# --- on the machine ---------------------------------------------------------------------------------------------------
def count_as_approved(scripts: Iterable[Script], remark: str) -> list[str]:
    """The texts that these scripts have now, whoever wrote them; the names of those that were not approved before.

    A change from outside that BORGUI_EXTERNAL_EDITS=block holds back is not one of them.
    """
    done = []
    for script in scripts:
        library.look(script)
        with locked(script):
            revision = current_revision(script)
            held = script.unseen_edit and settings.EXTERNAL_EDITS == "block"
            if revision is not None and not held and script.sha256 != script.approved_sha256:
                _let_run(script, revision, user=None, remark=remark, how=remark)
                done.append(script.name)
    return done


def carry_over(old_text: ScriptRevision, script: Script) -> None:
    """Of an inline text to the script that it has just become, inside that transaction: where it was approved."""
    revision = current_revision(script)
    if old_text.decision == Decision.APPROVED and revision is not None:
        _let_run(script, revision, user=None, remark=AS_OLD_TEXT, how=AS_OLD_TEXT)


def not_approved(scripts: Iterable[Script]) -> list[Script]:
    """Those whose text of now, as their files have it, is another than the approved one."""
    found = []
    for script in scripts:
        library.look(script)
        if script.sha256 != script.approved_sha256:
            found.append(script)
    return found


def count_old_texts_as_approved(texts: Iterable[str], remark: str) -> int:
    """Inline texts of repositories; how many were not approved before."""
    found = {revision.pk: revision for revision in map(inline.revision, texts)}
    new = [one for one in found.values() if one.decision != Decision.APPROVED]
    for revision in new:
        _decide(revision, Decision.APPROVED, None, remark)
    if new:
        hashes = [one.sha256 for one in new]
        audit.record(
            "inline texts approved", kind="script", name=f"{len(new)} texts", after={"sha256": hashes, "how": remark}
        )
    return len(new)
