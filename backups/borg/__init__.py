"""borg, the program: finding it, calling it, and saying in plain words how it ended.

Plain Python, no Django. Versions 1.2 and 1.4 are spoken; what differs between them stays inside this package
(`command` has the argument lists, `outcome` the message ids). borg is never imported: it is a program.
"""

from backups.borg.archiving import Backup, create
from backups.borg.environment import environment
from backups.borg.events import Message
from backups.borg.explain import Explanation, explain
from backups.borg.finding import Borg, BorgMissing, BorgUnavailable, BorgUnsupported, find
from backups.borg.lock import Holder, lock_holder
from backups.borg.outcome import FAILURE, SUCCESS, WARNING
from backups.borg.pruning import CHECKPOINT, OLDEST, Fate
from backups.borg.repository import (
    Answer,
    break_lock,
    check,
    compact,
    info,
    init,
    key_export,
    list_archives,
    list_files,
    prune,
)
from backups.borg.target import Keep, Source, Target, unusable_path

__all__ = [
    "CHECKPOINT",
    "FAILURE",
    "OLDEST",
    "SUCCESS",
    "WARNING",
    "Answer",
    "Backup",
    "Borg",
    "BorgMissing",
    "BorgUnavailable",
    "BorgUnsupported",
    "Explanation",
    "Fate",
    "Holder",
    "Keep",
    "Message",
    "Source",
    "Target",
    "break_lock",
    "check",
    "compact",
    "create",
    "environment",
    "explain",
    "find",
    "info",
    "init",
    "key_export",
    "list_archives",
    "list_files",
    "lock_holder",
    "prune",
    "unusable_path",
]
