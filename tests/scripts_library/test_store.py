import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts_library.file_names import slug
from scripts_library.store import (
    LARGEST,
    Missing,
    NotText,
    NotWritten,
    OutsideFolder,
    Store,
    StoreError,
    Unreadable,
    content_problem,
    digest,
)

FILE = "library/a.sh"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "library").mkdir()
    return Store(tmp_path)


def put(store: Store, name: str, raw: bytes = b"echo\n") -> Path:
    path = store.folder / name
    path.write_bytes(raw)
    return path


def names(store: Store) -> list[str]:
    return sorted(os.listdir(store.folder))


# --- reading ----------------------------------------------------------------------------------------------------------
def test_the_exact_text_is_read(store: Store) -> None:
    raw = "\ufeffecho ä\r\n\r".encode()
    put(store, "a.sh", raw)
    assert store.read(FILE).content.encode() == raw
    assert store.read(FILE).sha256 == digest(raw.decode())


@pytest.mark.parametrize("raw", [b"a\0b", b"\xff\xfe", b"caf\xe9", b"\x7fELF\0"])
def test_what_is_not_text_is_told_apart(store: Store, raw: bytes) -> None:
    put(store, "a.sh", raw)
    with pytest.raises(NotText, match=r"library/a\.sh"):
        store.read(FILE)


def test_missing_and_unreadable_are_told_apart(store: Store) -> None:
    with pytest.raises(Missing):
        store.read(FILE)
    (store.folder / "a.sh").mkdir()
    with pytest.raises(Unreadable):
        store.read(FILE)


def test_a_pipe_in_the_folder_is_refused_and_not_waited_for(store: Store) -> None:
    os.mkfifo(store.folder / "a.sh")
    with pytest.raises(Unreadable, match="ordinary file"):
        store.read(FILE)


def test_a_file_of_5_mib_is_refused_and_one_of_the_limit_read(store: Store) -> None:
    put(store, "a.sh", b"x" * 5 * LARGEST)
    with pytest.raises(Unreadable, match="larger"):
        store.read(FILE)
    put(store, "a.sh", b"x" * LARGEST)
    assert len(store.read(FILE).content) == LARGEST


@pytest.mark.parametrize(
    "path",
    [
        *("library/../secret", "../library/a", "/etc/passwd", "library//etc/passwd", "library/", "library/.."),
        *("library/.", "a.sh", "templates/a.sh", "library/sub/a.sh", "", "library/a\0b"),
    ],
)
def test_no_path_leaves_the_library_folder(store: Store, path: str) -> None:
    (store.root / "secret").write_text("x")
    for attempt in (store.read, lambda name: store.write(name, b"x")):
        with pytest.raises(OutsideFolder):
            attempt(path)


