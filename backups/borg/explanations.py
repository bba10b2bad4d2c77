"""The table behind `explain`: message id to four sentences, one row a line.

Placeholders: {repository}, {host}, {detail} (borg's own words), {lock} (who holds it), {services}.
"""
# ruff: noqa: E501 (a table is read by rows)

import re
from dataclasses import dataclass

SERVICES = "What was stopped for the backup is started again by the scripts that follow it."

KEPT = "No archive was made. Earlier archives are as they were."
IN_DOUBT = "No archive was made. Earlier archives may be damaged: delete none of them before a check."
PARTLY = "The archive is good without it."
PERHAPS = "An archive may or may not have been made. Earlier archives are as they were."

TRY_AGAIN = "Back up again. If it happens twice, look at borg's own words in the log."
CHECK = "Check the repository, and the disk and the memory of the machine that holds it."
NEWER = "Install a newer borg on this machine, or set BORGUI_BORG to one."
REPORT = "Look at borg's own words in the log. This looks like a fault of borg or of this product: please report it."
KEY = "Put the key back that was exported when the repository was made (borg key import)."
SOURCE = "Look at the file, or exclude it from this backup."
CONNECT = "Look whether {host} is on and reachable, and whether ssh from this machine to it works."
UNTRUSTED = (
    "If you put an older copy of the repository there, remove its folder below cache and security. "
    "If not, find out who did."
)


@dataclass(frozen=True)
class Explanation:
    failed: str
    data: str
    next_step: str
    services: str = "{services}"

    @property
    def sentence(self) -> str:
        """What failed, and what to do: for a place that shows the two verdicts beside it."""
        return f"{self.failed} {self.next_step}"

    @property
    def text(self) -> str:
        return f"{self.failed} {self.data} {self.services} {self.next_step}"


# fmt: off
_BROKEN = Explanation("The repository {repository} is damaged: {detail}", IN_DOUBT, CHECK)
_FORGED = Explanation("The repository {repository} may have been tampered with: {detail}", IN_DOUBT, UNTRUSTED)
_TOO_NEW = Explanation("The repository {repository} was written by a newer borg.", KEPT, NEWER)
_TALK = Explanation("borg here and borg on {host} do not understand each other: {detail}", KEPT, "Install the same version of borg on both.")
_INTERNAL = Explanation("borg stopped because of an error of its own: {detail}", KEPT, REPORT)
_GONE = Explanation(
    "borg could not reach {host}.", KEPT, CONNECT + " borg has to be installed there, or its place given as remote path."
)
_LOCK = Explanation("borg could not use the lock of the repository {repository}: {detail}", KEPT, "Look whether the repository can be written to and its disk has space.")
_LOCK_LOST = Explanation(
    "borg lost its lock of the repository {repository}: {detail}",
    PERHAPS,
    "Look whether another borg uses this repository, or somebody broke the lock; then check the repository.",
)
_NAME = Explanation("borg could not fill in a placeholder: {detail}", KEPT, "Take the braces out of the path of the repository.")
_PASSPHRASE = Explanation(
    "The passphrase of the repository {repository} is wrong.", KEPT, "Enter the passphrase again in the settings of the repository."
)
_NO_FILE = Explanation("The key of the repository {repository} is not on this machine.", KEPT, KEY)
_BAD_FILE = Explanation("The key file of the repository {repository} cannot be used: {detail}", KEPT, KEY)
_UNEXPECTED = Explanation(
    "The repository {repository} is not encrypted, and was not used here before.",
    KEPT,
    "If that is right, set its encryption to what it is (none or authenticated). If not, find out who replaced it.",
)
_DISK_FULL = Explanation(
    "The disk that holds the repository {repository} is full.",
    KEPT,
    "Free space there: delete archives you do not need, then compact the repository.",
)
_WARNED = Explanation("borg warned: {detail}", "The archive was made.", "Look at borg's own words in the log.")
_NOT_READ = Explanation("A file could not be read: {detail}", PARTLY, SOURCE)
_STOPPED = Explanation("borg was stopped from outside.", PERHAPS, "Back up again.")
_NOTHING = Explanation("borg asked whether to go on, and was answered: {detail}", KEPT, "Nothing, unless an error follows.")

