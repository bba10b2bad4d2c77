"""Everything here starts real processes. Times are only ever compared with something many times longer."""

import errno
import os
import signal
import stat
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from borgui import pump
from borgui.process import TOKEN_VARIABLE, Identity, Result, carriers, end, run, spawn

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
LONG = 20  # seconds: whoever waits for a `sleep 60` has failed
ROOT = Path(__file__).resolve().parents[2]


class Output:
    def __init__(self) -> None:
        self.pieces: list[tuple[str, bytes, int]] = []

    def __call__(self, stream: str, data: bytes, ms: int) -> None:
        self.pieces.append((stream, data, ms))

    def of(self, stream: str) -> bytes:
        return b"".join(data for name, data, _ in self.pieces if name == stream)


@pytest.fixture
def output() -> Output:
    return Output()


@pytest.fixture
def token() -> Iterator[str]:
    token = uuid.uuid4().hex
    yield token
    end(lambda: carriers(token), grace=0)


@pytest.fixture
def shell(token, tmp_path, output) -> Callable[..., Result]:
    def shell(script: str, **options) -> Result:
        options = {"env": ENVIRONMENT, "cwd": tmp_path, "token": token, "on_output": output, **options}
        return run(["/bin/bash", "-c", script], **options)

    return shell


def until(condition: Callable[[], object], seconds: float = 60) -> bool:
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.01)
    return True


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class TestAChildThatEndsByItself:
    def test_its_output_and_its_exit_code_come_back(self, shell, output):
        result = shell("echo out; echo err >&2; exit 3")
        assert (result.exit_code, result.signal, result.reason, result.error) == (3, None, "", "")
        assert (output.of("o"), output.of("e")) == (b"out\n", b"err\n")
        assert not result.ok
        assert result.left_behind == 0

    def test_zero_is_good(self, shell):
        result = shell("exit 0")
        assert result.ok
        assert result.pid is not None
        assert 0 < result.seconds < LONG

    def test_a_signal_is_no_exit_code(self, shell):
        result = shell("kill -SEGV $$")
        assert (result.exit_code, result.signal, result.ok) == (None, signal.SIGSEGV, False)

    def test_times_are_milliseconds_since_the_start(self, shell, output):
        shell("echo one; sleep 0.3; echo two")
        (_, _, first), (_, _, second) = output.pieces
        assert 0 <= first < second
        assert second >= 300

    def test_what_lies_in_the_pipe_at_its_end_is_not_lost(self, shell, output):
        assert shell("head -c 3000000 /dev/zero; echo; head -c 700000 /dev/zero >&2").ok
        assert (len(output.of("o")), len(output.of("e"))) == (3000001, 700000)

    def test_what_a_tee_says_a_moment_later_is_not_lost(self, shell, output):
        assert shell("exec > >(cat) 2>&1; echo last words").ok
        assert output.of("o") == b"last words\n"

    def test_a_status_that_somebody_else_collected_is_no_success(self, shell):
        result = shell("exit 0", on_start=lambda child: os.waitpid(child.pid, 0))
        assert (result.exit_code, result.ok) == (None, False)
        assert "exit status" in result.error

    def test_its_status_comes_also_where_we_were_started_with_sigchld_ignored(self, shell):
        before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        try:
            assert shell("exit 7").exit_code == 7
        finally:
            signal.signal(signal.SIGCHLD, before)

    def test_no_descriptor_stays_open(self, shell):
        shell("exit 0")
        before = open_descriptors()
        for script in ("exit 0", "exit 1", "echo x", "exec >&- 2>&-; sleep 0.01", "kill -9 $$"):
            shell(script)
        run(["/no/such/program"], env={}, cwd="/")
        assert open_descriptors() == before


