import os
from pathlib import Path

import pytest

from backups.borg import BorgMissing, BorgUnsupported, find


def fake(folder: Path, says: str, name: str = "borg") -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.borg
def test_the_real_borg_is_found_and_knows_its_version(program) -> None:
    assert program.version[0] == 1
    assert program.series in ("1.2", "1.4")
    assert Path(program.path).is_absolute()


def test_without_a_setting_the_path_is_searched(tmp_path, monkeypatch) -> None:
    expected = fake(tmp_path, "borg 1.4.0")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert find().path == expected
    assert find().version == (1, 4, 0)


def test_a_missing_borg_is_told_with_the_line_to_type(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BorgMissing, match="apt-get install --no-install-recommends borgbackup openssh-client") as told:
        find()
    assert "\n" not in str(told.value)


def test_a_setting_that_names_nothing_is_told_apart_from_one_that_names_no_program(tmp_path) -> None:
    with pytest.raises(BorgMissing, match=r"BORGUI_BORG names .*/none, which is not there"):
        find(str(tmp_path / "none"))
    (tmp_path / "text").write_text("not a program")
    with pytest.raises(BorgMissing, match="not a program that may be started"):
        find(str(tmp_path / "text"))


@pytest.mark.parametrize("says", ["borg 2.0.0b19", "borg 2.1.3"])
def test_borg_2_is_refused_with_what_to_do(tmp_path, says) -> None:
    with pytest.raises(BorgUnsupported, match=r"not supported yet: install borg 1\.2 or 1\.4"):
        find(fake(tmp_path, says))


def test_borg_1_1_is_too_old(tmp_path) -> None:
    with pytest.raises(BorgUnsupported, match=r"borg 1\.1\.17, which is too old"):
        find(fake(tmp_path, "borg 1.1.17"))


def test_a_program_that_is_something_else_is_refused_with_what_it_said(tmp_path) -> None:
    with pytest.raises(BorgUnsupported, match=r"does not answer like borg \(hello\)"):
        find(fake(tmp_path, "hello"))


def test_a_development_version_is_understood(tmp_path) -> None:
    assert find(fake(tmp_path, "borg 1.4.1.dev12+gabc123")).version == (1, 4, 1)


def test_a_replaced_borg_is_asked_again(tmp_path) -> None:
    path = fake(tmp_path, "borg 1.2.4")
    assert find(path).version == (1, 2, 4)
    fake(tmp_path, "borg 1.4.5")
    os.utime(path, ns=(1, 1))
    assert find(path).version == (1, 4, 5)


def test_the_version_of_the_same_file_is_asked_for_once(tmp_path) -> None:
    path = tmp_path / "borg"
    path.write_text(f"#!/bin/sh\necho x >> {tmp_path}/asked\necho borg 1.2.4\n")
    path.chmod(0o755)
    find(str(path))
    find(str(path))
    assert (tmp_path / "asked").read_text() == "x\n"
