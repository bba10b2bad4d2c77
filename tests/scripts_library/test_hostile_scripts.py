"""Scripts that break things, by accident or on purpose: the chain goes on, the row says what happened, nothing hangs.

Each runs as the first post-backup script of a chain whose second one brings services back.
"""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from backups.models import BackupJob
from borgui import process
from borgui.transcript import read
from scripts_library import running
from scripts_library.models import ExecutionStatus, ScriptExecution

from .stage import POST, PRE, Stage, file_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]

GOOD, FAILED, LATE = ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT
KILLED = -signal.SIGKILL

# what it is: (its text, how it ends, exit code or minus the signal)
HOSTILE: dict[str, tuple[str, str, int | None]] = {
    "closes its output": ("exec >&- 2>&-; exit 0", GOOD, 0),
    "closes its output and goes on": ("exec >&- 2>&- <&-; sleep 0.3; exit 4", FAILED, 4),
    "prints NUL and bytes that are no text": (r"printf 'a\000b\377\376\303'; exit 5", FAILED, 5),
    "prints half a character": (r"printf '\342\202'; sleep 0.3; printf '\254'", GOOD, 0),
    "prints terminal commands": (r"printf '\033]0;title\007\033[2J\033[31mred\033[0m\r\n'", GOOD, 0),
    "prints one endless line": ("head -c 3000000 /dev/zero | tr '\\0' x", GOOD, 0),
    "prints many lines": ("yes y | head -n 300000", GOOD, 0),
    "kills itself": ("kill -9 $$", FAILED, KILLED),
    "kills its group": ("sleep 60 & kill -9 0", FAILED, KILLED),
    "crashes": ("kill -SEGV $$", FAILED, -signal.SIGSEGV),
    "exits with 255": ("exit 255", FAILED, 255),
    "exits as if killed": ("exit 137", FAILED, 137),
    "exits out of range": ("exit 256", GOOD, 0),
    "has a syntax error": ("if then fi (", FAILED, 2),
    "calls what is not there": ("no-such-program", FAILED, 127),
    "becomes another program": ("exec sleep 0", GOOD, 0),
    "becomes a program that is not there": ("exec /nowhere/program", FAILED, 127),
    "reads its input": ('read -r answer && exit 9; cat; test -z "$answer"', GOOD, 0),
    "wants a terminal": ("cat < /dev/tty && exit 9; exit 0", GOOD, 0),
    "writes to descriptors it was not given": (
        'for n in 3 4 5 6; do eval "echo x >&$n" 2> /dev/null; done; exit 6',
        FAILED,
        6,
    ),
    "forgets its environment": ("exec env -i /bin/sh -c 'exit 3'", FAILED, 3),
    "uses up its processor time": ("ulimit -t 1; while :; do :; done", FAILED, KILLED),
    "sleeps for ever": ("sleep 100000", LATE, -signal.SIGTERM),
    "ignores TERM": ("trap '' TERM; while :; do sleep 0.1; done", LATE, KILLED),
    "ignores everything": (
        "trap '' HUP INT QUIT TERM USR1 USR2 PIPE CHLD CONT TSTP TTIN TTOU; while :; do sleep 0.1; done",
        LATE,
        KILLED,
    ),
    "stops itself": ("kill -STOP $$", LATE, KILLED),
    "says goodbye when it is ended": ("trap 'echo bye; exit 0' TERM; sleep 60 & wait", LATE, 0),
    "multiplies": ("f() { [ $1 = 0 ] || { f $(($1-1)) & f $(($1-1)) & }; sleep 60; }; f 3", LATE, -signal.SIGTERM),
    "leaves a daemon behind when it is late": (
        "setsid sh -c 'trap \"\" TERM; sleep 60; sleep 60' & sleep 60",
        LATE,
        -signal.SIGTERM,
    ),
    "removes what it stands in": ('rm -rf "$PWD"', GOOD, 0),
    "misses its folder and removes everything": ("cd /nowhere 2>/dev/null; rm -rf ./* ./.[a-z]*", GOOD, 0),
    "removes STATE_DIR": ('rm -rf "$STATE_DIR"', GOOD, 0),
    "puts a file where STATE_DIR was": ('rm -rf "$STATE_DIR"; echo x > "$STATE_DIR"', GOOD, 0),
    "makes STATE_DIR a link to everything": ('rm -rf "$STATE_DIR"; ln -s / "$STATE_DIR"', GOOD, 0),
    "puts a file where the scripts were": ("rm -rf scripts; echo x > scripts", GOOD, 0),
    "locks everybody out": ('chmod 000 "$STATE_DIR" scripts .', GOOD, 0),
    "fills STATE_DIR with traps": (
        'cd "$STATE_DIR" || exit 9; mkfifo fifo "$(printf "name\\nwith\\377bytes")"; ln -s fifo a; ln -s loop loop; '
        "ln -s / root; ln -s /dev/zero zero; mkdir -p deep/er; ln -s .. deep/er/up; chmod 000 deep; : > -rf",
        GOOD,
        0,
    ),
    "digs very deep": (
        'cd "$STATE_DIR"; i=0; while [ $i -lt 300 ]; do mkdir d; cd d; i=$((i+1)); done; echo x > y',
        GOOD,
        0,
    ),
    "makes thousands of files": ('cd "$STATE_DIR"; seq 3000 | xargs touch', GOOD, 0),
    "writes nonsense over its own text": ('echo "exit 9" > "$0"; exit 0', GOOD, 0),
    "writes nonsense over the next one's text": ('for f in scripts/*; do echo "exit 9" > "$f"; done; exit 0', GOOD, 0),
    "removes the next one's text": ("rm -f scripts/01*; exit 0", GOOD, 0),
    "removes its log": ('rm -rf "$LIBRARY_DIR/../../logs"; echo gone', GOOD, 0),
    "makes its notice a pipe": ('mkfifo "$NOTIFY_FILE"', GOOD, 0),
}


