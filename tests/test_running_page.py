"""docs/running.md and what it speaks of: the systemd unit and compose.yaml keep the promises."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

from django.conf import settings

from borgui.supervisor import LAST_WORDS

from .test_docs import ROOT, read, table

UNIT = ROOT / "deploy" / "borgui.service"


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(UNIT)
    return parser


def test_the_unit_has_the_settings_that_the_page_explains() -> None:
    lines = UNIT.read_text().splitlines()

    named = [row[0].split(" and ")[0] for row in table("docs/running.md", "setting")]

    assert named.pop(4) == "After=docker.service"
    assert "docker.service" in unit()["Unit"]["After"].split()
    assert len(named) == 5
    assert [name for name in named if name not in lines] == []


def test_systemd_waits_longer_than_the_grace_of_a_planned_stop() -> None:
    service = unit()["Service"]
    grace = int(re.findall(r"BORGUI_STOP_GRACE=(\d+)", UNIT.read_text())[0])

    assert grace == settings.STOP_GRACE
    assert int(service["TimeoutStopSec"]) >= grace + 2 * LAST_WORDS
    assert service["KillMode"] == "mixed"


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """By its own check where there is one; everywhere: the program that it starts exists."""
    text = UNIT.read_text().replace("/opt/borgui", str(ROOT))
    copy = tmp_path / "borgui.service"
    copy.write_text(text)

    assert Path(unit()["Service"]["ExecStart"].replace("/opt/borgui", str(ROOT))).exists()
    if shutil.which("systemd-analyze"):
        checked = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
        assert [line for line in checked.stderr.splitlines() if "borgui" in line] == []


def test_the_container_is_given_longer_than_the_grace_of_a_planned_stop() -> None:
    [minutes] = re.findall(r"^ *stop_grace_period: (\d+)m$", read("compose.yaml"), re.MULTILINE)

    assert int(minutes) * 60 > settings.STOP_GRACE + 2 * LAST_WORDS


def test_compose_has_the_settings_that_the_page_explains() -> None:
    compose, page = read("compose.yaml"), read("docs/running.md")

    for setting in ("stop_grace_period: 5m", "restart: unless-stopped", "hostname: borgui"):
        assert setting in compose
        assert f"`{setting}`" in page
    assert ":/data" in compose
    assert "init:" not in compose
    assert 'ENTRYPOINT ["tini", "--"]' in read("Dockerfile")


def test_the_main_process_of_the_unit_and_of_the_image_is_the_supervisor_itself() -> None:
    """TERM goes to that process: no shell may stay in between."""
    last = read("bin/start").rstrip().splitlines()[-1]

    assert last.startswith("exec ")
    assert last.endswith("borgui.supervisor")
