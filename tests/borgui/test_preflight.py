"""What stops a start, each in one line that says what to do."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from borgui import preflight
from borgui.preflight import CannotStart, Place


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def place(tmp_path: Path, host: str = "127.0.0.1", port: int = 8000) -> Place:
    return Place(tmp_path / "data", host, port)


def test_a_data_directory_is_made_for_this_user_alone(tmp_path: Path) -> None:
    preflight.check_data_directory(place(tmp_path))

    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / "run").is_dir()


def test_a_data_directory_that_cannot_be_made_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file is in the way")

    with pytest.raises(CannotStart, match=rf"{tmp_path}/data cannot be written .*BORGUI_DATA_DIR"):
        preflight.check_data_directory(place(tmp_path))


def test_a_data_directory_without_the_right_to_write_is_named_with_what_to_do() -> None:
    with pytest.raises(CannotStart, match=r"/proc/sys cannot be written .*BORGUI_DATA_DIR"):
        preflight.check_data_directory(Place(Path("/proc/sys"), "127.0.0.1", 8000))


def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path, taken_port: int) -> None:
    with pytest.raises(CannotStart, match=rf"Port {taken_port} on 127.0.0.1 cannot be used .*BORGUI_PORT"):
        preflight.check_port(place(tmp_path, port=taken_port))


def test_a_port_that_was_free_is_still_free_after_the_check(tmp_path: Path, taken_port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    preflight.check_port(place(tmp_path, port=free))

    socket.create_server(("127.0.0.1", free)).close()


def test_a_host_that_is_not_this_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"192\.0\.2\.1"):
        preflight.check_port(place(tmp_path, host="192.0.2.1"))


def test_a_second_supervisor_of_the_same_data_is_refused_with_the_number_of_the_first(tmp_path: Path) -> None:
    here = place(tmp_path)
    preflight.check_data_directory(here)
    lock = preflight.take_lock(here)

    with pytest.raises(CannotStart, match=f"already runs on {here.data_dir}, as process {os.getpid()}"):
        preflight.take_lock(here)

    os.close(lock)
    os.close(preflight.take_lock(here))


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000/"),
        ("0.0.0.0", "http://127.0.0.1:8000/"),
        ("::", "http://[::1]:8000/"),
        ("::1", "http://[::1]:8000/"),
        ("backup.lan", "http://backup.lan:8000/"),
    ],
)
def test_the_printed_address_works_in_a_browser_on_this_machine(tmp_path: Path, host: str, address: str) -> None:
    assert place(tmp_path, host).address == address