def left_of(row: ScriptExecution) -> list[process.Identity]:
    return process.carriers(row.token)


def end_of(row: ScriptExecution) -> int | None:
    return -row.signal if row.signal is not None else row.exit_code


@pytest.mark.parametrize("what", HOSTILE)
def test_the_next_script_runs_and_the_row_says_how_it_ended(what: str) -> None:
    body, status, end = HOSTILE[what]
    stage = Stage()
    stage.attach(POST, what, body, run_on="always", timeout=1 if status == LATE else 60)
    stage.attach(POST, "starts again", 'cd "$STATE_DIR" && echo up > "$STATE_DIR/up" && cat up', run_on="always")
    rows = stage.plan()
    running.copy_all(rows, stage.directory)

    stage.post("failure", rows)

    row, after = stage.row(what), stage.row("starts again")
    assert (after.status, after.stdout) == (GOOD, "up\n"), after.error_message
    assert (row.status, end_of(row)) == (status, end), row.error_message
    assert bool(row.error_message) == (status != GOOD)
    assert left_of(row) == []
    assert "\0" not in row.stdout + row.stderr
    assert len(row.stdout.encode()) <= 64 << 10
    read(settings.LOGS_DIR / "executions" / f"{row.pk}.log", 0)
    stage.directory.remove()
    assert not stage.directory.path.exists()


def test_a_hundred_megabytes_stay_small() -> None:
    stage = Stage()
    stage.attach(POST, "it", "echo first; head -c 100000000 /dev/zero | tr '\\0' x; echo; echo last", run_on="always")
    stage.post("success")
    row = stage.row()
    assert row.status == GOOD
    assert row.stdout.startswith("first\n")
    assert row.stdout.endswith("last\n")
    assert len(row.stdout) <= 64 << 10
    assert row.log_bytes <= 10 << 20
    assert row.log_bytes == os.path.getsize(settings.LOGS_DIR / "executions" / f"{row.pk}.log")


@pytest.mark.parametrize(
    "name", ["Größe 停止 🗄", "../../etc/passwd", "$(touch x); `id` 'quoted' \"twice\"", "-rf", "x" * 200, "."]
)
def test_a_script_may_have_any_name(name: str) -> None:
    stage = Stage()
    entry = stage.attach(POST, name, "echo ran", run_on="always")
    stage.post("success")
    assert stage.row(entry.script.name).stdout == "ran\n"
    assert file_of(entry.script).parent == settings.LIBRARY_DIR
    assert {path.parent for path in stage.directory.copies.iterdir()} == {stage.directory.copies}


