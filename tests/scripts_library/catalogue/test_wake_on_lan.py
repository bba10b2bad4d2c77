"""wake-on-lan.sh: the call arrives as it has to be, the port is waited for, and who was awake before stays awake."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from .conftest import Job

TEMPLATE = "wake-on-lan.sh"
MAC = "00:11:22:aa:BB:cc"


class Sleeper:
    """A machine on loopback: it is awake from the first call on that is meant for it."""

    def __init__(self) -> None:
        self.ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.ear.bind(("127.0.0.1", 0))
        self.ear.settimeout(0.05)
        self.calls: list[bytes] = []
        self.sound = False  # it does not wake up
        self.bed = socket.socket()  # a port that nobody else takes meanwhile
        self.bed.bind(("127.0.0.1", 0))
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.sleep)
        self.thread.start()

    def sleep(self) -> None:
        while not self.over.is_set():
            try:
                self.calls.append(self.ear.recv(2000))
            except TimeoutError:
                continue
            if not self.sound:
                self.bed.listen()

    def wake(self) -> None:
        self.bed.listen()

    def hears(self, *macs: str) -> bool:
        """Whether calls for these arrive, and none for others; what was sent may still be on its way."""
        wanted = {b"\xff" * 6 + bytes.fromhex(mac) * 16 for mac in macs}
        deadline = time.monotonic() + 60
        while set(self.calls) != wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        return set(self.calls) == wanted

    @property
    def values(self) -> dict[str, object]:
        _, ear = self.ear.getsockname()
        _, port = self.bed.getsockname()
        address = {"TARGET_HOST": "127.0.0.1", "TARGET_PORT": port, "BROADCAST": "127.0.0.1", "BROADCAST_PORT": ear}
        return {"MAC_ADDRESS": MAC, **address}

    def close(self) -> None:
        self.over.set()
        self.thread.join()
        self.ear.close()
        self.bed.close()


@pytest.fixture
def sleeper() -> Iterator[Sleeper]:
    with closing(Sleeper()) as it:
        yield it


@pytest.fixture
def job(make_job: Callable[..., Job]) -> Job:
    return make_job()


def test_who_sleeps_is_woken_waited_for_and_put_to_sleep_again(job: Job, sleeper: Sleeper, tmp_path: Path) -> None:
    values = {**sleeper.values, "SLEEP_COMMAND": f'echo "good night" | tee -a "{tmp_path}/its bed"'}
    ran = job.run(TEMPLATE, **values)

    assert ran.ok, ran.output
    assert "is awake after" in ran.last_line
    assert sleeper.hears("001122aabbcc")

    ran = job.run(TEMPLATE, "post-backup", "failure", **values)
    assert ran.ok, ran.output
    assert (tmp_path / "its bed").read_text() == "good night\n"


def test_who_was_awake_is_neither_called_nor_put_to_sleep(job: Job, sleeper: Sleeper, tmp_path: Path) -> None:
    sleeper.wake()
    values = {**sleeper.values, "SLEEP_COMMAND": f"touch '{tmp_path}/bed'"}

    assert "is awake already" in job.run(TEMPLATE, **values).last_line
    assert "was not woken for this backup" in job.run(TEMPLATE, "post-backup", "success", **values).last_line
    assert sleeper.calls == []
    assert not (tmp_path / "bed").exists()


@pytest.mark.parametrize(("wish", "code"), [("skip", 75), ("fail", 1)])
def test_who_does_not_wake_up_is_skipped_or_a_failure(wish: str, code: int, job: Job, sleeper: Sleeper) -> None:
    sleeper.sound = True
    ran = job.run(TEMPLATE, **sleeper.values, WAIT_SECONDS=1, IF_NOT_AWAKE=wish)

    assert ran.exit_code == code
    assert "127.0.0.1 did not wake up" in ran.last_line
    assert sleeper.hears("001122aabbcc")
    ran = job.run(TEMPLATE, "post-backup", "skipped", **sleeper.values, SLEEP_COMMAND="false")
    assert ran.ok
    assert "it is asleep already" in ran.last_line


def test_however_short_the_wait_it_is_called_once(job: Job, sleeper: Sleeper) -> None:
    sleeper.sound = True
    assert job.run(TEMPLATE, **sleeper.values, WAIT_SECONDS=0, IF_NOT_AWAKE="skip").exit_code == 75
    assert sleeper.hears("001122aabbcc")


def test_several_cards_are_called_and_dashes_are_as_good_as_colons(job: Job, sleeper: Sleeper) -> None:
    ran = job.run(TEMPLATE, **{**sleeper.values, "MAC_ADDRESS": "00-11-22-AA-BB-CC\n01:02:03:04:05:06"})

    assert ran.ok, ran.output
    assert sleeper.hears("001122aabbcc", "010203040506")


def test_wakeonlan_is_as_good_as_python(make_job: Callable[..., Job], sleeper: Sleeper, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "cksum", "timeout", "sync", "sleep"):
        (programs / name).symlink_to(f"/usr/bin/{name}" if name != "bash" else "/bin/bash")
    (programs / "wakeonlan").write_text(
        '#!/bin/bash\nprintf %s "$*" >"$STATE_DIR/asked"\nprintf call >"/dev/udp/$2/$4"\n'
    )
    (programs / "wakeonlan").chmod(0o755)
    job = make_job(environ={"PATH": str(programs)})
    values = sleeper.values

    assert job.run(TEMPLATE, **{**values, "MAC_ADDRESS": MAC.replace(":", "-")}).ok
    assert (job.state / "asked").read_text() == f"-i 127.0.0.1 -p {values['BROADCAST_PORT']} {MAC}"


@pytest.mark.parametrize("mac", ["00:11:22:33:44", "nas", f"{MAC}:00", "g0:11:22:33:44:55"])
def test_what_is_no_address_is_told_before_anything_is_sent(mac: str, job: Job, sleeper: Sleeper) -> None:
    ran = job.run(TEMPLATE, **{**sleeper.values, "MAC_ADDRESS": f"{MAC} {mac}"})

    assert ran.exit_code == 1
    assert f"'{mac}' is no MAC address" in ran.last_line
    assert sleeper.calls == []


def test_a_machine_that_closes_the_connection_on_its_way_to_sleep_has_gone_to_sleep(job: Job, sleeper: Sleeper) -> None:
    assert job.run(TEMPLATE, **sleeper.values).ok
    running = job.start(TEMPLATE, "post-backup", "success", **sleeper.values, SLEEP_COMMAND="exit 255")
    running.wait_until(lambda: "was asleep before" in running.said())
    sleeper.bed.close()

    ran = running.end()
    assert (ran.exit_code, ran.last_line) == (0, "127.0.0.1 has gone to sleep.")
