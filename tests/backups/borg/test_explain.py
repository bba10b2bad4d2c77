from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.borg import Message, Target, explain, lock_holder
from backups.borg.explain import explain_failure
from backups.borg.explanations import CAUSES, EXPLANATIONS, Explanation
from backups.borg.lock import Holder
from tests.backups.borg.conftest import HOST_ID, foreign_lock

TARGET = Target(path="/backup/web", base_dir=Path("/base"), host_id=HOST_ID)
ALL = [*EXPLANATIONS.items(), *((pattern.pattern, explanation) for _, pattern, explanation in CAUSES)]


def error(msgid: str, text: str, level: str = "ERROR") -> Message:
    return Message(level, msgid, text)


@pytest.mark.parametrize(("name", "explanation"), ALL)
def test_every_explanation_has_four_plain_sentences(name: str, explanation: Explanation) -> None:
    for field in fields(explanation):
        sentence = getattr(explanation, field.name)
        assert sentence, field.name
        assert "!" not in sentence
        assert sentence.endswith((".", "{detail}", "{services}")), sentence
        assert not any(word in sentence.lower().split() for word in ("job", "hook", "chain")), sentence


@pytest.mark.parametrize("msgid", EXPLANATIONS)
def test_no_placeholder_is_left_over(msgid: str) -> None:
    filled = explain(
        msgid, repository="/backup/web", host="nas", detail="It broke", lock="host nas", services="All up."
    )
    assert "{" not in filled.text.replace("{now}", "")
    assert "All up." in filled.text


def test_borgs_own_braces_are_left_alone() -> None:
    assert explain("Error", detail="no {repository} in {this}").failed.endswith("no {repository} in {this}.")


def test_the_last_error_with_an_id_decides() -> None:
    messages = [error("", "first"), error("PassphraseWrong", "wrong"), error("", "Traceback ...")]
    assert explain_failure(TARGET, messages).failed == "The passphrase of the repository /backup/web is wrong."


def test_an_unknown_id_is_told_in_borgs_own_words() -> None:
    found = explain_failure(TARGET, [error("SomethingNew", "The moon is full")])
    assert found.failed == "borg stopped with an error: The moon is full."


def test_without_any_id_the_last_line_is_told() -> None:
    messages = [error("", "usage: borg", "TEXT"), error("", "borg: error: unrecognized arguments: --foo", "TEXT")]
    assert "unrecognized arguments: --foo." in explain_failure(TARGET, messages).failed


def test_of_a_traceback_what_was_raised_is_told() -> None:
    trace = "Traceback (most recent call last):\n  File x.py, line 1\nValueError: bad\n\nPlatform: Linux\nPath: None"
    found = explain_failure(TARGET, [error("Exception", "Local Exception"), error("", trace)])
    assert found.failed == "borg stopped because of an error of its own: ValueError: bad."


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("OSError: [Errno 28] No space left on device", "disk that holds the repository /backup/web is full"),
        ("OSError: [Errno 30] Read-only file system: '/backup/web/x'", "cannot be written to"),
        ("PermissionError: [Errno 13] Permission denied: '/backup/web/x'", "borg may not use a file or folder"),
        ("OSError: [Errno 5] Input/output error", "A disk that borg needs has an error"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/backup/web/data'", "that borg needs is missing"),
    ],
)
def test_an_error_of_the_system_is_told_as_what_it_is(words, told) -> None:
    messages = [error("Exception", "Local Exception"), error("", f"Traceback (most recent call last):\n{words}")]
    assert told in explain_failure(TARGET, messages).failed


def test_an_unreadable_source_file_is_not_taken_for_the_reason_of_a_failure() -> None:
    messages = [
        Message("WARNING", "BackupPermissionError", "/s/a: open: [Errno 13] Permission denied: 'a'", "/s/a"),
        error("Exception", "Local Exception"),
        error("", "Traceback (most recent call last):\nValueError: bad"),
    ]
    assert "error of its own: ValueError: bad" in explain_failure(TARGET, messages).failed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Remote: Host key verification failed.", "ssh does not know nas"),
        ("Remote: u@nas: Permission denied (publickey).", "nas did not let this machine in."),
        ("Remote: ssh: Could not resolve hostname nas: Name or service not known", "no machine with the name nas"),
        ("Remote: ssh: connect to host nas port 22: Connection refused", "nas did not answer."),
        ("Remote: bash: borg: command not found", "There is no borg on nas"),
        ("Remote: something else", "borg could not reach nas."),
    ],
)
def test_what_ssh_said_is_told(words, told) -> None:
    messages = [error("", words, "WARNING"), error("ConnectionClosedWithHint", "Connection closed by remote host.")]
    assert told in explain_failure(replace(TARGET, path="ssh://u@nas/web"), messages).failed


def test_a_foreign_lock_tells_host_process_and_age(tmp_path) -> None:
    repository = tmp_path / "web"
    repository.mkdir()
    lock = foreign_lock(repository)
    message = error("LockTimeout", f"Failed to create/acquire the lock {lock} (timeout).")
    found = explain_failure(replace(TARGET, path=str(repository)), [message])
    assert found.failed.startswith("Another borg holds this repository: host nas, process 4711, since ")
    assert "break the lock" in found.next_step


def test_a_lock_on_another_machine_is_not_looked_up_here(tmp_path) -> None:
    lock = foreign_lock(tmp_path)
    message = error("LockTimeout", f"Failed to create/acquire the lock {lock} (timeout).")
    found = explain_failure(replace(TARGET, path=f"nas:{tmp_path}"), [message])
    assert found.failed == "Another borg holds this repository: which one, it could not tell."


def test_a_lock_is_told_with_its_time_and_a_rough_age() -> None:
    since = datetime(2026, 11, 23, 2, 3, tzinfo=UTC)
    holder = Holder("nas", 4711, since, ours=False)
    assert holder.describe(since + timedelta(hours=6, minutes=5)) == "host nas, process 4711, since 02:03 UTC (6 h)"
    assert holder.describe(since + timedelta(days=3)).endswith("since 2026-11-23 02:03 UTC (3 d)")
    assert holder.describe(since - timedelta(seconds=5)).endswith("(0 s)")


def test_who_holds_the_lock_of_a_local_repository_is_read(tmp_path) -> None:
    target = replace(TARGET, path=str(tmp_path))
    assert lock_holder(target) is None
    foreign_lock(tmp_path, "nas.example.org@99", 12)
    holder = lock_holder(target)
    assert holder is not None
    assert (holder.host, holder.pid, holder.ours, holder.reading) == ("nas.example.org", 12, False, False)


def test_our_own_lock_is_known_and_a_reader_is_one(tmp_path) -> None:
    (tmp_path / "lock.roster").write_text(f'{{"shared": [["{HOST_ID}", 12, 0]]}}')
    holder = lock_holder(replace(TARGET, path=str(tmp_path)))
    assert holder is not None
    assert (holder.pid, holder.ours, holder.reading) == (12, True, True)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"shared": []}', '{"shared": [1]}', '{"shared": [["a", "b", 0]]}'])
def test_a_damaged_list_of_readers_is_nobody(tmp_path, text) -> None:
    (tmp_path / "lock.roster").write_text(text)
    assert lock_holder(replace(TARGET, path=str(tmp_path))) is None


def test_a_remote_repository_has_no_holder_that_could_be_read() -> None:
    assert lock_holder(replace(TARGET, path="ssh://nas/web")) is None
