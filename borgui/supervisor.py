"""What `bin/start` becomes: web and worker side by side, one way to stop both and every job (behaviour.md, section 6).

Plain Python without a database: job processes are found by the lock files of the data directory and among the
children that come here when a worker dies. A part that ends is started again. TERM, INT or HUP is a planned stop:
TERM to web, worker and job processes; these bring services back within BORGUI_STOP_GRACE; what is left is ended, and
recovery at the next start does the rest. If the supervisor itself is killed, web and worker get TERM (lifeline.py).
"""

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from borgui import env, preflight, process
from borgui.process import Identity
from borgui.rundir import RunDirectory

PR_SET_CHILD_SUBREAPER = 36
LIFELINE = Path(__file__).with_name("lifeline.py")
JOB_COMMANDS = {"run_job", "run_window", "run_script"}
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds before a part that ended is started again
STEADY = 60.0  # seconds after which a part counts as healthy, and its pauses begin anew
LOOK = 0.2  # seconds between two looks at the job processes while stopping
LAST_WORDS = 5.0  # seconds between TERM and KILL for what has outlived the grace


def parts(python: str = sys.executable) -> dict[str, list[str]]:
    """The programs of this product, by name."""
    return {
        "web": [python, "-m", "gunicorn", "-c", "python:borgui.gunicorn"],
        "worker": [python, str(preflight.BASE_DIR / "manage.py"), "run_worker"],
    }


@dataclass
class Part:
    """One supervised program: running while it has a child, else due at an instant of the monotonic clock."""

    name: str
    argv: Sequence[str]
    child: process.Child | None = None
    started: float = 0.0
    due: float = 0.0
    pause: float = FIRST_PAUSE

    def start(self) -> None:
        self.started = time.monotonic()
        lifeline = [sys.executable, "-I", "-S", str(LIFELINE), str(os.getpid())]
        self.child = process.spawn([*lifeline, *self.argv], cwd=preflight.BASE_DIR, new_session=True)

    def signal_group(self, number: int) -> None:
        """To the part and what it forked: gunicorn's workers. Its pid is not reused before it is reaped here."""
        if self.child:
            try:
                os.killpg(self.child.pid, number)
            except ProcessLookupError:
                pass

    def ended(self, status: int) -> None:
        """Note the end of its child, and when to start it again."""
        now = time.monotonic()
        assert self.child is not None
        self.child.returncode = os.waitstatus_to_exitcode(status)
        self.pause = FIRST_PAUSE if now - self.started >= STEADY else min(self.pause * 2, LONGEST_PAUSE)
        self.due, self.child = now + self.pause, None


