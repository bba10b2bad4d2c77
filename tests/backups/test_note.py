"""The note and the reserve, on real files; /dev/full is a disk that is full."""

import os
import resource
import signal
from pathlib import Path

import pytest

from backups.note import LENGTH, LONGEST_TEXT, RESERVE, Note

ENTRY = {"claim": 1, "model": "job", "id": 7, "fields": {"phase": "backup"}}


@pytest.fixture
def note(tmp_path: Path) -> Note:
    note = Note(tmp_path)
    note.prepare()
    return note


def numbered(number: int) -> dict:
    return {**ENTRY, "id": number}


def test_both_files_have_their_blocks_before_anything_is_written(note: Note) -> None:
    for path, size in ((note.path, LENGTH), (note.reserve, RESERVE)):
        assert path.stat().st_size == size
        assert path.stat().st_blocks * 512 >= size
    assert note.is_blank()


def test_what_is_appended_is_read_in_order_also_by_another_process(note: Note, tmp_path: Path) -> None:
    for number in range(3):
        assert note.append(numbered(number))

    assert [entry["id"] for entry in Note(tmp_path).entries()] == [0, 1, 2]
    assert note.path.stat().st_size == LENGTH, "it never grows"


def test_who_prepares_a_note_that_was_written_goes_on_behind_it(note: Note, tmp_path: Path) -> None:
    note.append(numbered(1))
    again = Note(tmp_path)

    again.prepare()
    again.append(numbered(2))

    assert [entry["id"] for entry in again.entries()] == [1, 2]


def test_a_cleared_note_begins_anew(note: Note) -> None:
    note.append(numbered(1))
    note.clear()
    assert note.is_blank()

    note.append(numbered(2))

    assert [entry["id"] for entry in note.entries()] == [2]


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_a_line_torn_at_the_end_is_left_out(note: Note, cut: int) -> None:
    note.append(numbered(1))
    begin = len(note.path.read_bytes().partition(b"\0")[0])
    note.append(numbered(2))
    end = len(note.path.read_bytes().partition(b"\0")[0])
    assert end - cut > begin
    with open(note.path, "r+b") as file:
        file.seek(end - cut)
        file.write(bytes(cut))

    assert [entry["id"] for entry in note.entries()] in ([1], [1, 2])
    assert next(iter(note.entries()))["id"] == 1


def test_a_line_torn_in_the_middle_does_not_take_the_others_with_it(note: Note) -> None:
    for number in (1, 2, 3):
        note.append(numbered(number))
    lines = note.path.read_bytes().partition(b"\0")[0].splitlines(keepends=True)
    with open(note.path, "r+b") as file:
        file.seek(len(lines[0]))
        file.write(b"#" * (len(lines[1]) - 1))

    assert [entry["id"] for entry in note.entries()] == [1, 3]


def test_something_else_than_an_entry_is_left_out(note: Note) -> None:
    with open(note.path, "r+b") as file:
        file.write(b'17\n[1]\n\xff\xfe\n"text"\n')

    assert list(note.entries()) == []
    assert not note.is_blank()


def test_a_full_note_says_so_and_keeps_what_it_has(note: Note) -> None:
    written = 0
    while note.append({**ENTRY, "fields": {"message": "x" * 900}}):
        written += 1

    assert written > LENGTH // 1100
    assert len(list(note.entries())) == written


def test_the_output_of_scripts_stays_out_and_long_texts_are_cut(note: Note) -> None:
    note.append({**ENTRY, "fields": {"stdout": "x" * 60000, "stderr": "y", "message": "z" * 60000, "exit_code": 3}})

    [entry] = note.entries()

    assert entry["fields"] == {"message": "z" * LONGEST_TEXT, "exit_code": 3}


def test_a_note_that_is_gone_is_told_and_raises_nothing(note: Note) -> None:
    note.path.unlink()

    assert not note.append(ENTRY)
    assert list(note.entries()) == []
    assert note.is_blank()


def test_the_reserve_is_given_up_once(note: Note) -> None:
    assert note.free_reserve()
    assert not note.reserve.exists()
    assert not note.free_reserve()


@pytest.mark.parametrize("name", ["note", "reserve"])
def test_a_disk_that_gives_no_room_is_an_error_before_anything_begins(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("/dev/full")

    with pytest.raises(OSError, match="No space left"):
        Note(tmp_path).prepare()


def test_a_disk_that_takes_only_a_part_of_the_reserve_is_an_error_too(tmp_path: Path) -> None:
    """A write may come back short without an error; the rest is refused, here by a limit for files of this process."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (RESERVE // 2, RESERVE // 2))
            try:
                Note(tmp_path).prepare()
            except OSError:
                code = 0
        finally:
            os._exit(code)

    assert os.waitpid(pid, 0)[1] == 0
    assert (tmp_path / "reserve").stat().st_size == RESERVE // 2

    note = Note(tmp_path)
    note.prepare()

    assert note.reserve.stat().st_size == RESERVE, "the next who prepares it makes it whole"


def test_an_append_survives_a_full_disk_because_its_blocks_are_there(note: Note, tmp_path: Path) -> None:
    """Overwriting in place asks the disk for nothing: the file may not even grow by a byte here."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (LENGTH, LENGTH))
            code = 0 if note.append(ENTRY) else 2
        finally:
            os._exit(code)

    assert os.waitpid(pid, 0)[1] == 0
    assert list(Note(tmp_path).entries()) == [ENTRY]
