"""What ran once is tried again: a test run with the text that the script has now (behaviour.md, section 14)."""

from typing import Any

from borgui.accounts.models import User
from borgui.fields import is_sealed

from . import approval, library, testruns
from .facts import RepositoryFacts
from .models import Outcome, ScriptExecution


class NotAgain(Exception):
    """Why an execution cannot be tried again; a whole sentence."""


def again(row: ScriptExecution, facts: RepositoryFacts | None, user: User | None = None) -> ScriptExecution:
    """A test run of what ran there: the same hook (a pair: both), outcome and values, with the text the script has now.

    `facts` of the repository it was for; None for sample values. Raises NotAgain.
    """
    if row.script is None or row.script.deleted_at:
        raise NotAgain(f"'{row.script_name}' is not in the library, so it cannot be tried again.")
    if is_sealed(row.parameters):
        raise NotAgain("Its parameters can no longer be decrypted: put the encryption key back.")
    library.look(row.script)
    if reason := approval.why_not_tried(row.script):
        raise NotAgain(reason)
    job = row.backup_job
    return testruns.queue(
        row.script,
        facts=facts,
        hook_type=testruns.BOTH if testruns.is_pair(row) else row.hook_type,
        backup_status=(job.outcome if job else row.circumstances.get("backup_status")) or Outcome.SUCCESS,
        values=pinned_values(row),
        user=user,
        pause=float(row.circumstances.get("pause", 0)),
    )


def pinned_values(row: ScriptExecution) -> dict[str, Any]:
    """The values with which it ran, as they are stored; what was secret stays secret."""
    secret = set(row.secret_names)
    return {name: {"secret": value} if name in secret else value for name, value in row.parameters.items()}
