"""The supervisor with stand-ins for web, worker and job processes: what counts here are processes and signals."""

import os
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from borgui import process
from borgui.process import Identity
from borgui.supervisor import LIFELINE, Part

ROOT = Path(__file__).parents[2]

# A part that says where it is and waits; on TERM it says so and ends.
PART = """
    import os, signal, sys, time
    def leave(*_):
        open(sys.argv[-1] + ".told", "w").close()
        sys.exit()
    signal.signal(signal.SIGTERM, leave)
    with open(sys.argv[-1], "a") as file:
        file.write(f"{os.getpid()}\\n")
    while True:
        time.sleep(1)
"""

# A job process: it holds a run directory's lock, has a script running, and keeps its promise when it gets TERM.
JOB = """
    import os, signal, sys, time
    from pathlib import Path
    from borgui import process
    from borgui.process import Identity
    from borgui.rundir import RunDirectory
    folder, token, stubborn = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "stubborn"
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
    run = RunDirectory(folder)
    run.acquire()
    script = process.spawn(["/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"],
                           env={**os.environ, process.TOKEN_VARIABLE: token})
    run.name_child(token, Identity.of_child(script.pid))
    (folder / "ready").write_text(str(os.getpid()))
    while stubborn or not asked:
        time.sleep(0.05)
    script.kill()
    script.wait()
    time.sleep(0.5)
    (folder / "services-are-up").touch()
"""


