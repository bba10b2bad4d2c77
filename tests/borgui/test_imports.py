"""What a process loads: a job waits for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from borgui.imports import as_if_missing

# What web pages, the API, and databases and queues that are not used here would bring along.
NOT_FOR_A_JOB = ["ninja", "pydantic", "psycopg", "redis", "apprise", "requests"]
LOADED = """
import sys
import django
django.setup()
import backups.management.commands.run_job
print(*[name for name in sys.argv[1:] if name in sys.modules])
"""


def test_a_job_loads_nothing_that_it_does_not_use(tmp_path: Path) -> None:
    environment = {"DJANGO_SETTINGS_MODULE": "borgui.settings", "BORGUI_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-c", LOADED, *NOT_FOR_A_JOB]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_what_is_hidden_is_there_again_and_what_is_loaded_stays() -> None:
    sys.modules.pop("colorsys", None)
    with as_if_missing("colorsys", "json"):
        import json

        with pytest.raises(ImportError):
            import colorsys
    import colorsys

    assert json.loads("1") == 1
    assert colorsys.rgb_to_hls(0, 0, 0) == (0, 0, 0)
