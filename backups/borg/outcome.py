"""How a call of borg ended: the table of message ids, and the table of exit codes (behaviour.md, section 4).

The ids are those of borg's page "All about JSON" (message ids, 1.4), those that 1.2 has besides, and those of the
last log line that borg writes when an exception or a signal ends it. Version 1.2 gives its warnings no ids; the same
texts are given the same ids here, so that both versions have the same outcome.
"""

import re
from collections.abc import Iterable

SUCCESS = "success"
WARNING = "warning"
FAILURE = "failure"

_ORDER = (SUCCESS, WARNING, FAILURE)

# An error ends borg, and what it was about to write is not there: always a failure. That includes a lock, a wrong
# passphrase and an archive name that is taken: no archive was made.
_ERRORS = """
    Error ErrorWithTraceback Exception
    Buffer.MemoryLimitExceeded EfficientCollectionQueue.SizeUnderflow RTError
    PythonLibcTooOld ExtensionModuleError
    CancelledByUser CommandError PlaceholderError InvalidPlaceholder
    Repository.AlreadyExists Repository.AtticRepository Repository.CheckNeeded Repository.DoesNotExist
    Repository.InsufficientFreeSpaceError Repository.InvalidRepository Repository.InvalidRepositoryConfig
    Repository.ObjectNotFound Repository.ParentPathDoesNotExist Repository.PathAlreadyExists
    Repository.StorageQuotaExceeded Repository.PathPermissionDenied
    MandatoryFeatureUnsupported NoManifestError UnsupportedManifestError
    Archive.AlreadyExists Archive.DoesNotExist Archive.IncompatibleFilesystemEncodingError
    Archive.delete.<locals>.ChunksIndexError
    KeyfileInvalidError KeyfileMismatchError KeyfileNotFoundError NotABorgKeyFile RepoKeyNotFoundError
    RepoIdMismatch UnencryptedRepo UnknownKeyType UnsupportedPayloadError
    NoPassphraseFailure PasscommandFailure PassphraseWrong PasswordRetriesExceeded
    PassphraseKey.create.<locals>.ImmutablePassphraseError
    Cache.CacheInitAbortedError Cache.EncryptionMethodMismatch Cache.RepositoryAccessAborted
    Cache.RepositoryIDNotUnique Cache.RepositoryReplay
    LockError LockErrorT LockFailed LockTimeout NotLocked NotMyLock
    ConnectionClosed ConnectionClosedWithHint ConnectionBrokenWithHint InvalidRPCMethod PathNotAllowed
    RemoteRepository.RPCServerOutdated UnexpectedRPCDataFormatFromClient UnexpectedRPCDataFormatFromServer
    IntegrityError FileIntegrityError DecompressionError
    ArchiveTAMInvalid ArchiveTAMRequiredError TAMInvalid TAMRequiredError TAMUnsupportedSuiteError
    Signal.SIGTERM Signal.SIGHUP
"""

# Of these files the archive has no good copy: not read at all, or changed under the reading.
NOT_SAVED = frozenset(
    {
        "BackupWarning",
        "BackupError",
        "BackupRaceConditionError",
        "BackupOSError",
        "BackupPermissionError",
        "BackupIOError",
        "BackupFileNotFoundError",
        "FileChangedWarning",
    }
)

_OTHER_WARNINGS = """
    BorgWarning IncludePatternNeverMatchedWarning
    BackupSymlinkParentError BackupPathTraversalError BackupHardlinkSourceError
"""

# Questions that the environment has answered; where the answer was no, an error follows.
_QUESTIONS = """
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK BORG_RELOCATED_REPO_ACCESS_IS_OK
    BORG_CHECK_I_KNOW_WHAT_I_AM_DOING BORG_DELETE_I_KNOW_WHAT_I_AM_DOING
"""

OUTCOME_OF: dict[str, str] = {
    **dict.fromkeys(_ERRORS.split(), FAILURE),
    **dict.fromkeys(NOT_SAVED, WARNING),
    **dict.fromkeys(_OTHER_WARNINGS.split(), WARNING),
    **dict.fromkeys(_QUESTIONS.split(), SUCCESS),
}

_CHANGED = re.compile(r"(?P<path>.+): file changed while we backed it up", re.DOTALL)
_RACE = re.compile(r"(?P<path>.+?): file (?:type|inode|type or inode) changed .*\(race condition", re.DOTALL)
_REFUSED = re.compile(r"(?P<path>.+?): (?:(?:extended stat \(\w+\)|\w+): )?\[Errno (?P<number>\d+)\] ", re.DOTALL)
_UNKNOWN_TYPE = re.compile(r"Unknown file type: (?P<path>.+)", re.DOTALL)
_OF_ERRNO = {1: "BackupPermissionError", 2: "BackupFileNotFoundError", 5: "BackupIOError", 13: "BackupPermissionError"}


def identify(level: str, msgid: str, text: str) -> tuple[str, str]:
    """The id of a message, also where borg gave none, and the file that it is about."""
    if level != "WARNING" or (msgid and msgid not in NOT_SAVED):
        return msgid, ""
    known, path = _warning(text)
    if msgid and not path:
        path = text.rpartition(": ")[0]
    return msgid or known, path


def _warning(text: str) -> tuple[str, str]:
    """borg's words for a file that it could not save: `PATH: [WHAT: ][Errno N] WHY` and three others."""
    if match := _CHANGED.fullmatch(text):
        return "FileChangedWarning", match["path"]
    if match := _RACE.match(text):
        return "BackupRaceConditionError", match["path"]
    if match := _REFUSED.match(text):
        return _OF_ERRNO.get(int(match["number"]), "BackupOSError"), match["path"]
    if match := _UNKNOWN_TYPE.fullmatch(text):
        return "BackupError", match["path"]
    return "", ""


def of_message(level: str, msgid: str) -> str:
    """What one message makes of the call: without an id nothing; with one that nobody knows, what its level says."""
    if not msgid:
        return SUCCESS
    by_level = {"WARNING": WARNING, "ERROR": FAILURE, "CRITICAL": FAILURE}
    return OUTCOME_OF.get(msgid) or by_level.get(level, SUCCESS)


def of_exit(exit_code: int | None) -> str:
    """0 is success; 1 and 100 to 127 are warnings, and the archive exists; the rest, and a signal (None), fails."""
    if exit_code == 0:
        return SUCCESS
    if exit_code == 1 or (exit_code is not None and 100 <= exit_code <= 127):
        return WARNING
    return FAILURE


def worst(outcomes: Iterable[str]) -> str:
    """The worst of them; success where there are none."""
    return max(outcomes, key=_ORDER.index, default=SUCCESS)
