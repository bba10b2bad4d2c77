"""Real processes, named by pid, start time and boot id."""

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from borgui import identity
from borgui.identity import Identity, boot_id, carriers, end, leftovers, members, start_time
from borgui.process import TOKEN_VARIABLE, Child, spawn

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
IGNORES_TERM = "trap '' TERM; echo ready > ready; while :; do sleep 0.1; done"


def until(condition: Callable[[], object], seconds: float = 60) -> bool:
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def token() -> Iterator[str]:
    token = uuid.uuid4().hex
    yield token
    end(lambda: carriers(token), grace=0)


@pytest.fixture
def start(token, tmp_path) -> Iterator[Callable[..., Child]]:
    children: list[Child] = []

    def shell(script: str, token: str = token) -> Child:
        children.append(spawn(["/bin/bash", "-c", script], env={**ENVIRONMENT, TOKEN_VARIABLE: token}, cwd=tmp_path))
        return children[-1]

    yield shell
    for child in children:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


class TestIdentity:
    def test_this_process_is_alive(self):
        assert Identity.current().is_alive()
        assert Identity.current() == Identity.of(os.getpid())

    def test_it_can_be_written_down_and_read_again(self):
        current = Identity.current()
        assert Identity.parse(str(current)) == current
        assert str(current) == f"{os.getpid()} {start_time(os.getpid())} {boot_id()}"

    @pytest.mark.parametrize("text", ["", "12", "12 34", "0 1 boot", "-5 1 boot", "x 1 boot", "1 y boot", "1 2 b c"])
    def test_a_line_that_names_no_process_is_refused(self, text):
        with pytest.raises(ValueError, match="names no process"):
            Identity.parse(text)

    def test_the_same_number_with_another_start_time_is_somebody_else(self, start):
        child = start("exec sleep 60")
        other = replace(Identity.of_child(child.pid), start_time=1)
        assert not other.is_alive()
        assert not other.signal(signal.SIGKILL)
        assert child.poll() is None

    def test_the_same_number_after_a_reboot_is_somebody_else(self, start):
        child = start("exec sleep 60")
        other = replace(Identity.of_child(child.pid), boot_id="another-boot")
        assert not other.is_alive()
        assert not other.signal(signal.SIGKILL)
        assert child.poll() is None

    def test_a_zombie_is_dead(self, start):
        child = start("exit 0")
        assert until(lambda: start_time(child.pid) is None)
        assert Identity.of(child.pid) is None
        assert not Identity.of_child(child.pid).is_alive()

    def test_a_process_that_is_gone_gets_no_signal(self, start):
        child = start("exit 0")
        gone = Identity.of_child(child.pid)
        child.wait()
        assert not gone.signal(signal.SIGTERM)
        with pytest.raises(ProcessLookupError):
            Identity.of_child(child.pid)

    def test_a_name_with_blanks_and_parentheses_does_not_confuse_it(self, start, tmp_path):
        (tmp_path / "a) Z (b").symlink_to("/bin/sleep")
        child = start("exec './a) Z (b' 60")
        assert until(lambda: "a) Z (b" in Path(f"/proc/{child.pid}/comm").read_text())
        assert Identity.of(child.pid) is not None


class TestCarriers:
    def test_a_daemon_in_a_session_of_its_own_is_found(self, start, token):
        start("setsid sleep 60 & exit 0").wait()
        assert until(lambda: len(carriers(token)) == 1)

    def test_the_caller_and_strangers_are_not(self, start, token, monkeypatch):
        start("exec sleep 60", token=f"{token}0")
        monkeypatch.setenv(TOKEN_VARIABLE, token)
        assert carriers(token) == []

    def test_an_empty_token_finds_nothing(self, start):
        start("exec sleep 60", token="")
        assert carriers("") == []

    def test_only_younger_processes_where_that_is_asked(self, start, token):
        child = start("exec sleep 60")
        assert [found.pid for found in carriers(token, after=child.pid - 1)] == [child.pid]
        assert carriers(token, after=child.pid) == []


class TestLeftovers:
    def test_members_of_the_recorded_session_are_found_without_the_token(self, start, tmp_path):
        child = start("env -i sleep 60 & echo $! > pid; wait")
        assert until(lambda: (tmp_path / "pid").exists() and len(members(child.pid)) == 2)
        found = leftovers("no-such-token", Identity.of_child(child.pid))
        assert {identity.pid for identity in found} == {child.pid, int((tmp_path / "pid").read_text())}

    def test_a_session_that_may_be_a_strangers_by_now_is_left_alone(self, start):
        child = start("exec sleep 60")
        recorded = Identity.of_child(child.pid)
        assert leftovers("no-such-token", replace(recorded, start_time=recorded.start_time - 1)) == []
        assert leftovers("no-such-token", replace(recorded, boot_id="another-boot")) == []
        assert leftovers("no-such-token", None) == []

    def test_a_process_found_both_ways_is_named_once(self, start, token):
        child = start("exec sleep 60")
        assert leftovers(token, Identity.of_child(child.pid)) == [Identity.of_child(child.pid)]


class TestEnd:
    def test_term_is_enough_for_most_and_comes_once(self, start, token, tmp_path):
        child = start("trap 'echo term >> terms; sleep 0.3; exit 0' TERM; echo > ready; while :; do sleep 0.01; done")
        assert until((tmp_path / "ready").exists)
        assert end(lambda: [Identity.of_child(child.pid)]) == 1
        assert child.wait() == 0
        assert (tmp_path / "terms").read_text() == "term\n"

    def test_who_ignores_term_is_killed_after_the_grace(self, start, token, tmp_path):
        child = start(IGNORES_TERM)
        assert until((tmp_path / "ready").exists)
        assert end(lambda: [Identity.of_child(child.pid)], grace=0.2) == 1
        assert child.wait() == -signal.SIGKILL

    def test_who_had_term_already_is_not_asked_again(self, start, tmp_path):
        child = start("trap 'echo term >> terms' TERM; echo > ready; while :; do sleep 0.01; done")
        assert until((tmp_path / "ready").exists)
        itself = Identity.of_child(child.pid)
        end(lambda: [itself], grace=0.3, warned=[itself])
        assert not (tmp_path / "terms").exists()

    def test_what_is_started_meanwhile_is_ended_too(self, start, token, tmp_path):
        start("trap 'setsid sleep 60 & exit' TERM; echo > ready; while :; do sleep 0.01; done")
        assert until((tmp_path / "ready").exists)
        end(lambda: carriers(token), grace=5)
        assert carriers(token) == []

    def test_nothing_to_end_is_no_work(self):
        assert end(list) == 0

    def test_what_cannot_be_killed_is_given_up_and_told(self, monkeypatch, caplog):
        @dataclass(frozen=True)
        class HangsInTheKernel(Identity):  # no ordinary means bring a process into this state
            def is_alive(self) -> bool:
                return True

            def signal(self, number: int) -> bool:
                return True

        monkeypatch.setattr(identity, "GIVE_UP", 0.1)
        assert end(lambda: [HangsInTheKernel(4_194_305, 1, "boot")], grace=0.1) == 0
        assert "4194305" in caplog.text