EXPLANATIONS: dict[str, Explanation] = {
    "Error": Explanation("borg stopped with an error: {detail}", KEPT, TRY_AGAIN),
    "ErrorWithTraceback": Explanation("borg stopped with an error: {detail}", KEPT, TRY_AGAIN),
    "Exception": _INTERNAL,
    "Buffer.MemoryLimitExceeded": _INTERNAL,
    "EfficientCollectionQueue.SizeUnderflow": _INTERNAL,
    "RTError": Explanation("borg cannot run on this machine: {detail}", KEPT, "Install borg again from your distribution."),
    "PythonLibcTooOld": Explanation("borg cannot run on this machine: {detail}", KEPT, NEWER),
    "ExtensionModuleError": Explanation("borg is not installed completely.", KEPT, "Install borg again."),
    "CancelledByUser": Explanation("borg was answered that it should not go on.", KEPT, "Back up again."),
    "CommandError": Explanation("borg did not understand how it was called: {detail}", KEPT, "Look at the exclude patterns and the compression in the settings of the repository."),
    "PlaceholderError": _NAME,
    "InvalidPlaceholder": _NAME,
    "Repository.AlreadyExists": Explanation("There is already a borg repository at {repository}.", KEPT, "Connect to it, or choose another place."),
    "Repository.AtticRepository": Explanation("{repository} was made by Attic, the program before borg.", KEPT, "Convert a copy of it with borg upgrade, then connect to that."),
    "Repository.CheckNeeded": Explanation("The repository {repository} is not in order.", IN_DOUBT, CHECK),
    "Repository.DoesNotExist": Explanation("There is no repository at {repository}.", KEPT, "Look whether its disk is mounted and its path is right."),
    "Repository.InsufficientFreeSpaceError": _DISK_FULL,
    "Repository.InvalidRepository": Explanation("What is at {repository} is not a borg repository.", KEPT, "Look whether its disk is mounted and its path is right."),
    "Repository.InvalidRepositoryConfig": Explanation("The file config of the repository {repository} is damaged.", IN_DOUBT, "Put that file back from a copy of the repository, then check the repository."),
    "Repository.ObjectNotFound": Explanation("A piece of data is missing in the repository {repository}.", IN_DOUBT, CHECK),
    "Repository.ParentPathDoesNotExist": Explanation("The folder in which {repository} was to be made is not there.", KEPT, "Look whether its disk is mounted, or make that folder."),
    "Repository.PathAlreadyExists": Explanation("There is something else at {repository}.", KEPT, "Choose an empty folder, or one that is not there yet."),
    "Repository.StorageQuotaExceeded": Explanation("The repository {repository} has reached its storage quota.", KEPT, "Delete archives you do not need and compact the repository, or raise the quota."),
    "Repository.PathPermissionDenied": Explanation("borg may not use {repository}.", KEPT, "Give the user that runs this service the right to read and write there."),
    "MandatoryFeatureUnsupported": _TOO_NEW,
    "NoManifestError": Explanation("The repository {repository} has lost its table of contents.", IN_DOUBT, CHECK),
    "UnsupportedManifestError": _TOO_NEW,
    "Archive.AlreadyExists": Explanation("An archive of this name is already there.", KEPT, "Put {now} into the archive name template."),
    "Archive.DoesNotExist": Explanation("There is no such archive in the repository {repository}.", KEPT, "Read the list of archives again: it may have been pruned."),
    "Archive.IncompatibleFilesystemEncodingError": Explanation("borg could not use a file name: {detail}", KEPT, REPORT),
    "Archive.delete.<locals>.ChunksIndexError": _BROKEN,
    "KeyfileInvalidError": _BAD_FILE,
    "KeyfileMismatchError": _BAD_FILE,
    "KeyfileNotFoundError": _NO_FILE,
    "NotABorgKeyFile": Explanation("This file is not an exported borg key.", KEPT, "Choose the file that borg key export wrote."),
    "RepoKeyNotFoundError": Explanation("The key is gone from the repository {repository}.", KEPT, KEY),
    "RepoIdMismatch": Explanation("This key belongs to another repository.", KEPT, "Choose the key that was exported from {repository}."),
    "UnencryptedRepo": Explanation("The repository {repository} is not encrypted and has no key.", KEPT, "There is nothing to export."),
    "UnknownKeyType": _TOO_NEW,
    "UnsupportedPayloadError": _TOO_NEW,
    "NoPassphraseFailure": Explanation("The repository {repository} is encrypted, and no passphrase was given.", KEPT, "Enter its passphrase in the settings of the repository."),
    "PasscommandFailure": Explanation("The command that should give the passphrase failed: {detail}", KEPT, "Try that command by hand."),
    "PassphraseWrong": _PASSPHRASE,
    "PasswordRetriesExceeded": _PASSPHRASE,
    "PassphraseKey.create.<locals>.ImmutablePassphraseError": Explanation("The passphrase of {repository} cannot be changed.", KEPT, "Make a new repository."),
    "Cache.CacheInitAbortedError": _UNEXPECTED,
    "Cache.EncryptionMethodMismatch": Explanation("The repository {repository} is encrypted in another way than before.", KEPT, "If you did not do that, find out who replaced it."),
    "Cache.RepositoryAccessAborted": Explanation("The repository {repository} was at another place before, and borg was not allowed to go on.", KEPT, "Set the path of the repository again."),
    "Cache.RepositoryIDNotUnique": _FORGED,
    "Cache.RepositoryReplay": _FORGED,
    "LockError": _LOCK,
    "LockErrorT": _LOCK,
    "LockFailed": _LOCK,
    "LockTimeout": Explanation(
        "Another borg holds this repository: {lock}.",
        KEPT,
        "If that computer is off or finished, break the lock. If it is still backing up, wait: breaking the lock then can damage the repository.",
    ),
    "NotLocked": _LOCK_LOST,
    "NotMyLock": _LOCK_LOST,
    "ConnectionClosed": _GONE,
    "ConnectionClosedWithHint": _GONE,
    "ConnectionBrokenWithHint": Explanation("The connection to {host} broke off.", KEPT, "Back up again. " + CONNECT),
    "InvalidRPCMethod": _TALK,
    "PathNotAllowed": Explanation("{host} does not allow the path {repository}.", KEPT, "Compare the path with the one after --restrict-to-path in authorized_keys on {host}."),
    "RemoteRepository.RPCServerOutdated": Explanation("borg on {host} is too old.", KEPT, "Install a newer borg on {host}, or give its place as remote path."),
    "UnexpectedRPCDataFormatFromClient": _TALK,
    "UnexpectedRPCDataFormatFromServer": Explanation("{host} answered something that is not borg.", KEPT, "Take out what the login scripts on {host} print, for example in .bashrc."),
    "IntegrityError": _BROKEN,
    "FileIntegrityError": _BROKEN,
    "DecompressionError": _BROKEN,
    "ArchiveTAMInvalid": _FORGED,
    "ArchiveTAMRequiredError": _FORGED,
    "TAMInvalid": _FORGED,
    "TAMRequiredError": _FORGED,
    "TAMUnsupportedSuiteError": _TOO_NEW,
    "Signal.SIGTERM": _STOPPED,
    "Signal.SIGHUP": _STOPPED,
    "BorgWarning": _WARNED,
    "BackupWarning": _NOT_READ,
    "BackupError": _NOT_READ,
    "BackupRaceConditionError": Explanation("A file was replaced while it was read: {detail}", PARTLY, "Stop what writes to it during the backup."),
    "BackupOSError": _NOT_READ,
    "BackupPermissionError": Explanation("A file may not be read: {detail}", PARTLY, "Give the user that runs this service the right to read it, or exclude it."),
    "BackupIOError": Explanation("The disk could not read a file: {detail}", PARTLY, "Look at the health of that disk soon."),
    "BackupFileNotFoundError": Explanation("A source or a file was not there: {detail}", PARTLY, "Look whether it is mounted, or take it out of the sources."),
    "FileChangedWarning": Explanation("A file changed while it was read: {detail}", "The archive has it as it was read, which may not be what anybody wrote.", "Stop what writes to it during the backup, or back up a dump or a snapshot."),
    "IncludePatternNeverMatchedWarning": Explanation("A path that was asked for is not in the archive: {detail}", PARTLY, "Look at the path."),
    "BackupSymlinkParentError": _NOT_READ,
    "BackupPathTraversalError": _NOT_READ,
    "BackupHardlinkSourceError": _NOT_READ,
    "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": _NOTHING,
    "BORG_RELOCATED_REPO_ACCESS_IS_OK": _NOTHING,
    "BORG_CHECK_I_KNOW_WHAT_I_AM_DOING": _NOTHING,
    "BORG_DELETE_I_KNOW_WHAT_I_AM_DOING": _NOTHING,
}