def test_a_link_that_leaves_the_folder_is_refused_for_reading_and_writing(store: Store, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    (store.folder / "a.sh").symlink_to(secret)
    with pytest.raises(OutsideFolder):
        store.read(FILE)
    with pytest.raises(OutsideFolder):
        store.write(FILE, b"y")
    assert secret.read_text() == "x"


def test_a_link_inside_the_folder_is_followed_and_stays_a_link(store: Store) -> None:
    real = put(store, "real.sh", b"old")
    (store.folder / "a.sh").symlink_to("real.sh")
    store.write(FILE, b"new")
    assert store.read(FILE).content == "new"
    assert (store.folder / "a.sh").is_symlink()
    assert real.read_bytes() == b"new"


def test_a_link_that_points_at_itself_is_an_error_of_ours(store: Store) -> None:
    (store.folder / "a.sh").symlink_to("a.sh")
    with pytest.raises(StoreError):
        store.read(FILE)


# --- stamps -----------------------------------------------------------------------------------------------------------
def settled(store: Store) -> str:
    """The stamp, as soon as there is one."""
    deadline = time.monotonic() + 60
    while not (stamp := store.stamp(FILE)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return stamp


def test_a_fresh_file_has_no_stamp_for_a_second_change_might_leave_the_same(store: Store) -> None:
    put(store, "a.sh")
    assert store.stamp(FILE) == ""


def test_the_stamp_changes_with_the_file_even_where_size_and_mtime_are_kept(store: Store) -> None:
    path = put(store, "a.sh", b"one")
    before, times = settled(store), path.stat()
    assert 0 < len(before) <= 80
    assert store.read(FILE).stamp == before
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert settled(store) != before


def test_the_stamp_of_a_missing_file_is_empty(store: Store) -> None:
    assert store.stamp(FILE) == store.stamp("../x") == ""


# --- listing ----------------------------------------------------------------------------------------------------------
def test_hidden_files_backups_readmes_and_folders_are_no_scripts(store: Store) -> None:
    for name in ("b.sh", "a.py", "noext", ".hidden", "a.sh~", ".a.sh.swp", "a.swp", "README", "README.md"):
        put(store, name)
    (store.folder / "sub").mkdir()
    (store.folder / "broken").symlink_to("nowhere")
    assert store.candidates() == ["library/a.py", "library/b.sh", "library/noext"]


def test_a_folder_that_is_not_there_holds_no_scripts(tmp_path: Path) -> None:
    assert Store(tmp_path / "nowhere").candidates() == []


# --- writing ----------------------------------------------------------------------------------------------------------
def test_a_new_file_may_be_run_and_read_whatever_the_umask(store: Store) -> None:
    before = os.umask(0o077)
    try:
        store.write(FILE, b"echo\n")
    finally:
        os.umask(before)
    assert (store.folder / "a.sh").stat().st_mode & 0o7777 == 0o755
    assert names(store) == ["a.sh"]


def test_the_folder_is_made_when_it_is_not_there(tmp_path: Path) -> None:
    Store(tmp_path / "scripts").write(FILE, b"echo\n")
    assert (tmp_path / "scripts/library/a.sh").read_bytes() == b"echo\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_owner_and_mode_of_a_file_from_outside_are_kept(store: Store) -> None:
    path = put(store, "a.sh")
    os.chown(path, 12345, 54321)
    os.chmod(path, 0o640)
    store.write(FILE, b"new")
    status = path.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (12345, 54321, 0o640)


def test_a_folder_in_the_place_of_the_file_fails_and_leaves_no_draft(store: Store) -> None:
    (store.folder / "a.sh").mkdir()
    with pytest.raises(NotWritten, match=r"library/a\.sh"):
        store.write(FILE, b"new")
    assert names(store) == ["a.sh"]


@pytest.fixture
def small_files() -> Iterator[None]:
    """The disk takes 4 KiB of a file and no more."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_disk_that_fails_midway_leaves_the_old_file_whole(store: Store, small_files: None) -> None:
    path = put(store, "a.sh", b"old")
    with pytest.raises(NotWritten):
        store.write(FILE, b"x" * 100_000)
    assert path.read_bytes() == b"old"
    assert names(store) == ["a.sh"]


def test_a_change_is_put_back_when_what_belongs_to_it_fails(store: Store) -> None:
    path = put(store, "a.sh", b"old")
    os.chmod(path, 0o640)
    with pytest.raises(ZeroDivisionError), store.change(FILE) as change:
        change.write("new")
        assert path.read_bytes() == b"new"
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_new_file_is_gone_again_when_what_belongs_to_it_fails(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.change(FILE) as change:
        change.write("new")
        raise ZeroDivisionError
    assert names(store) == []


def test_a_removed_file_is_back_when_what_belongs_to_it_fails(store: Store) -> None:
    path = put(store, "a.sh", b"old")
    os.chmod(path, 0o600)
    with pytest.raises(ZeroDivisionError), store.change(FILE) as change:
        change.remove()
        assert names(store) == []
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_somebody_else_has_written_meanwhile_is_not_put_back(store: Store) -> None:
    path = put(store, "a.sh", b"old")
    with pytest.raises(ZeroDivisionError), store.change(FILE) as change:
        change.write("new")
        path.write_bytes(b"theirs")
        raise ZeroDivisionError
    assert path.read_bytes() == b"theirs"


def test_a_missing_file_can_be_removed(store: Store) -> None:
    with store.change(FILE) as change:
        change.remove()
    assert names(store) == []


# --- names and contents -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Docker containers: stop & start", "docker-containers-stop-start"),
        ("../../etc/passwd", "etc-passwd"),
        ("Größe über", "groe-uber"),
        ("数据库", "script"),
        ("---", "script"),
        ("x" * 300, "x" * 50),
        ("a\n\0b", "a-b"),
    ],
)
def test_any_name_becomes_a_short_plain_one(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_a_new_path_is_taken_by_nobody(store: Store) -> None:
    asked: list[str] = []

    def taken(path: str) -> bool:
        asked.append(path)
        return len(asked) < 3

    path = store.new_path("Stop", ".py", taken)
    assert path == asked[2]
    assert path.startswith("library/stop_")
    assert path.endswith(".py")
    assert len(path) == len("library/stop_123456.py")


@pytest.mark.parametrize("content", ["a\0b", "\ud800", "x" * (LARGEST + 1), "ä" * (LARGEST // 2 + 1), None, 5, b"x"])
def test_what_cannot_be_a_script_is_told(content: object) -> None:
    assert content_problem(content)


def test_a_text_of_the_limit_is_accepted() -> None:
    assert content_problem("x" * LARGEST) == ""
