"""What a person reads when borg stopped: what failed, is the data safe, is the service up, what to do now."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from backups.borg.events import Message
from backups.borg.explanations import CAUSES, EXPLANATIONS, SERVICES, UNKNOWN, Explanation
from backups.borg.lock import holder_of
from backups.borg.outcome import FAILURE, NOT_SAVED, of_message
from backups.borg.target import Target

__all__ = ["Explanation", "decisive", "explain", "explain_failure"]

LONGEST_DETAIL = 300  # characters of borg's own words in a sentence

_LOCK_PATH = re.compile(r"the lock (?P<path>/.+?)(?: \(|\.$)", re.DOTALL)
_RAISED = re.compile(r"^[\w.]*(?:Error|Exception|Exit|Interrupt)\b.*$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def explain_failure(target: Target, messages: Sequence[Message]) -> Explanation:
    """What the messages of a call that failed mean, whatever borg's version."""
    last = decisive(messages)
    msgid = last.msgid if last else ""
    return explain(
        msgid,
        template=_cause(msgid, messages),
        repository=target.path,
        host=target.host,
        detail=_detail(last, messages),
        lock=_lock(target, last.text) if last and msgid == "LockTimeout" else "",
    )


def decisive(messages: Sequence[Message]) -> Message | None:
    """The message that tells why borg failed: its last error with an id."""
    return next((m for m in reversed(messages) if of_message(m.level, m.msgid) == FAILURE), None)


def explain(
    msgid: str,
    *,
    repository: str = "",
    host: str = "",
    detail: str = "",
    lock: str = "",
    services: str = SERVICES,
    template: Explanation | None = None,
) -> Explanation:
    """The four sentences for an id (or of a `template`), filled in. An unknown id gets borg's own words."""
    values = {
        "repository": repository or "of this backup",
        "host": host or "this machine",
        "detail": _sentence(detail or msgid or "it gave no reason"),
        "lock": lock or "which one, it could not tell",
        "services": services,
    }
    return _filled(template or EXPLANATIONS.get(msgid, UNKNOWN), values)


def _filled(template: Explanation, values: dict[str, str]) -> Explanation:
    """Other braces stay what they are: borg's words may have some, and `{now}` is meant so."""

    def fill(text: str) -> str:
        return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)

    return replace(
        template,
        failed=fill(template.failed),
        data=fill(template.data),
        next_step=fill(template.next_step),
        services=fill(template.services),
    )


def _cause(msgid: str, messages: Sequence[Message]) -> Explanation | None:
    """A more telling explanation than the id's, from the words of the system or of ssh."""
    told = [m.text for m in messages if m.msgid not in NOT_SAVED]
    for ids, pattern, explanation in CAUSES:
        if msgid in ids and any(pattern.search(text) for text in told):
            return explanation
    return None


def _detail(last: Message | None, messages: Sequence[Message]) -> str:
    """borg's own words: of the message with the id; of a traceback, what was raised; else the last line there is."""
    if last and last.msgid != "Exception":
        return last.text
    raised = [line for m in messages if "Traceback" in m.text for line in _RAISED.findall(m.text)]
    return raised[-1] if raised else next((m.text.splitlines()[-1] for m in reversed(messages) if m.text), "")


def _sentence(words: str) -> str:
    first = next(iter(words.strip().splitlines()), "")[:LONGEST_DETAIL].strip()
    return first if first.endswith((".", "?", "!")) else f"{first}."


def _lock(target: Target, text: str) -> str:
    """Who holds the lock that this message names, where it is on this machine: the repository's or a cache's."""
    match = _LOCK_PATH.search(text)
    holder = holder_of(Path(match["path"]), target.host_id) if match and not _elsewhere(target, match["path"]) else None
    return holder.describe(datetime.now(UTC)) if holder else ""


def _elsewhere(target: Target, path: str) -> bool:
    """A path of another machine must not be looked up here."""
    return bool(target.host) and not path.startswith(str(target.base_dir))
