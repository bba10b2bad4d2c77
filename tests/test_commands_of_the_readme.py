"""`bin/run` as a person types it: it serves, it stops, and what is missing is said in one line."""

import os
import shutil
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from borgui import process

ROOT = Path(__file__).parents[1]
RUN = str(ROOT / "bin" / "run")


class Typed:
    """A command line and where its output goes; everything it starts carries a token, and nothing of it is left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = uuid4().hex

    def start(self, *argv: str, **changed: str) -> process.Child:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("BORGUI_", "DJANGO_"))}
        ours = {"BORGUI_DATA_DIR": str(self.folder / "data"), process.TOKEN_VARIABLE: self.token}
        return process.spawn(argv, env={**environment, **ours, **changed}, cwd=self.folder, log=self.folder / "log")

    def end_of(self, *argv: str, **changed: str) -> int:
        return self.start(*argv, **changed).wait(timeout=300)

    @property
    def said(self) -> list[str]:
        return (self.folder / "log").read_text().splitlines()

    def left(self) -> list[process.Identity]:
        return process.carriers(self.token)


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[Typed]:
    typed = Typed(tmp_path)
    yield typed
    process.end(typed.left, grace=0)


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def path_with(folder: Path, programs: Mapping[str, str]) -> str:
    """A PATH on which only these programs are found, besides what the shell scripts themselves are written with."""
    folder.mkdir()
    found = {name: shutil.which(name) for name in ("bash", "dirname", "cat", "sed", "cut", "id", "sha256sum")}
    for name, target in {**found, **programs}.items():
        (folder / name).symlink_to(str(target))
    return str(folder)


def is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/", timeout=60) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_run_serves_until_it_is_told_to_stop_and_leaves_nothing_running(typed: Typed, free_port: int) -> None:
    child = typed.start(RUN, BORGUI_PORT=str(free_port))
    deadline = time.monotonic() + 300  # the first time it installs, and builds the assets
    while not is_healthy(free_port):
        assert child.poll() is None, typed.said
        assert time.monotonic() < deadline, typed.said
        time.sleep(0.1)

    child.send_signal(signal.SIGTERM)

    assert child.wait(timeout=60) == 0
    assert f"borgui: http://127.0.0.1:{free_port}/ (Ctrl-C stops it)" in typed.said
    assert any("/setup/" in line for line in typed.said)
    assert typed.left() == []


def test_a_port_in_use_is_said_in_one_line_before_anything_is_done(typed: Typed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        status = typed.end_of(RUN, BORGUI_PORT=str(port))

    assert status == 1
    assert len(typed.said) == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in typed.said[0]


def test_a_data_directory_that_cannot_be_written_is_said_in_one_line(typed: Typed) -> None:
    assert typed.end_of(RUN, BORGUI_DATA_DIR="/proc/sys/data") == 1
    assert len(typed.said) == 1
    assert "The data directory /proc/sys/data cannot be written" in typed.said[0]


def test_a_relative_data_directory_is_meant_from_where_the_command_was_typed(typed: Typed) -> None:
    (typed.folder / "in-the-way").write_text("")

    assert typed.end_of(RUN, "--demo", BORGUI_DATA_DIR="in-the-way") == 1
    assert f"The data directory {typed.folder}/in-the-way cannot be written" in typed.said[0]


def test_nonsense_in_a_setting_is_said_in_one_line(typed: Typed) -> None:
    assert typed.end_of(RUN, BORGUI_PORT="eighty") == 1
    assert typed.said == ["borgui cannot start: BORGUI_PORT is 'eighty': use a whole number."]


def test_a_missing_borg_that_cannot_be_installed_is_said_in_one_line(typed: Typed, free_port: int) -> None:
    path = path_with(typed.folder / "bin", {"python3": sys.executable})

    assert typed.end_of(RUN, PATH=path, BORGUI_PORT=str(free_port)) == 1
    assert len(typed.said) == 1
    assert "BorgBackup is not installed" in typed.said[0]
    assert "borgbackup openssh-client" in typed.said[0]


def test_a_borg_that_is_named_but_not_there_is_said_in_one_line(typed: Typed, free_port: int) -> None:
    assert typed.end_of(RUN, BORGUI_BORG="/no/such/borg", BORGUI_PORT=str(free_port)) == 1
    assert typed.said == ["borgui cannot start: BORGUI_BORG is '/no/such/borg', which is no program that can be run."]


def test_a_missing_python_is_said_in_one_line(typed: Typed) -> None:
    assert typed.end_of(RUN, PATH=path_with(typed.folder / "bin", {})) == 1
    assert len(typed.said) == 1
    assert "Python 3.11 or newer is needed and none was found" in typed.said[0]


def test_a_python_that_is_too_old_is_said_in_one_line_with_its_version(typed: Typed) -> None:
    old = typed.folder / "old"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    old.chmod(0o755)

    assert typed.end_of(RUN, PATH=path_with(typed.folder / "bin", {"python3": str(old)})) == 1
    assert typed.said == ["borgui cannot start: Python 3.11 or newer is needed, and this machine has Python 3.9.2."]


@pytest.mark.parametrize("arguments", [["--fail"], ["--demo", "--unknown"], ["demo"]])
def test_arguments_that_are_not_known_show_the_usage_and_exit_64(typed: Typed, arguments: list[str]) -> None:
    assert typed.end_of(RUN, *arguments) == 64
    assert any("bin/run --demo [--fail]" in line for line in typed.said)
