"""Two container engines for tests: podman with docker's own client in front of it, and a stand-in that needs nothing.

Podman is the real thing, and needs root: containers from scratch with one static busybox, no network, everything in
one folder. The stand-in is a client without an engine, for what an engine cannot be brought to do, and for those
who are not root.
"""

import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

NEEDS_ROOT = "only root can run podman here; the stand-in is tried by everybody"
REAL_ENGINE = (pytest.mark.services, pytest.mark.skipif(os.geteuid() != 0, reason=NEEDS_ROOT))
BUSYBOX = "/bin/busybox"
MARK = "an-image-of-the-tests"
OBEYS = f"trap 'exit 0' TERM; while :; do {BUSYBOX} sleep 9 & wait; done"
STUBBORN = f"trap '' TERM; while :; do {BUSYBOX} sleep 9; done"
# Of its own: no lock, folder or socket is shared with another podman of this machine.
SETTINGS = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
netns = "host"
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "none"
lock_type = "file"
"""


@dataclass
class Podman:
    """A podman of its own, whose API docker's client talks to."""

    folder: Path
    path: list[Path] = field(default_factory=list)
    service: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        return f"unix://{self.folder}/api.sock"

    @property
    def environ(self) -> dict[str, str]:
        """As BORGUI_PASS_ENV lets it through."""
        return {"DOCKER_HOST": self.address}

    def open(self) -> "Podman":
        (self.folder / "containers.conf").write_text(SETTINGS)
        rootfs = self.folder / "rootfs"
        (rootfs / "bin").mkdir(parents=True)
        shutil.copy(str(shutil.which("busybox")), rootfs / "bin" / "busybox")
        (rootfs / "bin" / "sh").symlink_to("busybox")
        subprocess.run(["tar", "-C", rootfs, "-cf", self.folder / "box.tar", "."], check=True)
        self.say("import", str(self.folder / "box.tar"), "box")
        with (self.folder / "service.log").open("wb") as log:
            command = self._command("system", "service", "--time=0", self.address)
            self.service = subprocess.Popen(command, env=self._environment(), stdout=log, stderr=log)
        self._wait_for_service()
        return self

    def close(self) -> None:
        self.forget_all()
        assert self.service
        self.service.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.service.wait(20)
        self.service.kill()
        self.service.wait()
        self.end_what_waits()
        subprocess.run(["umount", "-R", "-l", self.folder / "root" / self.driver], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def end_what_waits(self) -> None:
        """podman keeps a process for five minutes after each command in a container; all of them name our folder."""
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if str(self.folder).encode() in (process / "cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)

    driver = "vfs"

    def _wait_for_service(self) -> None:
        deadline = time.monotonic() + 60
        while not (self.folder / "api.sock").exists():
            assert time.monotonic() < deadline, (self.folder / "service.log").read_text()
            time.sleep(0.02)

    def _command(self, *words: str) -> list[str]:
        places = [f"--{name}={self.folder / name}" for name in ("root", "runroot", "tmpdir")]
        return ["podman", *places, f"--storage-driver={self.driver}", *words]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "CONTAINERS_CONF": str(self.folder / "containers.conf")}

    def say(self, *words: str) -> str:
        answer = subprocess.run(
            self._command(*words), env=self._environment(), capture_output=True, text=True, timeout=60, check=False
        )
        assert answer.returncode == 0, (words, answer.stderr)
        return answer.stdout.strip()

    def image(self, name: str, programs: Iterable[Path]) -> None:
        """An image, made once, that has these programs, with the libraries they need, besides busybox."""
        rootfs = self.folder / f"rootfs-{name}"
        if rootfs.exists():
            return
        shutil.copytree(self.folder / "rootfs", rootfs, symlinks=True)
        for applet in ("cat", "id", "env", "head", "tail"):
            (rootfs / "bin" / applet).symlink_to("busybox")
        for program in programs:
            libraries = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
            for library in map(Path, re.findall(r"(/\S+) \(0x", libraries)):
                place = rootfs / library.relative_to("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(library, place)
            shutil.copy(program, rootfs / "bin" / program.name)
        (rootfs / "tmp").mkdir(mode=0o1777)
        (rootfs / MARK).touch()
        subprocess.run(["tar", "-C", rootfs, "-cf", self.folder / f"{name}.tar", "."], check=True)
        self.say("import", str(self.folder / f"{name}.tar"), name)

    def runs_inside(self, name: str) -> bool:
        """Whether a command in a container of `image` sees it: in a chroot, podman lets it see the machine instead."""
        command = self._command("exec", name, "cat", f"/{MARK}")
        return subprocess.run(command, env=self._environment(), capture_output=True, check=False).returncode == 0

    def make(self, name: str, *, labels: tuple[str, ...] = (), stubborn: bool = False, **more: str) -> None:
        """A container that runs. `health`: the command that its health check runs, when it is asked to. `grace`: seconds."""
        options = [f"--label={label}" for label in labels]
        health = more.get("health", "")
        if "grace" in more:
            options += [f"--stop-timeout={more['grace']}"]
        if health:
            options += [f"--health-cmd={health}", "--health-interval=disable", "--health-retries=1"]
        script = STUBBORN if stubborn else OBEYS
        self.say("run", "--detach", "--name", name, *options, "box", BUSYBOX, "sh", "-c", script)

    def do(self, verb: str, name: str) -> None:
        self.say(verb, *(["--force", "--time=0"] if verb == "rm" else []), name)

    def state(self, name: str) -> str:
        return self.say("inspect", "--format", "{{.State.Status}}", name)

    def check_health(self, name: str) -> None:
        """What a timer of the system does elsewhere."""
        subprocess.run(
            self._command("healthcheck", "run", name), env=self._environment(), check=False, capture_output=True
        )

    def forget_all(self) -> None:
        self.say("rm", "--all", "--force", "--time=0")


@dataclass
class StandIn:
    """`calls` is what it was told to do, in order."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> list[Path]:
        return [self.folder]

    def open(self, *programs: str) -> "StandIn":
        self.folder.mkdir(parents=True)
        for program in programs or ("docker",):
            shutil.copy(Path(__file__).with_name("standin_docker.sh"), self.folder / program)
            (self.folder / program).chmod(0o755)
        return self

    def make(
        self, name: str, *, labels: tuple[str, ...] = (), health: str = "", rm: str = "false", **facts: str
    ) -> None:
        """`becomes`: its health after a start; `fails`: the orders that it does not obey."""
        one = self.folder / secrets.token_hex(32)
        one.mkdir()
        (one / "name").write_text(name)
        (one / "labels").write_text("".join(f"{label}\n" for label in labels))
        self.set(
            name, **{"status": "running", "health": health, "becomes": health, "rm": rm, "grace": "<nil>", **facts}
        )

    def set(self, container: str, **facts: str) -> None:
        for fact, value in facts.items():
            (self.folder_of(container) / fact).write_text(value)

    def folder_of(self, container: str) -> Path:
        return next(path.parent for path in self.folder.glob("*/name") if path.read_text() == container)

    def state(self, name: str) -> str:
        return (self.folder_of(name) / "status").read_text().strip()

    def do(self, verb: str, name: str) -> None:
        if verb == "rm":
            return shutil.rmtree(self.folder_of(name))
        return self.set(name, status={"stop": "exited", "start": "running", "pause": "paused"}[verb])

    def hold(self, verb: str, name: str) -> None:
        """From here on this takes as long as `release` is not called."""
        (self.folder / f"hold-{verb}-{name}").touch()

    def release(self) -> None:
        for path in self.folder.glob("hold-*"):
            path.unlink()

    @property
    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []
