"""The one way to run a child process (behaviour.md, section 8): scripts, borg and everything else.

`run` waits for a child and passes its output on; `spawn` starts one that lives on its own. Identities, tokens and
ending what is left live in `borgui.identity` and are part of this module's interface.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from borgui.identity import GIVE_UP, TOKEN_VARIABLE, Identity, boot_id, carriers, end, leftovers, members, start_time
from borgui.pump import OnOutput, Pump, drop
from borgui.start_errors import why_not_started

__all__ = [
    "TIMED_OUT",
    "TOKEN_VARIABLE",
    "Child",
    "Identity",
    "Result",
    "boot_id",
    "carriers",
    "end",
    "leftovers",
    "members",
    "run",
    "spawn",
    "start_time",
]

TIMED_OUT = "timed_out"
UMASK = 0o077

Child = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Result:
    """How a child ended. `exit_code` is None when a signal ended it, when it never started, or when it cannot die."""

    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""  # empty: it ended by itself; else "timed_out" or what `should_stop` said
    error: str = ""  # one sentence when it could not be started or its end could not be observed
    seconds: float = 0.0
    left_behind: int = 0  # processes of it that are still alive
    pid: int | None = None

    @property
    def ok(self) -> bool:
        return self.exit_code == 0 and not self.reason and not self.error


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | Path,
    timeout: float | None = None,
    token: str = "",
    on_output: OnOutput = drop,
    on_start: Callable[[Identity], None] | None = None,
    should_stop: Callable[[], str] | None = None,
    on_tick: Callable[[int], None] | None = None,
    poll: float = 0.5,
    grace: float = 10.0,
    pass_fds: Sequence[int] = (),
) -> Result:
    """Run a child in a session of its own until its main process is over, and say how it ended.

    `env` is its whole environment; `token` is added to it as EXECUTION_TOKEN. `on_output(stream, data, ms)` gets what
    it prints: "o" or "e", bytes as they come, milliseconds since the start. `on_tick(ms)` and then `should_stop()` are
    called every `poll` seconds, never less than twice a second, so that a flag set by a signal handler is seen; a text
    from `should_stop` ends the child. After `timeout` seconds or such a text the group gets TERM, `grace` seconds
    later KILL, and then every process that carries the token is ended the same way. What a child that ended by itself
    leaves running is left alone and counted.

    What cannot be started is a Result with `error`, never an exception. An exception of a callback, or
    KeyboardInterrupt, ends the child and everything that carries its token and is raised again.
    """
    started = time.monotonic()
    environment = {**env, TOKEN_VARIABLE: token} if token else dict(env)
    _keep_statuses()
    try:
        child = _start(argv, environment, cwd, pass_fds)
    except (OSError, ValueError) as error:
        return Result(error=why_not_started(error, argv, environment, cwd), seconds=time.monotonic() - started)
    running = _adopt(child, token, grace, on_output, started)
    try:
        if on_start:
            on_start(running.identity)
        running.watch(started + timeout if timeout is not None else None, min(poll, 0.5), should_stop, on_tick)
        return running.finish()
    except BaseException:
        running.abandon()
        raise
    finally:
        running.close()


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    log: Path | None = None,
    new_session: bool = True,
    pass_fds: Sequence[int] = (),
) -> Child:
    """Start a child that lives on its own; the caller has to collect it. Its output is appended to `log` or inherited.

    Raises OSError when it cannot be started.
    """
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if log else None
    try:
        return subprocess.Popen(
            list(argv),
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=new_session,
            pass_fds=pass_fds,
        )
    finally:
        if output is not None:
            os.close(output)


class _Running:
    """A started child, from its first byte until nothing of it is our business any more.

    It stays a zombie until `finish` collects it: so long the kernel gives the number of its group to nobody else.
    """

    def __init__(self, child: Child, token: str, grace: float, on_output: OnOutput, started: float) -> None:
        self.child = child
        self.identity = Identity.of_child(child.pid)
        self.token = token
        self.grace = grace
        self.started = started
        self.reason = ""
        self.warned: list[Identity] = []
        self.pidfd = os.pidfd_open(child.pid)
        assert child.stdout
        assert child.stderr
        self.pump = Pump({"o": child.stdout, "e": child.stderr}, self.pidfd, on_output, started)

    def watch(
        self,
        deadline: float | None,
        poll: float,
        should_stop: Callable[[], str] | None,
        on_tick: Callable[[int], None] | None,
    ) -> None:
        """Pump until the main process is over, or has to be ended."""
        next_look = time.monotonic() + poll
        while not self.pump.wait(min(next_look, deadline or next_look) - time.monotonic()):
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                return self.stop(TIMED_OUT)
            if now >= next_look:
                if on_tick:
                    on_tick(self.pump.milliseconds())
                if should_stop and (reason := should_stop()):
                    return self.stop(reason)
                next_look = time.monotonic() + poll
        return None

    def stop(self, reason: str) -> None:
        """TERM to the group, after the grace KILL. Somebody who cannot even be killed is not waited for."""
        self.reason = reason
        self._signal_group(signal.SIGTERM)
        self.warned = [identity for identity in members(self.child.pid) if identity != self.identity]
        if not self._over_within(self.grace):
            self._signal_group(signal.SIGKILL)
            self._over_within(GIVE_UP)

    def finish(self) -> Result:
        self.pump.drain()
        if self.reason:
            self._end_rest()
            self.pump.drain()
        exit_code, number, error = self._collect()
        left_behind = len(self._rest(0 if self.reason else self.child.pid))
        seconds = time.monotonic() - self.started
        return Result(exit_code, number, self.reason, error, seconds, left_behind, self.child.pid)

    def abandon(self) -> None:
        """End everything without another word to the caller, who has raised."""
        if self.child.returncode is not None:
            return
        self.pump.on_output = drop
        try:
            self.stop("abandoned")
            self._end_rest()
        finally:
            self._signal_group(signal.SIGKILL)
            self._over_within(1.0)
            self._collect()

    def close(self) -> None:
        self.pump.close()
        os.close(self.pidfd)

    def _signal_group(self, number: int) -> None:
        try:
            os.killpg(self.child.pid, number)
        except (ProcessLookupError, PermissionError):
            pass  # over already, or it runs as somebody else: the token scan has another try and tells

    def _over_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not self.pump.over and (left := until - time.monotonic()) > 0:
            self.pump.wait(left)
        return self.pump.over

    def _end_rest(self) -> None:
        """The pipes are read meanwhile: who cleans up and says so must not hang at a full pipe."""
        end(self._rest, self.grace, wait=self.pump.idle, warned=self.warned)

    def _rest(self, after: int = 0) -> list[Identity]:
        """What is alive of this child. With `after` only younger processes are looked at, which costs next to nothing;
        pids that have started over from the bottom are missed then, which is good enough for a number on a page."""
        return list({*members(self.child.pid, after=after), *carriers(self.token, after=after)})

    def _collect(self) -> tuple[int | None, int | None, str]:
        """Exit code, signal, error. Not `Popen.wait`: it takes a status that somebody else has collected for a 0."""
        try:
            info = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            self.child.returncode = -1
            return None, None, "Its exit status was collected by another part of this program."
        if info is None:
            return None, None, "It could not be ended, not even by KILL: it hangs in the kernel."
        exited = info.si_code == os.CLD_EXITED
        self.child.returncode = info.si_status if exited else -info.si_status
        return (info.si_status, None, "") if exited else (None, info.si_status, "")


def _adopt(child: Child, token: str, grace: float, on_output: OnOutput, started: float) -> _Running:
    """Without a free file descriptor we cannot look after the child: then it has to go at once."""
    try:
        return _Running(child, token, grace, on_output, started)
    except BaseException:
        child.kill()
        child.wait()
        raise


def _keep_statuses() -> None:
    """Where our parent had SIGCHLD ignored we have it too, and the kernel throws away how our children ended."""
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _start(argv: Sequence[str], env: Mapping[str, str], cwd: str | Path, pass_fds: Sequence[int]) -> Child:
    if not argv:
        raise ValueError("There is no program to start.")
    return subprocess.Popen(
        list(argv),
        env=env,
        cwd=cwd,
        bufsize=0,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        umask=UMASK,
        pass_fds=pass_fds,
    )
