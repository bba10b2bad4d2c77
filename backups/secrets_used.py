"""Which stored secrets a backup or an opening of a window is given: an entry in the audit log, with the claim."""

from collections.abc import Sequence
from dataclasses import replace

from borgui.accounts import audit
from borgui.encryption import is_sealed
from scripts_library.models import ScriptExecution

from .models import BackupJob, Encryption, WindowRun


def of_scripts(rows: Sequence[ScriptExecution]) -> list[str]:
    """As "SCRIPT: NAME"; not those that have no value."""
    found = {
        f"{row.script_name}: {name}"
        for row in rows
        for name in row.secret_names
        if is_sealed(row.parameters) or row.parameters.get(name)
    }
    return sorted(found)


def record(work: BackupJob | WindowRun, name: str, rows: Sequence[ScriptExecution]) -> None:
    """In the transaction of the claim. Who: the person that started it, else nobody."""
    is_locked = isinstance(work, BackupJob) and work.repository.encryption != Encryption.NONE
    if used := [*(["passphrase"] if is_locked else []), *of_scripts(rows)]:
        user = work.triggered_by_user
        acting = replace(audit.ITSELF, user=user, username=user.get_username() if user else "")
        audit.record("secrets used", work, name=name, after={"secrets": used, "by": work.triggered_by}, acting=acting)
