"""A few invented requests to every endpoint, with all checks of schemathesis; `bench/api` by hand sends ten thousand."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_endpoint_does_what_its_description_says() -> None:
    known = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    argv = [sys.executable, str(ROOT / "bench" / "api"), "--examples", "2", "--phases", "examples,fuzzing"]
    done = subprocess.run(argv, env=known, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "answers: " in done.stdout