def eventually(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until the condition holds; fail when it does not within a time that no healthy machine needs."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def pids(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


class World:
    """One supervisor in a process of its own; all that it starts carries `token`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.token = uuid4().hex
        self.script_token = uuid4().hex
        self.child: process.Child | None = None

    def program(self, name: str, source: str, *arguments: object) -> list[str]:
        path = self.folder / name
        path.write_text(textwrap.dedent(source))
        return [sys.executable, str(path), *map(str, arguments)]

    def part(self, name: str) -> list[str]:
        return self.program(f"{name}.py", PART, self.folder / name)

    def start(self, grace: float = 30, **programs: list[str]) -> None:
        """Start the supervisor and wait until the two ordinary parts are there."""
        parts = {"web": self.part("web"), "worker": self.part("worker"), **programs}
        source = f"""
            from pathlib import Path
            from borgui.supervisor import Supervisor
            Supervisor({parts!r}, Path({str(self.data)!r}), {grace}, last_words=0.5).run()
        """
        self.child = self.spawn(self.program("supervised.py", source))
        eventually(lambda: all(pids(self.folder / name) for name in {"web", "worker"} - programs.keys()))

    def spawn(self, argv: list[str]) -> process.Child:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), process.TOKEN_VARIABLE: self.token}
        return process.spawn(argv, env=environment, log=self.folder / "log")

    def job(self, kind: str = "orderly") -> tuple[Path, process.Child]:
        """Start a job process of this data directory, as the worker would; returns its run directory."""
        folder = self.data / "run" / "jobs" / "7"
        child = self.spawn(self.program("job.py", JOB, folder, self.script_token, kind))
        eventually((folder / "ready").exists)
        return folder, child

    def signal(self, number: int) -> None:
        assert self.child
        self.child.send_signal(number)

    def wait(self) -> int:
        assert self.child
        return self.child.wait(timeout=60)

    @property
    def said(self) -> str:
        return (self.folder / "log").read_text()

    def left(self) -> list[Identity]:
        return process.carriers(self.token) + process.carriers(self.script_token)

    def close(self) -> None:
        process.end(self.left, grace=0)
        if self.child:
            self.child.wait(timeout=60)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_planned_stop_tells_web_and_worker_and_leaves_nothing(world: World, number: int) -> None:
    world.start()

    world.signal(number)

    assert world.wait() == 0
    assert (world.folder / "web.told").exists()
    assert (world.folder / "worker.told").exists()
    assert world.left() == []


def test_a_part_that_ends_is_started_again(world: World) -> None:
    world.start()
    first = pids(world.folder / "worker")[0]

    os.kill(first, signal.SIGKILL)

    eventually(lambda: len(pids(world.folder / "worker")) == 2)
    assert pids(world.folder / "worker")[1] != first
    assert "worker ended with signal 9" in world.said
    assert len(pids(world.folder / "web")) == 1


def test_what_a_killed_part_has_forked_is_ended_with_it(world: World) -> None:
    forked = world.folder / "forked"
    source = f"""
        import os, time
        if os.fork() == 0:
            with open({str(forked)!r}, "a") as file:
                file.write(f"{{os.getppid()}} {{os.getpid()}}\\n")
        while True:
            time.sleep(1)
    """
    world.start(web=world.program("forking.py", source))
    eventually(lambda: len(pids(forked)) >= 2)
    parent, child = (Identity.of(pid) for pid in pids(forked)[:2])
    assert parent
    assert child

    parent.signal(signal.SIGKILL)

    eventually(lambda: not child.is_alive())


def test_pauses_between_starts_grow_and_begin_anew_after_a_steady_time() -> None:
    part = Part("web", ["/bin/true"])
    pauses = []
    for _ in range(8):
        part.start()
        assert part.child
        part.ended(os.waitpid(part.child.pid, 0)[1])
        pauses.append(part.pause)
    part.start()
    assert part.child
    part.started -= 3600
    part.ended(os.waitpid(part.child.pid, 0)[1])

    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]
    assert part.pause == 1


def test_a_stop_waits_until_jobs_have_brought_their_services_back(world: World) -> None:
    world.start()
    folder, _ = world.job()

    world.signal(signal.SIGTERM)

    assert world.wait() == 0
    assert (folder / "services-are-up").exists()
    assert "1 running job" in world.said
    assert world.left() == []


def test_a_second_signal_does_not_cut_the_grace_short(world: World) -> None:
    world.start()
    folder, _ = world.job()

    world.signal(signal.SIGINT)
    eventually(lambda: "1 running job" in world.said)
    world.signal(signal.SIGINT)

    assert world.wait() == 0
    assert (folder / "services-are-up").exists()


def test_what_outlives_the_grace_is_ended_with_its_script(world: World) -> None:
    world.start(grace=1)
    folder, job = world.job("stubborn")

    world.signal(signal.SIGTERM)

    assert world.wait() == 0
    assert job.wait(timeout=60) == -signal.SIGKILL
    assert not (folder / "services-are-up").exists()
    assert "recovery does the rest" in world.said
    assert world.left() == []


def test_the_script_of_a_lost_job_is_ended_by_a_stop(world: World) -> None:
    world.start()
    _, job = world.job()
    job.kill()
    job.wait()
    assert process.carriers(world.script_token)

    world.signal(signal.SIGTERM)

    assert world.wait() == 0
    assert world.left() == []


def test_a_job_that_lost_its_worker_is_reaped_when_it_ends(world: World) -> None:
    world.start(worker=worker_with(world, "orphan.py", "import time\ntime.sleep(2)"))
    orphan = adopted(world)

    eventually(lambda: not Path(f"/proc/{orphan.pid}").exists())


def test_a_job_that_has_no_lock_file_yet_is_found_among_the_adopted(world: World) -> None:
    told = world.folder / "job"
    world.start(worker=worker_with(world, "manage.py", PART, "run_job", told))
    adopted(world)

    world.signal(signal.SIGTERM)

    assert world.wait() == 0
    assert world.left() == []


def test_a_daemon_that_a_script_has_started_is_left_alone(world: World) -> None:
    daemon = world.program("daemon.py", PART, world.folder / "daemon")
    world.start(worker=worker_with(world, "daemon.py", PART, world.folder / "daemon"))
    identity = adopted(world)
    eventually(lambda: pids(world.folder / "daemon"))
    assert identity.pid == pids(world.folder / "daemon")[0]

    world.signal(signal.SIGTERM)

    assert world.wait() == 0
    assert identity.is_alive(), daemon
    assert not (world.folder / "daemon.told").exists()


def worker_with(world: World, name: str, source: str, *arguments: object) -> list[str]:
    """A worker that starts one process in a session of its own, writes down its pid, and waits."""
    child = world.program(name, source, *arguments)
    starts = f"""
        import os, sys, time
        from borgui import process
        child = process.spawn({child!r})
        with open(sys.argv[1] + ".child", "a") as file:
            file.write(f"{{child.pid}}\\n")
        time.sleep(0.5)
        os.kill(os.getpid(), 9)
    """
    once = world.program("worker_once.py", starts, world.folder / "worker")
    # the first time it starts its child and is killed; the second time it only waits
    waits = world.part("waiting")
    return ["/bin/sh", "-c", f'[ -e "{world.folder}/worker.child" ] && exec {" ".join(waits)}; exec {" ".join(once)}']


def adopted(world: World) -> Identity:
    """The process that the killed worker had started, once the supervisor is its parent."""
    file = world.folder / "worker.child"
    eventually(lambda: pids(file))
    assert world.child
    supervisor = world.child.pid
    identity = Identity.of(pids(file)[0])
    assert identity
    eventually(lambda: f"\nPPid:\t{supervisor}\n" in Path(f"/proc/{identity.pid}/status").read_text())
    return identity


def test_web_and_worker_stop_in_order_when_the_supervisor_is_killed(world: World) -> None:
    world.start()

    world.signal(signal.SIGKILL)
    world.wait()

    eventually((world.folder / "web.told").exists)
    eventually((world.folder / "worker.told").exists)
    eventually(lambda: world.left() == [])


def test_a_part_whose_supervisor_is_gone_already_never_runs(tmp_path: Path) -> None:
    argv = [sys.executable, "-I", "-S", str(LIFELINE), str(os.getppid()), "/usr/bin/touch", str(tmp_path / "ran")]

    assert process.spawn(argv).wait(timeout=30) == 1
    assert not (tmp_path / "ran").exists()