UNKNOWN = Explanation("borg stopped with an error: {detail}", KEPT, TRY_AGAIN)

_NOT_PERMITTED = Explanation("borg may not use a file or folder that it needs: {detail}", KEPT, "Give the user that runs this service the right to read and write the repository and the data directory.")
_READ_ONLY = Explanation("The repository {repository} is on a disk that cannot be written to.", KEPT, "Look why that disk is mounted read-only: a fault of the disk does this too.")
_DISK_ERROR = Explanation("A disk that borg needs has an error: {detail}", IN_DOUBT, "Look at the health of the disk that holds {repository}, then check the repository.")
_NOT_THERE = Explanation("A file or folder that borg needs is missing: {detail}", IN_DOUBT, "Look whether the disk of the repository is mounted, then check the repository.")
_HOST_KEY = Explanation("ssh does not know {host}, or not with this key: its host key could not be verified.", KEPT, "Connect to it once by hand as the user that runs this service, and compare the key.")
_NO_LOGIN = Explanation("{host} did not let this machine in.", KEPT, "Look whether the public key of this machine is in authorized_keys on {host}, and the user name is right.")
_NO_NAME = Explanation("There is no machine with the name {host}.", KEPT, "Look whether the name is right and the network is up.")
_NO_ANSWER = Explanation("{host} did not answer.", KEPT, CONNECT)
_NO_BORG = Explanation("There is no borg on {host}, or not where it was looked for.", KEPT, "Install borg there, or give its place as remote path.")

