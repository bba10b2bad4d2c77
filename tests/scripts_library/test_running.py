"""One script from its pinned text to the record of its end: behaviour.md, sections 8 and 9."""

import base64
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from backups import pipeline
from backups.models import Event, Notification
from backups.watch import StopRequest
from borgui.masking import Masker
from scripts_library import notify_file, running
from scripts_library.models import ExecutionStatus, ScriptExecution
from scripts_library.running import Superseded

from .stage import POST, PRE, Stage

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

SECRET = "correct horse/battery+staple"
WITH_SECRET = '# /// borgui\n# [[parameters]]\n# name = "TOKEN"\n# type = "secret"\n# ///\n'


def ran(body: str, hook: str = PRE, **fields: Any) -> Stage:
    """A stage on which a script named `it` has run."""
    stage = Stage()
    stage.attach(hook, "it", body, **fields)
    stage.pre() if hook == PRE else stage.post("success")
    return stage


# --- what is recorded -------------------------------------------------------------------------------------------------
def test_a_good_end_is_recorded() -> None:
    row = ran("echo out; echo err >&2").row()
    assert (row.status, row.exit_code, row.signal, row.error_message) == (ExecutionStatus.SUCCEEDED, 0, None, "")
    assert (row.stdout, row.stderr) == ("out\n", "err\n")
    assert row.started_at
    assert row.completed_at
    assert row.started_at <= row.completed_at
    assert row.execution_time is not None
    assert 0 <= row.execution_time < 60
    assert row.pid
    assert row.log_bytes > 0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("exit 3", "exit 3"),
        ("echo one; echo 'no such host' >&2; exit 3", "exit 3: no such host"),
        ("echo only here; exit 4", "exit 4: only here"),
        ("printf 'last\\n\\n  \\n' >&2; exit 4", "exit 4: last"),
        ("kill -9 $$", "ended by signal 9 (SIGKILL)"),
        ("kill -TERM $$", "ended by signal 15 (SIGTERM)"),
    ],
)
def test_the_message_says_how_it_ended_and_its_last_line(body: str, message: str) -> None:
    assert ran(body).row().error_message == message


def test_a_time_limit_keeps_what_was_printed() -> None:
    row = ran("echo begun; sleep 30", timeout=1).row()
    assert (row.status, row.stdout, row.error_message) == (
        ExecutionStatus.TIMED_OUT,
        "begun\n",
        "stopped after 1 s, its time limit",
    )


def test_running_is_written_before_the_script_starts_and_its_end_once() -> None:
    stage = Stage()
    stage.attach(PRE, "it", f'test -e "{stage.directory.path}/running"')
    rows, run = stage.plan(), stage.run(PRE)

    def write(row: ScriptExecution, fields: dict[str, Any]) -> None:
        if fields["status"] == ExecutionStatus.RUNNING:
            assert fields["started_at"]
            (stage.directory.path / "running").touch()
        stage.write(row, fields)

    object.__setattr__(run, "write", write)
    running.run_script(rows[0], run)
    assert [fields["status"] for fields in stage.writes] == ["running", "succeeded"]


def test_a_row_that_cannot_be_written_starts_nothing(tmp_path: Path) -> None:
    stage = Stage()
    stage.attach(PRE, "it", f"touch {tmp_path}/ran")
    rows, run = stage.plan(), stage.run(PRE)

    def refuse(row: ScriptExecution, fields: dict[str, Any]) -> None:
        raise OSError("no room")

    object.__setattr__(run, "write", refuse)
    with pytest.raises(OSError, match="no room"):
        running.run_script(rows[0], run)
    assert not (tmp_path / "ran").exists()


def test_a_run_that_was_taken_over_meanwhile_is_told_at_the_end() -> None:
    stage = Stage()
    stage.attach(PRE, "it")
    rows, run = stage.plan(), stage.run(PRE)

    def write(row: ScriptExecution, fields: dict[str, Any]) -> None:
        if fields["status"] != ExecutionStatus.RUNNING:
            raise Superseded("taken over")

    object.__setattr__(run, "write", write)
    with pytest.raises(Superseded):
        running.run_script(rows[0], run)