@pytest.mark.parametrize(
    "body",
    [
        "sleep 100 & exit 0",
        "(while :; do echo still here; sleep 0.05; done) & exit 0",
        "setsid sleep 100 > /dev/null 2>&1 & exit 0",
        "sh -c 'setsid sh -c \"sleep 100\" &' ; exit 0",
    ],
)
def test_what_a_good_script_starts_lives_on_and_holds_nobody_up(body: str) -> None:
    stage = Stage()
    stage.attach(POST, "starts a daemon", body, run_on="always")
    stage.attach(POST, "next", "exit 0", run_on="always")
    stage.post("success")
    row = stage.row("starts a daemon")
    try:
        assert stage.statuses == {"starts a daemon": GOOD, "next": GOOD}
        assert row.left_behind >= 1
        assert left_of(row)
        assert row.execution_time is not None
        assert row.execution_time < 50
    finally:
        process.end(lambda: left_of(row), grace=0.1)
    assert left_of(row) == []


def test_a_text_that_was_changed_while_it_ran_is_right_again_the_next_time() -> None:
    stage = Stage()
    stage.attach(POST, "it", 'echo fine; echo "echo spoilt" > "$0"', run_on="always")
    for _ in range(2):
        stage.post("success")
        assert stage.row().stdout == "fine\n"


def test_a_script_that_changes_its_own_library_file_runs_as_it_was_pinned() -> None:
    stage = Stage()
    entry = stage.attach(
        POST, "it", 'echo old; for f in "$LIBRARY_DIR"/*; do echo "echo new" > "$f"; done', run_on="always"
    )
    stage.post("success", library_dir=str(settings.LIBRARY_DIR))
    assert stage.row().stdout == "old\n"
    stage.post("success")
    assert stage.row().stdout == "new\n"
    assert entry.script.revisions.latest("id").source == "disk"


def test_more_values_than_a_program_can_be_given_are_told() -> None:
    names = [f"VALUE_{number}" for number in range(80)]
    block = "# /// borgui\n" + "".join(f'# [[parameters]]\n# name = "{name}"\n' for name in names) + "# ///\n"
    stage = Stage()
    stage.attach(POST, "it", block, run_on="always", parameters=dict.fromkeys(names, "x" * 32768))
    stage.attach(POST, "next", run_on="always")
    stage.post("success")
    assert stage.statuses == {"it": FAILED, "next": GOOD}
    assert "longer than a program can be given" in stage.row().error_message
    assert stage.row().started_at is None


# --- those that go for the job process --------------------------------------------------------------------------------
def dies_of_kill(child: "subprocess.Popen[str]") -> None:
    try:
        _, errors = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == -signal.SIGKILL, errors


@pytest.mark.faults
def test_scripts_that_kill_the_job_process_lose_nothing(
    installation: Any, make_repository: Any, make_job: Any, tmp_path: Path
) -> None:
    stage = Stage(make_repository())
    note = f'echo "$HOOK_TYPE $ATTEMPT $BACKUP_STATUS" >> {tmp_path}/ran'
    stage.attach(
        PRE, "kills the group of its parent", f'{note}; echo down > "$STATE_DIR/down"; kill -9 -$PPID; sleep 60'
    )
    stage.attach(PRE, "never", note)
    stage.attach(POST, "kills its parent once", f"{note}; [ $ATTEMPT = 1 ] && kill -9 $PPID; exit 0", run_on="always")
    stage.attach(POST, "starts again", f'{note}; cat "$STATE_DIR/down"', run_on="failure")
    job = make_job(stage.repository)

    dies_of_kill(installation.start("run_job", str(job.pk), start_new_session=True))
    dies_of_kill(installation.start("run_job", str(job.pk), start_new_session=True))
    installation.manage("run_job", str(job.pk), expect=None, start_new_session=True)

    job = BackupJob.objects.get(pk=job.pk)
    assert (job.status, job.phase, job.claim) == ("failure", "", 3)
    assert (tmp_path / "ran").read_text().splitlines() == [
        "pre-backup 1 ",
        "post-backup 1 failure",
        "post-backup 2 failure",
        "post-backup 1 failure",
    ]
    rows = [(row.script_name, row.attempt, row.status) for row in job.executions.in_order()]  # type: ignore[attr-defined]
    assert rows == [
        ("kills the group of its parent", 1, "interrupted"),
        ("never", 1, "not_run"),
        ("kills its parent once", 1, "interrupted"),
        ("kills its parent once", 2, "succeeded"),
        ("starts again", 1, "succeeded"),
    ]
    assert stage.row("starts again").stdout == "down\n"
    assert all(left_of(row) == [] for row in ScriptExecution.objects.all())
    assert not (installation.data_dir / "run" / "jobs" / str(job.pk)).exists()
