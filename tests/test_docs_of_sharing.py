"""docs/sharing-scripts.md says what happens: its commands run, its limits and its format are those of the code."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from scripts_library import package, store, tarball, uploads
from tests.scripts_library.packages import listed, packed
from tests.test_docs import blocks, read

PAGE = "docs/sharing-scripts.md"


def test_the_limits_are_those_of_the_code() -> None:
    limits = [f"{size // 1024 // 1024} MiB" for size in (tarball.LARGEST_FILE, tarball.LARGEST_WHOLE)]
    limits += [f"{package.MOST_SCRIPTS:,} scripts", f"{store.LARGEST // 1024:,} KiB"]

    for limit in limits:
        assert limit in read(PAGE).split("Its limits:")[1].split(".")[0]
    assert uploads.KEPT_FOR == 24 * 3600


def test_the_example_of_a_package_is_one() -> None:
    [example] = blocks(PAGE, "json")
    [entry] = json.loads(example)["scripts"]

    [script] = package.read(packed({package.LIST: listed(entry), entry["file"]: b"echo\n"}))

    assert (script.name, script.timeout, script.run_on) == ("Stop Docker", 120, "always")


@pytest.mark.django_db
def test_the_commands_can_be_typed_as_they_stand(
    make_script: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_script("Stop Docker")
    monkeypatch.chdir(tmp_path)
    [typed] = blocks(PAGE, "sh")

    for line in typed.splitlines():
        words = shlex.split(line)
        call_command(*words[words.index("manage.py") + 1 :])

    assert capsys.readouterr().out.splitlines() == [
        "1 in scripts.tar.gz: Stop Docker",
        "here already: Stop Docker",
        "here already: Stop Docker",
    ]