class TestWhatAChildIsGiven:
    def test_its_environment_is_what_was_given_and_the_token(self, output, tmp_path):
        run(["/usr/bin/env"], env={"A": "1", "B": "two words"}, cwd=tmp_path, token="t0k3n", on_output=output)
        assert sorted(output.of("o").decode().splitlines()) == ["A=1", "B=two words", f"{TOKEN_VARIABLE}=t0k3n"]

    def test_without_a_token_there_is_none(self, output, tmp_path):
        run(["/usr/bin/env"], env={"A": "1"}, cwd=tmp_path, on_output=output)
        assert output.of("o") == b"A=1\n"

    def test_it_leads_a_session_and_a_group_of_its_own(self, shell, output):
        result = shell("cat /proc/$$/stat")
        fields = output.of("o").rpartition(b")")[2].split()
        assert int(fields[2]) == int(fields[3]) == result.pid

    def test_standard_input_is_empty(self, shell, output):
        assert shell("readlink /proc/self/fd/0; cat").ok
        assert output.of("o") == b"/dev/null\n"

    def test_it_inherits_no_descriptor(self, shell, output, tmp_path):
        with open(tmp_path / "lock", "w") as lock:
            os.set_inheritable(lock.fileno(), True)
            assert shell("ls -l /proc/$$/fd").ok
        assert b"/dev/null" in output.of("o")
        assert b"lock" not in output.of("o")

    def test_but_those_that_are_passed_on(self, shell, output):
        reading, writing = os.pipe()
        os.write(writing, b"passphrase")
        os.close(writing)
        assert shell(f"cat <&{reading}", pass_fds=[reading]).ok
        os.close(reading)
        assert output.of("o") == b"passphrase"

    def test_its_files_are_private_and_in_the_working_directory(self, shell, tmp_path):
        assert shell("echo x > made").ok
        assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o600

    def test_on_start_names_it_while_it_runs(self, shell, tmp_path):
        started: list[tuple[Identity, bool]] = []

        def on_start(child: Identity) -> None:
            started.append((child, child.is_alive()))
            (tmp_path / "go").touch()

        result = shell("while [ ! -e go ]; do sleep 0.01; done", on_start=on_start)
        assert [(child.pid, alive) for child, alive in started] == [(result.pid, True)]
        assert not started[0][0].is_alive()


class TestTimeoutAndStop:
    def test_after_the_timeout_it_is_ended_and_what_it_printed_is_kept(self, shell, output):
        result = shell("echo begun; sleep 60", timeout=1)
        assert (result.reason, result.signal, result.ok) == ("timed_out", signal.SIGTERM, False)
        assert result.seconds < LONG
        assert output.of("o") == b"begun\n"

    def test_a_trap_has_its_turn_although_a_command_is_running(self, shell, output):
        result = shell("trap 'echo cleaned up; exit 5' TERM; sleep 60", timeout=1)
        assert (result.reason, result.exit_code) == ("timed_out", 5)
        assert output.of("o") == b"cleaned up\n"

    def test_a_good_exit_code_after_the_timeout_is_not_good(self, shell):
        result = shell("trap 'exit 0' TERM; sleep 60", timeout=1)
        assert (result.exit_code, result.ok) == (0, False)

    def test_who_ignores_term_is_killed(self, shell):
        result = shell("trap '' TERM; while :; do sleep 0.05; done", timeout=1, grace=0.3)
        assert (result.reason, result.signal) == ("timed_out", signal.SIGKILL)
        assert result.seconds < LONG

    def test_a_stopped_process_is_ended_too(self, shell):
        assert shell("kill -STOP $$", timeout=0.2, grace=0.2).signal == signal.SIGKILL

    def test_the_text_of_should_stop_is_the_reason(self, shell):
        result = shell("sleep 60", should_stop=lambda: "cancelled", poll=0.05)
        assert (result.reason, result.signal) == ("cancelled", signal.SIGTERM)

    def test_should_stop_and_on_tick_are_asked_again_and_again(self, shell):
        asked: list[int] = []
        ticks: list[int] = []

        def should_stop() -> str:
            asked.append(len(ticks))
            return "enough" if len(asked) == 3 else ""

        result = shell("sleep 60", should_stop=should_stop, on_tick=ticks.append, poll=0.05)
        assert result.reason == "enough"
        assert asked == [1, 2, 3]
        assert ticks == sorted(ticks)

    def test_a_flag_set_by_a_signal_handler_is_seen_soon_whatever_the_poll(self, shell):
        flag: list[int] = []
        before = signal.signal(signal.SIGUSR1, lambda number, frame: flag.append(number))
        try:
            result = shell(
                f"kill -USR1 {os.getpid()}; sleep 60", should_stop=lambda: "told to" if flag else "", poll=3600
            )
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert result.reason == "told to"
        assert result.seconds < LONG

    def test_much_output_delays_neither(self, shell):
        flood = {"on_output": lambda *_: None}
        assert shell("exec yes", timeout=0.3, **flood).reason == "timed_out"
        result = shell("exec yes", should_stop=lambda: "stop", poll=0.1, timeout=LONG, **flood)
        assert result.reason == "stop"

    def test_a_last_word_longer_than_the_pipe_can_be_said(self, shell, output):
        script = "(trap 'head -c 3000000 /dev/zero; exit' TERM; sleep 60 & wait) & trap 'exit 1' TERM; wait"
        assert shell(script, timeout=1).left_behind == 0
        assert len(output.of("o")) == 3000000


