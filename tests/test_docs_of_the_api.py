"""docs/api.md: its curl commands and its Python program are run against a live server."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backups.models import BackupJob
from borgui.accounts.models import ApiToken, Scope
from tests.conftest import NUMBERS_APART, number_rows
from tests.rest import make_user
from tests.test_docs import table

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "docs/api.md"
TEXT = (Path(__file__).parents[1] / PAGE).read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def numbers_of_the_examples(transactional_db: None) -> Iterator[None]:
    """They number what they make from 1."""
    number_rows(0)
    yield
    number_rows(NUMBERS_APART)


@pytest.fixture
def environment(transactional_db: None, live_server: Any, data_dir: Path) -> dict[str, str]:
    _, token = ApiToken.make(make_user(), "docs")
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**known, "BORGUI": live_server.url, "TOKEN": token, "PYTHONDONTWRITEBYTECODE": "1"}


def test_every_curl_command_works(
    environment: dict[str, str], make_repository: Callable[..., Any], make_job: Callable[..., Any]
) -> None:
    make_repository()
    setup, *examples = blocks("bash")
    assert setup.count("export") == 2
    assert sum(example.count("curl") for example in examples) == 6
    for example in examples:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", example], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (example, done.stdout, done.stderr)
        for answer in json_values(done.stdout):
            assert "detail" not in answer
    assert BackupJob.objects.count() == 1


def json_values(text: str) -> list[Any]:
    decoder, found = json.JSONDecoder(), []
    while text.strip():
        value, end = decoder.raw_decode(text.strip())
        found.append(value)
        text = text.strip()[end:]
    return found


@pytest.mark.borg
def test_the_python_program_backs_up(
    environment: dict[str, str], make_repository: Callable[..., Any], installation: Any
) -> None:
    make_repository(real=True)
    (program,) = blocks("python")
    client = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
    watchdog = threading.Timer(120, client.kill)
    watchdog.start()
    try:
        while not BackupJob.objects.exists() and client.poll() is None:
            threading.Event().wait(0.1)
        installation.manage("run_job", str(BackupJob.objects.get().pk))
        out, _ = client.communicate(timeout=60)
    finally:
        watchdog.cancel()
        client.kill()
        client.wait()
    assert out.strip() == "photos success data: good services: untouched"


def test_the_scopes_and_the_statuses_are_those_of_the_code(client: Any) -> None:
    assert [scope for scope, _ in table(PAGE, "scope")] == Scope.values
    document = client.get("/api/openapi.json").json()
    known = {
        status
        for methods in document["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
        if status >= "4"
    }
    assert {status for status, _ in table(PAGE, "status")} == known | {"405"}


def test_the_error_that_is_shown_is_one(client: Any) -> None:
    (shown,) = blocks("json")
    body = {"name": "x", "content": "true\n", "timeout": "soon"}
    assert client.post("/api/scripts", body, content_type="application/json").json() == json.loads(shown)