def test_a_text_whose_revision_is_gone_says_so() -> None:
    stage = Stage()
    stage.attach(PRE, "it")
    rows = stage.plan()
    rows[0].revision = None
    stage.pre(rows)
    assert stage.row().error_message == "The text that was planned is gone."


def test_a_log_that_cannot_be_written_is_told_and_does_not_make_it_fail(settings: Any, tmp_path: Path) -> None:
    settings.LOGS_DIR = tmp_path / "file"
    settings.LOGS_DIR.write_text("not a folder")
    row = ran("echo fine").row()
    assert (row.status, row.stdout, row.log_bytes) == (ExecutionStatus.SUCCEEDED, "fine\n", 0)
    assert "could not be written" in row.error_message


# --- where it runs ----------------------------------------------------------------------------------------------------
def test_it_runs_in_the_run_directory_from_a_private_copy_with_a_readable_name() -> None:
    stage = Stage()
    stage.attach(PRE, "Stop: Nextcloud (1)", 'pwd; echo "$0"; umask; stat -c %a "$0" .', shebang="#!/bin/bash")
    stage.pre()
    folder, copy, umask, mode, _ = stage.row("Stop: Nextcloud (1)").stdout.splitlines()
    assert Path(folder) == stage.directory.path.resolve()
    assert copy == str(stage.directory.copies / "00-stop-nextcloud-1")
    assert (umask, mode) == ("0077", "700")
    assert stat.S_IMODE(os.stat(stage.directory.state).st_mode) == 0o700


def test_standard_input_is_empty_and_the_lock_is_not_inherited() -> None:
    stage = Stage()
    stage.attach(PRE, "it", 'cat | wc -c; ls -l /proc/$$/fd > "$STATE_DIR/descriptors"')
    stage.directory.acquire()
    try:
        stage.pre()
    finally:
        stage.directory.release()
    descriptors = (stage.directory.state / "descriptors").read_text()
    assert stage.row().stdout.strip() == "0"
    assert "/dev/null" in descriptors
    assert "/lock" not in descriptors
    assert ".db" not in descriptors


def test_the_shebang_is_honoured_with_its_argument() -> None:
    stage = Stage()
    stage.attach(
        PRE, "it", "import sys; print(sys.version_info[0], sys.flags.isolated)", shebang="#!/usr/bin/python3 -I"
    )
    stage.pre()
    assert stage.row().stdout == "3 1\n"


def test_without_a_shebang_it_is_the_plain_shell() -> None:
    stage = Stage()
    stage.attach(PRE, "it", 'readlink /proc/$$/exe; echo "$0"\n', shebang="")
    stage.pre()
    assert os.path.realpath("/bin/sh") in stage.row().stdout


def test_several_without_letters_in_their_names_do_not_get_into_each_others_way() -> None:
    stage = Stage()
    stage.attach(PRE, "停止", "echo one")
    stage.attach(PRE, "開始", "echo two")
    stage.pre()
    assert [row.stdout for row in stage.rows.values()] == ["one\n", "two\n"]


# --- secrets ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "say",
    [
        'echo "$TOKEN"',
        'echo "$TOKEN" >&2; exit 1',
        'printf "%s" "${TOKEN%staple}"; sleep 0.3; echo staple',
        'printf "%s" "$TOKEN" | base64',
        'printf "user:%s" "$TOKEN" | base64 -w0',
        'set -x; : "$TOKEN"; exit 3',
        'printf "%s\\n" "$TOKEN" > "$NOTIFY_FILE"; echo "$TOKEN" >> "$NOTIFY_FILE"',
    ],
)
def test_a_secret_is_masked_wherever_it_would_be_kept(say: str) -> None:
    stage = ran(WITH_SECRET + say, POST, parameters={"TOKEN": SECRET}, run_on="always")
    row = stage.row()
    kept = " ".join([row.stdout, row.stderr, row.error_message, stage.log(), str(stage.told)])
    assert "***" in kept
    for form in (SECRET, base64.b64encode(SECRET.encode()).decode(), "battery+staple"):
        assert form not in kept
    assert base64.b64encode(f"user:{SECRET}".encode()).decode()[8:30] not in kept