class TestWhatIsLeftRunning:
    def test_a_background_child_that_keeps_the_pipe_open_holds_nobody(self, shell, token, output):
        result = shell("sleep 60 & echo done")
        assert result.ok
        assert result.seconds < LONG
        assert result.left_behind == 1
        assert output.of("o") == b"done\n"
        assert len(carriers(token)) == 1

    def test_the_daemon_of_a_good_script_lives_on_and_is_counted(self, shell, token):
        result = shell("(setsid sleep 60 >/dev/null 2>&1 &); exit 0")
        assert result.ok
        assert result.left_behind == 1
        assert len(carriers(token)) == 1

    def test_a_child_without_the_token_is_counted_by_its_session(self, shell, tmp_path):
        result = shell("env -i sleep 60 >/dev/null 2>&1 & echo $! > pid")
        assert result.left_behind == 1
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    @pytest.mark.parametrize("how", [{"timeout": 1}, {"should_stop": lambda: "cancelled", "poll": 0.5}])
    def test_the_daemon_of_a_script_that_had_to_be_ended_is_ended(self, shell, token, how):
        result = shell("(setsid sleep 60 >/dev/null 2>&1 &); sleep 60", **how)
        assert result.reason
        assert result.left_behind == 0
        assert carriers(token) == []

    def test_a_daemon_that_ignores_term_is_killed(self, shell, token, tmp_path):
        deaf = (
            """python3 -c 'import signal, time; signal.signal(15, signal.SIG_IGN); open("deaf", "w"); time.sleep(60)'"""
        )
        wait = "while [ ! -e deaf ]; do sleep 0.01; done"
        result = shell(
            f"setsid {deaf} & {wait}; sleep 60", should_stop=lambda: "stop" * (tmp_path / "deaf").exists(), grace=0.3
        )
        assert result.reason == "stop"
        assert carriers(token) == []

    def test_a_child_without_the_token_is_ended_by_its_group(self, shell, tmp_path):
        shell("env -i sleep 60 & echo $! > pid; wait", timeout=1)
        assert Identity.of(int((tmp_path / "pid").read_text())) is None

    def test_its_pipe_is_read_on_so_that_it_can_work(self, shell, tmp_path):
        first = shell("(head -c 3000000 <(sleep 0.5; cat /dev/zero); echo > written) & exit 0")
        assert first.left_behind
        assert not (tmp_path / "written").exists()
        assert shell("while [ ! -e written ]; do sleep 0.05; done", timeout=LONG).ok

    def test_its_output_is_nobodys(self, shell, output, tmp_path):
        shell("(while [ ! -e go ]; do sleep 0.01; done; echo late; echo > said) & exit 0")
        shell("echo > go; while [ ! -e said ]; do sleep 0.01; done; echo mine", timeout=LONG)
        assert output.of("o") == b"mine\n"

    def test_its_pipe_is_closed_when_it_is_gone(self, shell, tmp_path):
        shell("exit 0")
        before = open_descriptors()
        shell("(while [ ! -e go ]; do sleep 0.01; done) & exit 0")
        assert open_descriptors() > before
        (tmp_path / "go").touch()
        assert until(lambda: shell("sleep 0.05").ok and open_descriptors() == before)
        assert pump._strays == []


class TestCallbacksThatRaise:
    @pytest.mark.parametrize("callback", ["on_output", "on_start", "on_tick", "should_stop"])
    @pytest.mark.parametrize("exception", [ZeroDivisionError, KeyboardInterrupt])
    def test_the_child_and_its_daemon_are_ended(self, shell, token, callback, exception):
        def fail(*_):
            raise exception

        with pytest.raises(exception):
            shell("(setsid sleep 60 >/dev/null 2>&1 &); echo x; sleep 60", **{callback: fail})
        assert carriers(token) == []

    def test_also_a_child_that_ignores_term(self, shell, token):
        def fail(*_):
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            shell("trap '' TERM; echo x; while :; do sleep 0.05; done", on_output=fail, grace=0.2)
        assert carriers(token) == []

    def test_nothing_stays_open(self, shell):
        shell("exit 0")
        before = open_descriptors()
        with pytest.raises(ZeroDivisionError):
            shell("echo x; sleep 60", on_output=lambda *_: 1 / 0)
        assert until(lambda: shell("exit 0").ok and open_descriptors() == before)


