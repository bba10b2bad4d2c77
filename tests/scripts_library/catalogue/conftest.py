"""A script of the catalogue, run as the engine runs it: its environment, its folders, its private copy, its masked log."""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from borgui import process
from borgui.rundir import RunDirectory
from scripts_library import interpreter, manifest, parameters
from scripts_library.environment import HookContext, assemble, facts

from .engines import REAL_ENGINE, Podman, StandIn

CATALOGUE = Path(__file__).parents[3] / "scripts_library" / "catalogue"
TOKEN = "token-of-this-execution"


@dataclass(frozen=True)
class Ran:
    """`output` is what people see, both streams as they came; `error` why it was not started, or how it was stopped."""

    exit_code: int | None
    output: str
    stdout: str
    stderr: str
    error: str = ""
    notice: str = ""  # what it wrote into NOTIFY_FILE

    @property
    def ok(self) -> bool:
        return self.exit_code == 0

    @property
    def last_line(self) -> str:
        """What the page shows of a failure first."""
        return self.output.rstrip("\n").rpartition("\n")[2]


@dataclass
class Job:
    """One job in whose run directory scripts run; both hooks share its STATE_DIR, and a second run has ATTEMPT 2.

    `path` are folders before those of PATH, for programs that a test brings along; `environ` what is set besides, as
    BORGUI_PASS_ENV would let it through. `checked=False` leaves it to the script that a folder has to be in a source.
    """

    folder: Path
    sources: Sequence[Path | str] = ()
    path: Sequence[Path] = ()
    environ: dict[str, str] = field(default_factory=dict)
    triggered_by: str = "api"
    window: str = ""
    checked: bool = True
    wrapper: Sequence[str] = ()  # a command that runs it
    attempts: dict[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory = RunDirectory(self.folder)
        for place in (self.directory.path, self.directory.state, self.directory.copies):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def state(self) -> Path:
        return self.directory.state

    def run(self, template: str, hook: str = "pre-backup", outcome: str = "", **values: Any) -> Ran:
        """`outcome` belongs to post-backup. A secret that is printed fails the test."""
        return self.start(template, hook, outcome, **values).end()

    def start(self, template: str, hook: str = "pre-backup", outcome: str = "", **values: Any) -> "Running":
        """As `run`, but does not wait: for tests in which something happens meanwhile."""
        text = (CATALOGUE / template).read_text()
        declared = manifest.parse(text).parameters
        merged = parameters.merge(
            declared, {}, {name: str(v) if isinstance(v, Path) else v for name, v in values.items()}
        )
        sources = [str(source) for source in self.sources if self.checked]
        resolved = parameters.resolve(declared, {}, merged, source_paths=sources)
        assert resolved.problems == []
        prepared = interpreter.prepare(text)
        copy = self.directory.private_copy(template.removesuffix(".sh"), prepared.content)
        env = self.environment(template, hook, outcome, resolved.values)
        secrets = [resolved.values[name] for name in resolved.secret_names if resolved.values[name]]
        return Running([*self.wrapper, *prepared.argv, str(copy)], env, self.directory.path, secrets)

    def environment(self, template: str, hook: str, outcome: str, values: dict[str, str]) -> dict[str, str]:
        attempt = self.attempts[template, hook] = self.attempts.get((template, hook), 0) + 1
        context = HookContext(
            hook_type=hook,
            moment=datetime.now(UTC),
            triggered_by=self.triggered_by,
            repository_id=7,
            repository_name="photos",
            repository_path="/srv/borg/photos",
            source_paths=tuple(str(source) for source in self.sources),
            archive_name="photos-2026-11-28",
            job_id=42,
            window_name=self.window,
            outcome=outcome,
            exit_code={"success": 0, "warning": 1, "failure": 2}.get(outcome),
        )
        notify = self.directory.path / "notify-1"
        notify.unlink(missing_ok=True)
        known = facts(context, execution_id=1, attempt=attempt, token=TOKEN, state=self.state, notify=notify)
        env = {**assemble(known, values), **self.environ}
        return {**env, "PATH": ":".join([*map(str, self.path), env["PATH"]])}


def command_line(pid: int) -> str:
    """With spaces between its words; "" when the process is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


class Running:
    """A script that runs in a thread of its own. `stop` is what the engine does to one: TERM, a while, KILL."""

    def __init__(self, argv: list[str], env: dict[str, str], cwd: Path, secrets: list[str]) -> None:
        self.pieces: list[tuple[str, bytes]] = []
        self.secrets, self.reason = secrets, ""
        self.identity: process.Identity | None = None
        self.notify = cwd / "notify-1"
        self.result = process.Result()
        self.thread = threading.Thread(target=self._run, args=(argv, env, cwd))
        self.thread.start()

    def _run(self, argv: list[str], env: dict[str, str], cwd: Path) -> None:
        self.result = process.run(
            argv,
            env=env,
            cwd=cwd,
            timeout=60,
            token=f"{TOKEN}-{id(self)}",
            on_output=lambda stream, data, ms: self.pieces.append((stream, data)),
            on_start=lambda identity: setattr(self, "identity", identity),
            should_stop=lambda: self.reason,
            poll=0.05,
            grace=2,
        )

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Until something has come about while it runs; fails when it ends before."""
        while not ready():
            assert self.thread.is_alive(), self.said()
            time.sleep(0.01)

    def wait_for_program(self, *words: str) -> list[str]:
        """Until one of its processes has a command line with all these words; returns those of all its processes."""
        lines: list[str] = []

        def is_there() -> bool:
            lines[:] = [command_line(one.pid) for one in process.members(self.identity.pid)] if self.identity else []
            return any(all(word in line for word in words) for line in lines)

        self.wait_until(is_there)
        return lines

    def pids(self, *words: str) -> list[int]:
        """Of its processes whose command line has these words."""
        members = process.members(self.identity.pid) if self.identity else []
        return [one.pid for one in members if all(word in command_line(one.pid) for word in words)]

    def stop(self) -> Ran:
        """As when a person stops it."""
        self.reason = "cancelled"
        return self.end()

    def said(self, stream: str = "oe") -> str:
        return b"".join(data for source, data in self.pieces if source in stream).decode(errors="replace")

    def end(self) -> Ran:
        """Waits for its end."""
        self.thread.join(90)
        assert not self.thread.is_alive(), self.said()
        for secret in self.secrets:
            assert secret not in self.said()
        notice = self.notify.read_text() if self.notify.is_file() else ""
        error = self.result.error or self.result.reason
        return Ran(self.result.exit_code, self.said(), self.said("o"), self.said("e"), error, notice)


def small_disk(folder: Path, kib: int) -> tuple[list[str], Path]:
    """A wrapper for a job in which `folder` is on a disk of so many KiB, and where to look at what was left there.

    Where this user may mount nothing, a limit for the size of each file stands in for the full disk.
    """
    for namespace in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        probe = [*namespace, "mount", "-t", "tmpfs", "-o", "size=1m", "probe", "/mnt"]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            result = folder.with_name(f"{folder.name}.result")
            result.mkdir()
            return [*namespace, "bash", str(Path(__file__).with_name("full_disk.sh")), str(kib), str(folder)], result
    return ["bash", "-c", f'ulimit -f {kib}; exec "$@"', "bash"], folder


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[..., Job]:
    """make_job(sources=[...], path=[...]): each call is another job with a STATE_DIR of its own."""
    made: list[Job] = []

    def make(**fields: Any) -> Job:
        made.append(Job(tmp_path / "jobs" / str(len(made) + 1), **fields))
        return made[-1]

    return make


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    engine = Podman(Path(tempfile.mkdtemp(prefix="podman-"))).open()  # it takes no long paths
    yield engine
    engine.close()


@pytest.fixture
def standin(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path / "docker").open()


@pytest.fixture(params=["stand-in", pytest.param("podman", marks=REAL_ENGINE)])
def engine(request: pytest.FixtureRequest) -> Iterator[Podman | StandIn]:
    """No container but those that the test makes. Podman needs root; the stand-in does not."""
    if request.param == "stand-in":
        yield request.getfixturevalue("standin")
        return
    podman = request.getfixturevalue("podman")
    yield podman
    podman.forget_all()


@pytest.fixture
def best_engine(request: pytest.FixtureRequest) -> Iterator[Podman | StandIn]:
    """Podman for root, else the stand-in: for what takes too long to be tried with both."""
    if os.geteuid() != 0:
        yield request.getfixturevalue("standin")
        return
    podman = request.getfixturevalue("podman")
    yield podman
    podman.forget_all()