class Supervisor:
    """Runs `programs` (name to argv) until a stop signal.

    Jobs may take `grace` seconds to end in order; what outlives that has `last_words` seconds between TERM and KILL.
    """

    def __init__(
        self, programs: Mapping[str, Sequence[str]], data_dir: Path, grace: float, last_words: float = LAST_WORDS
    ) -> None:
        self.parts = [Part(name, argv) for name, argv in programs.items()]
        self.run_dir = data_dir / "run"
        self.grace = grace
        self.last_words = last_words
        self.stop_asked = False
        self._wakeup, wakeup_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wakeup_end, warn_on_full_buffer=False)

    def run(self) -> None:
        """Start everything, and come back when a planned stop is over."""
        become_subreaper()
        self._listen()
        for part in self.parts:
            part.start()
        while not self.stop_asked:
            self._start_due()
            self._wait(self._until_next_start())
            self._reap()
        self._stop()

    # --- signals and children -----------------------------------------------------------------------------------------
    def _listen(self) -> None:
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake `_wait`
        signal.signal(signal.SIGTERM, self._ask_to_stop)
        signal.signal(signal.SIGINT, self._ask_to_stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # ignored: started by nohup
            signal.signal(signal.SIGHUP, self._ask_to_stop)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop_asked = True

    def _wait(self, seconds: float | None) -> None:
        select.select([self._wakeup], [], [], seconds)
        try:
            os.read(self._wakeup, 4096)
        except BlockingIOError:
            pass

    def _reap(self) -> None:
        """Collect every child that ended: parts, and job processes whose worker died before them."""
        for pid in ended_children():
            part = next((part for part in self.parts if part.child and part.child.pid == pid), None)
            if part:
                part.signal_group(signal.SIGTERM)  # what a killed part has forked must not keep its port or its lock
            _, status = os.waitpid(pid, 0)
            if part:
                part.ended(status)
                self._tell_end(part, os.waitstatus_to_exitcode(status))

    def _tell_end(self, part: Part, code: int) -> None:
        if not self.stop_asked:
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            say(f"borgui: {part.name} ended with {how}; it is started again in {part.pause:.0f} s")

    # --- starting again -----------------------------------------------------------------------------------------------
    def _start_due(self) -> None:
        for part in self.parts:
            if part.child is None and time.monotonic() >= part.due:
                part.start()

    def _until_next_start(self) -> float | None:
        due = [part.due for part in self.parts if part.child is None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    # --- stopping -----------------------------------------------------------------------------------------------------
    def _stop(self) -> None:
        """TERM to everything, patience for the grace, then the end of what is left."""
        deadline = time.monotonic() + self.grace
        for part in self.parts:
            part.signal_group(signal.SIGTERM)
        told: set[Identity] = set()
        while (live := self.job_processes()) or any(part.child for part in self.parts):
            if live - told:
                say(f"borgui: stopping; {len(live)} running job(s) bring their services back first")
            for job in live - told:  # also one that the worker started in its last moment
                job.signal(signal.SIGTERM)
            told |= live
            if time.monotonic() >= deadline:
                say(f"borgui: the grace of {self.grace:.0f} s is over; recovery does the rest at the next start")
                break
            self._wait(LOOK)
            self._reap()
        self._end_what_is_left()
        say("borgui: stopped")

    def _end_what_is_left(self) -> None:
        """First the job processes, so that they start nothing more, then their children, then web and worker."""
        for job in self.job_processes():
            job.signal(signal.SIGKILL)
        process.end(lambda: list(self._job_children()), grace=self.last_words)
        for part in self.parts:
            part.signal_group(signal.SIGKILL)
        while any(part.child for part in self.parts):
            self._wait(LOOK)
            self._reap()

    # --- job processes ------------------------------------------------------------------------------------------------
    def job_processes(self) -> set[Identity]:
        """The live ones of this data directory: by their lock files, and among the adopted children."""
        owners = (directory.owner() for directory in self._run_directories())
        return {owner for owner in owners if owner and owner.is_alive()} | self._adopted_jobs()

    def _adopted_jobs(self) -> set[Identity]:
        """Job processes that lost their worker before they could write a lock file."""
        own = {part.child.pid for part in self.parts if part.child}
        adopted = (Identity.of(pid) for pid in children() if pid not in own and is_job_command(pid))
        return {identity for identity in adopted if identity}

    def _job_children(self) -> Iterator[Identity]:
        """What the scripts and borgs recorded in the lock files still have running."""
        for directory in self._run_directories():
            session, token = directory.child()
            if token:
                yield from process.leftovers(token, session)

    def _run_directories(self) -> Iterable[RunDirectory]:
        return [RunDirectory(lock.parent) for lock in self.run_dir.glob("*/*/lock")]


def become_subreaper() -> None:
    """Orphans of this process tree come here, not to pid 1: job processes outlive a worker and have to be reaped."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def ended_children() -> Iterator[int]:
    """Children that have ended, each left unreaped until the caller has collected it."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None:
            return
        yield ended.si_pid


def children() -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return []


def is_job_command(pid: int) -> bool:
    """Whether a process is our manage.py at one of the commands that run jobs."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return False
    programs = (index for index, word in enumerate(words) if word.endswith("manage.py"))
    return any(words[index + 1] in JOB_COMMANDS for index in programs if index + 1 < len(words))


def say(line: str) -> None:
    """To standard output, which may be a terminal that is gone."""
    try:
        print(line, flush=True)
    except OSError:
        pass


def main() -> None:
    """Check, take the lock of the data directory, run until told to stop; exit status 0 after a planned stop."""
    try:
        place = preflight.Place.from_environment()
        preflight.check_data_directory(place)
        lock = preflight.take_lock(place)
        preflight.check_port(place)
        grace = env.integer("BORGUI_STOP_GRACE", 120, least=1, most=86400)
    except (preflight.CannotStart, env.BadSetting) as error:
        sys.exit(f"borgui cannot start: {error}")
    os.environ["BORGUI_DATA_DIR"] = str(place.data_dir)  # web and worker have another working directory
    say(f"borgui: {place.address} (Ctrl-C stops it)")
    Supervisor(parts(), place.data_dir, grace).run()
    os.close(lock)


if __name__ == "__main__":
    main()