class TestWhatCannotBeStarted:
    def refused(self, argv: list[str], env: dict[str, str] = ENVIRONMENT, cwd: object = "/") -> str:
        result = run(argv, env=env, cwd=cwd)
        assert (result.exit_code, result.signal, result.pid, result.ok) == (None, None, None, False)
        return result.error

    def test_a_program_that_is_not_there(self):
        assert self.refused(["/no/such/thing"]) == "The interpreter or program '/no/such/thing' was not found."
        assert "'no-such-thing' was not found" in self.refused(["no-such-thing"])

    def test_a_script_whose_interpreter_is_not_there(self, tmp_path):
        script = tmp_path / "script"
        script.write_text("#!/no/such/interpreter\n")
        script.chmod(0o755)
        assert "names an interpreter in its first line that was not found" in self.refused([str(script)])

    def test_a_file_without_the_executable_bit(self, tmp_path):
        (tmp_path / "script").write_text("#!/bin/sh\n")
        assert self.refused([str(tmp_path / "script")]).startswith("Permission denied: ")

    def test_a_directory(self, tmp_path):
        assert "is a directory" in self.refused([str(tmp_path)])

    def test_a_file_that_is_no_program(self, tmp_path):
        program = tmp_path / "program"
        program.write_bytes(b"\x7fELF and then nonsense")
        program.chmod(0o755)
        assert "not a program that this machine can run" in self.refused([str(program)])

    def test_a_program_that_is_being_written(self, tmp_path):
        program = tmp_path / "program"
        program.write_bytes(Path("/bin/true").read_bytes())
        program.chmod(0o755)
        with open(program, "ab"):
            assert "held open for writing" in self.refused([str(program)])

    def test_a_working_directory_that_is_not_there(self):
        assert (
            self.refused(["/bin/true"], cwd="/no/such/place") == "The working directory /no/such/place does not exist."
        )

    def test_a_variable_that_is_too_long_is_named_without_its_value(self):
        error = self.refused(["/bin/true"], {"SHORT": "x", "LONG": "secret" * 30_000})
        assert "The variable LONG is too long" in error
        assert "secret" not in error

    def test_an_argument_that_is_too_long(self):
        assert "argument is too long" in self.refused(["/bin/true", "x" * 140_000])

    def test_everything_together_too_long(self):
        assert "together" in self.refused(["/bin/true"], {f"V{number}": "x" * 100_000 for number in range(100)})

    def test_a_nul_in_the_environment_is_told_without_the_value(self):
        error = self.refused(["/bin/true"], {"PASSWORD": "hunter2\0"})
        assert "'PASSWORD' holds a NUL" in error
        assert "hunter2" not in error

    def test_a_variable_name_with_an_equals_sign(self):
        assert "no name" in self.refused(["/bin/true"], {"A=B": "1"})

    def test_a_nul_in_the_command_line_or_no_command_line(self):
        assert "NUL" in self.refused(["/bin/true", "a\0b"])
        assert "empty" in self.refused([])

    def test_text_that_is_no_text(self):
        assert "cannot be passed on" in self.refused(["/bin/true", "\ud800"])

    def test_no_room_for_another_descriptor(self, monkeypatch):
        def refuse(*_, **__):
            raise OSError(errno.EMFILE, "Too many open files")

        monkeypatch.setattr("borgui.process.subprocess.Popen", refuse)  # using all of them up would hurt the test run
        assert "no room for another process" in self.refused(["/bin/true"])


class TestSpawn:
    def test_it_lives_on_its_own_and_its_output_is_appended_to_a_private_file(self, tmp_path):
        log = tmp_path / "log"
        for word in ("one", "two"):
            child = spawn(["/bin/sh", "-c", f"echo {word}; echo $$; cat /proc/$$/stat | cut -d' ' -f6"], log=log)
            assert child.wait() == 0
        words = log.read_text().split()
        assert (words[0], words[3]) == ("one", "two")
        assert words[1] == words[2]  # its session is its own
        assert stat.S_IMODE(log.stat().st_mode) == 0o600

    def test_what_cannot_be_started_is_an_exception(self):
        with pytest.raises(FileNotFoundError):
            spawn(["/no/such/program"])


PUMPS_TWO_GIGABYTES = """
import sys
from pathlib import Path
from borgui.process import run
from borgui.transcript import Transcript

transcript = Transcript(Path(sys.argv[1]), ["a secret value"])
command = "yes 'one line of a script that talks a lot' | head -c 2G"
result = run(["/bin/sh", "-c", command], env={"PATH": "/usr/bin:/bin"}, cwd="/", on_output=transcript.feed)
transcript.close()
assert result.ok, result
assert transcript.log_bytes <= 10 << 20
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def test_two_gigabytes_of_output_take_no_memory(output, tmp_path):
    script = [sys.executable, "-c", PUMPS_TWO_GIGABYTES, str(tmp_path / "log")]
    result = run(script, env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)}, cwd=tmp_path, on_output=output)
    assert result.ok, output.of("e").decode()
    assert int(output.of("o")) < 64 * 1024
