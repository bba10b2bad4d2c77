import json

import pytest

from backups.borg.events import LONGEST_LINE, LONGEST_TEXT, Message, Progress, Reader, document, events, instant


def line(**fields: object) -> str:
    return json.dumps(fields)


def test_a_log_line_is_a_message_with_its_id() -> None:
    said = line(type="log_message", levelname="ERROR", message="No.", msgid="PassphraseWrong", name="borg.archiver")
    assert list(events(said)) == [Message("ERROR", "PassphraseWrong", "No.")]


def test_plain_text_is_a_message_without_an_id() -> None:
    assert list(events("ssh: connect to host nas port 22: refused\r")) == [
        Message("TEXT", "", "ssh: connect to host nas port 22: refused")
    ]


def test_an_object_that_begins_in_mid_line_is_found_and_the_text_before_it_kept() -> None:
    said = "Enter passphrase for key /r: " + line(
        type="log_message", levelname="ERROR", message="x", msgid="LockTimeout"
    )
    assert list(events(said)) == [
        Message("TEXT", "", "Enter passphrase for key /r:"),
        Message("ERROR", "LockTimeout", "x"),
    ]


def test_two_objects_on_a_line_are_two_events() -> None:
    said = line(type="log_message", levelname="INFO", message="a") + line(type="progress_message", message="b")
    assert list(events(said)) == [Message("INFO", "", "a"), Progress(message="b")]


def test_text_that_only_looks_like_an_object_stays_text() -> None:
    said = 'a {"path": "x"} and {"broken'
    assert list(events(said)) == [Message("TEXT", "", said)]


def test_progress_counts_files_and_bytes() -> None:
    said = line(
        type="archive_progress", path="srv/a", nfiles=3, original_size=10, compressed_size=9, deduplicated_size=8
    )
    [progress] = events(said)
    assert isinstance(progress, Progress)
    assert progress.as_dict == {
        "path": "srv/a",
        "files": 3,
        "original_size": 10,
        "compressed_size": 9,
        "deduplicated_size": 8,
    }


@pytest.mark.parametrize("kind", ["archive_progress", "progress_message", "progress_percent"])
def test_the_end_of_progress_is_no_progress(kind) -> None:
    assert list(events(line(type=kind, finished=True))) == []


def test_a_question_that_the_environment_answered_is_a_message() -> None:
    said = line(type="question_prompt", msgid="BORG_RELOCATED_REPO_ACCESS_IS_OK", message="Continue?")
    assert list(events(said)) == [Message("INFO", "BORG_RELOCATED_REPO_ACCESS_IS_OK", "Continue?")]


def test_bytes_may_come_cut_anywhere() -> None:
    said = ("ä plain\n" + line(type="log_message", levelname="INFO", message="ö") + "\nrest").encode()
    reader = Reader()
    heard = [event for at in range(len(said)) for event in reader.feed(said[at : at + 1])] + list(reader.close())
    assert heard == [Message("TEXT", "", "ä plain"), Message("INFO", "", "ö"), Message("TEXT", "", "rest")]


def test_a_line_without_end_is_not_kept_for_ever() -> None:
    reader = Reader()
    heard = list(reader.feed(b"x" * (LONGEST_LINE + 1)))
    assert len(heard) == 1
    assert list(reader.close()) == []


def test_a_line_of_braces_is_read_in_reasonable_time() -> None:
    assert len(list(events('{"' * 200_000))) == 1


def test_a_long_message_keeps_its_end_where_a_traceback_says_what_happened() -> None:
    [message] = events(line(type="log_message", levelname="ERROR", message="Traceback " + "x" * 20_000 + " OSError"))
    assert isinstance(message, Message)
    assert message.text.startswith("Traceback")
    assert message.text.endswith("OSError")
    assert len(message.text) < LONGEST_TEXT + 10


def test_what_no_database_takes_is_taken_out() -> None:
    [message] = events('{"type": "log_message", "levelname": "INFO", "message": "a\\u0000b\\ud800c"}')
    assert isinstance(message, Message)
    assert message.text == "ab?c"


def test_half_a_document_is_none() -> None:
    assert document(b'{"archive": {"na') is None
    assert document(b"") is None
    assert document(b'{"archive": {}}') == {"archive": {}}


def test_a_naive_time_is_utc() -> None:
    assert instant("2026-11-23T01:42:52.000000") == "2026-11-23T01:42:52+00:00"
