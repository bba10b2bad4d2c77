"""What the page about a text that waits shows: what changed since the approved one, who wrote it, who may decide."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from borgui.accounts.models import User

from . import approval
from .approval import State
from .difference import Difference, difference
from .models import RunOn, Script, ScriptRevision

WORDS = {"timeout": "The time limit", "run_on": "Run after"}


@dataclass(frozen=True)
class Story:
    """`state`: an `approval.State`; the rest is there only where the newest text does not run. `refusal`: why this
    person may not approve it; `settings`: what changes with it, in words."""

    script: Script
    state: str
    newest: ScriptRevision | None = None
    approved: ScriptRevision | None = None
    revisions: Sequence[ScriptRevision] = ()
    refusal: str = ""
    who_can: str = ""
    settings: list[str] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.state in (State.WAITING, State.TURNED_DOWN)

    @property
    def changes(self) -> Difference | None:
        """From the approved text to the newest one; None where nothing was approved before."""
        if self.approved is None or self.newest is None:
            return None
        return difference(self.approved.text, self.newest.text)

    @property
    def decided(self) -> ScriptRevision | None:
        """The revision about which somebody has said why it is not to run."""
        found = (one for one in self.revisions if one.decision == ScriptRevision.Decision.TURNED_DOWN)
        return next(found, None)


def of(script: Script, newest: ScriptRevision | None, user: User) -> Story:
    """`newest`: what a look has found."""
    state = approval.state(script)
    if state not in (State.WAITING, State.TURNED_DOWN):
        return Story(script, state)
    return Story(
        script,
        state,
        newest,
        approval.approved_revision(script),
        approval.unapproved(script),
        approval.refusal(script, user),
        approval.who_can(script),
        [in_words(name, value) for name, value in approval.follows(script).items()],
    )


def in_words(name: str, value: Any) -> str:
    said = RunOn(value).label if name == "run_on" else f"{value} s"
    return f"{WORDS[name]}: {said}"