_SYSTEM = frozenset({"Exception", "OSError", "PermissionError", "LockFailed", "Error", "InvalidRepository"})
_REMOTE = frozenset({"ConnectionClosed", "ConnectionClosedWithHint", "ConnectionBrokenWithHint"})

# Words of the system and of ssh that tell more than the id they come with; the first that is found counts.
CAUSES: tuple[tuple[frozenset[str], re.Pattern[str], Explanation], ...] = (
    (_SYSTEM, re.compile(r"\[Errno (?:28|122)\]|No space left on device|Disk quota exceeded"), _DISK_FULL),
    (_SYSTEM, re.compile(r"\[Errno 30\]|Read-only file system"), _READ_ONLY),
    (_SYSTEM, re.compile(r"\[Errno (?:1|13)\]"), _NOT_PERMITTED),
    (_SYSTEM, re.compile(r"\[Errno 5\]"), _DISK_ERROR),
    (_SYSTEM, re.compile(r"\[Errno 2\]"), _NOT_THERE),
    (frozenset({"Repository.InvalidRepositoryConfig"}), re.compile("not supported by this borg version"), _TOO_NEW),
    (_REMOTE, re.compile(r"Host key verification failed|HOST IDENTIFICATION HAS CHANGED"), _HOST_KEY),
    (_REMOTE, re.compile(r"Permission denied \(|Too many authentication failures"), _NO_LOGIN),
    (_REMOTE, re.compile(r"Could not resolve hostname"), _NO_NAME),
    (_REMOTE, re.compile(r"Connection refused|timed out|No route to host|Network is unreachable"), _NO_ANSWER),
    (_REMOTE, re.compile(r"command not found|: not found|No such file or directory"), _NO_BORG),
)
# fmt: on
