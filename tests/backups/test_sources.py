import os
from pathlib import Path

import pytest

from backups import sources


def test_a_folder_is_counted_with_all_below_it(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "one").write_text("12345")
    (tmp_path / "two").write_text("123")
    (tmp_path / "loop").symlink_to(tmp_path)
    [seen] = sources.look([str(tmp_path)])
    assert (seen.state, seen.files, seen.octets, seen.complete, seen.tone) == ("folder", 2, 8, True, "ok")


def test_a_file_is_a_source_too(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("12345")
    [seen] = sources.look([str(tmp_path / "one")])
    assert (seen.state, seen.files, seen.octets) == ("file", 1, 5)


def test_an_empty_folder_may_be_a_disk_that_is_not_mounted(tmp_path: Path) -> None:
    [seen] = sources.look([str(tmp_path)])
    assert (seen.tone, seen.hint) == ("idle", "It is empty: is its disk mounted?")


@pytest.mark.parametrize("path", ["/nonesuch", "/nonesuch/\0", "relative/nonesuch"])
def test_what_is_not_there_asks_for_attention(path: str) -> None:
    [seen] = sources.look([path])
    assert (seen.tone, bool(seen.hint)) == ("attention", True)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    [seen] = sources.look([str(tmp_path / "closed")])
    assert seen.state == "unreadable"


def test_counting_stops_when_it_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").write_text("12345")
    monkeypatch.setattr(sources, "LOOK_SECONDS", -1.0)
    [seen] = sources.look([str(tmp_path)])
    assert not seen.complete


def test_in_a_container_the_line_to_add_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "CONTAINER_MARKS", ())
    assert sources.mounted() == []
    assert "if a script mounts it" in sources.look(["/nonesuch"])[0].hint
    monkeypatch.setattr(sources, "CONTAINER_MARKS", (str(tmp_path),))
    assert sources.look(["/nonesuch"])[0].hint.endswith("under volumes: - /nonesuch:/source/nonesuch:ro")
    assert "/proc" not in sources.mounted()