def test_what_the_run_keeps_secret_is_masked_too() -> None:
    stage = Stage()
    stage.attach(PRE, "it", "echo passphrase-of-borg")
    rows, run = stage.plan(), stage.run(PRE)
    object.__setattr__(run, "secrets", ("passphrase-of-borg", "abc"))
    running.run_script(rows[0], run)
    assert stage.row().stdout == "***\n"


def test_a_secret_is_not_readable_in_the_database_or_on_any_command_line() -> None:
    from django.db import connection

    stage = ran(WITH_SECRET + "tr '\\0' ' ' < /proc/$$/cmdline", parameters={"TOKEN": SECRET})
    assert SECRET not in stage.row().stdout
    with connection.cursor() as cursor:
        cursor.execute("SELECT parameters FROM script_executions")
        assert all(SECRET not in value for (value,) in cursor.fetchall())


def test_a_secret_that_cannot_be_decrypted_any_more_keeps_the_script_from_starting() -> None:
    from django.db import connection

    stage = Stage()
    stage.attach(POST, "it", WITH_SECRET, parameters={"TOKEN": SECRET}, run_on="always")
    stage.plan()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE script_executions SET parameters = 'gAAAAAnonsense'")
    stage.post("success", ScriptExecution.objects.all())
    assert stage.row().status == ExecutionStatus.FAILED
    assert "decrypt" in stage.row().error_message


# --- NOTIFY_FILE ------------------------------------------------------------------------------------------------------
def test_what_it_writes_into_notify_file_is_passed_on() -> None:
    stage = ran('printf "Three files\\nare\\nnew\\n" > "$NOTIFY_FILE"')
    assert stage.told == [("Three files", "are\nnew")]


@pytest.mark.parametrize(
    "make", ['mkfifo "$NOTIFY_FILE"', 'mkdir "$NOTIFY_FILE"', 'ln -s /etc/passwd "$NOTIFY_FILE"', ': > "$NOTIFY_FILE"']
)
def test_what_is_no_file_with_a_text_is_passed_over(make: str) -> None:
    stage = ran(make)
    assert (stage.row().status, stage.told) == (ExecutionStatus.SUCCEEDED, [])


def test_a_notice_is_cut_and_made_text() -> None:
    stage = ran('{ printf "title\\n\\377\\0"; head -c 100000 /dev/zero | tr "\\0" x; } > "$NOTIFY_FILE"')
    ((title, text),) = stage.told
    assert title == "title"
    assert text.startswith("\ufffdxxx")
    assert len(text.encode()) <= notify_file.LONGEST


def test_a_secret_at_the_cut_of_a_notice_is_masked(tmp_path: Path) -> None:
    path = tmp_path / "notice"
    path.write_text("title\n" + "x" * (notify_file.LONGEST - 16) + SECRET)
    title, text = notify_file.read(path, Masker([SECRET]))
    assert title == "title"
    assert SECRET[:6] not in text


def test_a_notice_that_cannot_be_passed_on_does_not_make_the_script_fail() -> None:
    stage = Stage()
    stage.attach(PRE, "it", 'echo title > "$NOTIFY_FILE"')
    rows, run = stage.plan(), stage.run(PRE)
    object.__setattr__(run, "tell", lambda row, title, text: 1 / 0)
    running.run_script(rows[0], run)
    assert stage.row().status == ExecutionStatus.SUCCEEDED


@pytest.mark.django_db(transaction=True)
def test_a_notice_of_a_job_becomes_a_row_to_be_sent(make_repository: Any, make_job: Any) -> None:
    stage = Stage(make_repository())
    body = WITH_SECRET + 'printf "Title\\nText %s\\n" "$TOKEN" > "$NOTIFY_FILE"'
    stage.attach(POST, "it", body, parameters={"TOKEN": SECRET}, run_on="always")
    job = make_job(stage.repository)
    pipeline.run(job.pk, StopRequest())
    row = Notification.objects.get(event=Event.MESSAGE)
    assert (row.title, row.text, row.job_id) == ("Title", "Text ***", job.pk)
