"""After everything has been used with secrets that are known, none of them is found anywhere.

Where they would be looked for: the whole database, the data directory (logs, run directories, the queue) while a job runs
and after it, what the processes wrote, the command line of every process meanwhile, every page and every answer.
"""

import base64
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from backups.models import BackupJob
from borgui.accounts.models import User
from scripts_library.models import RepositoryScript, ScriptExecution
from tests.backups.notifications.receivers import web_hook
from tests.rest import Rest

pytestmark = [pytest.mark.borg, pytest.mark.django_db(transaction=True)]
SECRETS = {
    "passphrase": "phrase-q8Zt31-kept",
    "other passphrase": "phrase-w0r9ng-kept",
    "parameter": "param-7fHq20-kept",
    "default of a parameter": "deflt-2pLw94-kept",
    "value of a test": "trial-9xMc55-kept",
    "address of a channel": "chann-4dRv66-kept",
    "address of a ping": "pings-1kBn73-kept",
    "password": "passw-5gYs88-kept",
}
BLOCK = """#!/bin/bash
# /// borgui
# name = "Talkative"
# hooks = ["pre-backup", "post-backup"]
# [[parameters]]
# name = "DB_PASSWORD"
# type = "secret"
# [[parameters]]
# name = "OTHER"
# type = "secret"
# ///
echo "the password is $DB_PASSWORD"; echo "$OTHER" >&2
printf %s "$DB_PASSWORD" | base64
set -x; : "$DB_PASSWORD"; set +x
env | grep PASSWORD
sleep 1
[ "$HOOK_TYPE" = pre-backup ] || exit 3
"""
LEADS_OUT = re.compile(r"/sign-out/|logout|/theme/|/static/")
LINK = re.compile(r'(?:href|hx-get|action|src)="(/[^"#]*)')


def found_in(text: bytes, more: dict[str, str]) -> list[str]:
    known = SECRETS | more
    forms = {
        name: (secret.encode(), base64.b64encode(secret.encode()).rstrip(b"=")[:-1]) for name, secret in known.items()
    }
    return [name for name, spellings in forms.items() if any(form in text for form in spellings)]


class Watch(threading.Thread):
    """Looks at every command line and every file of the data directory until it is told to stop."""

    def __init__(self, data_dir: Path, more: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.data_dir, self.more, self.over = data_dir, more, threading.Event()
        self.found: set[str] = set()
        self.looks = 0

    def run(self) -> None:
        while not self.over.wait(0.05):
            for place, text in [*command_lines(), *files(self.data_dir)]:
                self.found |= {f"{name} in {place}" for name in found_in(text, self.more)}
            self.looks += 1


def command_lines() -> Iterator[tuple[str, bytes]]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield str(path), path.read_bytes()
        except OSError:
            pass


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """`rglob` gives up when a folder goes away between its being listed and being looked into; `os.walk` goes on."""
    for path in (Path(place) / name for place, _, names in os.walk(folder) for name in names):
        try:
            if path.is_file() and path.stat().st_size < 50_000_000:
                yield str(path.relative_to(folder)), path.read_bytes()
        except OSError:
            pass


def dump() -> bytes:
    """Every row of every table."""
    with sqlite3.connect(str(connection.settings_dict["NAME"])) as database:
        return "\n".join(database.iterdump()).encode("utf-8", "surrogateescape")


def crawl(client: Client) -> Iterator[tuple[str, bytes]]:
    """Every page that links lead to."""
    waiting, seen = ["/", "/admin/", "/settings/", "/activity/"], set()
    while waiting:
        address = waiting.pop().replace("&amp;", "&")
        shape = re.sub(r"\d+|\?.*", "", address)
        if (
            address in seen
            or LEADS_OUT.search(address)
            or sum(re.sub(r"\d+|\?.*", "", one) == shape for one in seen) > 5
        ):
            continue
        seen.add(address)
        answer = client.get(address)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        yield address, body + str(answer.headers).encode()
        waiting += LINK.findall(body.decode("utf-8", "replace"))


def answers(api: Rest) -> Iterator[tuple[str, bytes]]:
    """Every GET of the API, with the rows that there are."""
    document = api.get("/openapi.json").json()
    entry = RepositoryScript.objects.select_related("script").order_by("pk")[0]
    numbers = {"rs_id": entry.pk, "sha256": entry.script.revisions.order_by("pk")[0].sha256}
    for path in (path.removeprefix("/api") for path, methods in document["paths"].items() if "get" in methods):
        kind, holder, _ = path.partition("/{pk}")
        rows = api.get(kind).json()["items"] if holder else []
        address = path.format(pk=rows[0]["id"] if rows else 0, **numbers)
        yield address, api.get(address).content


@pytest.fixture
def used(installation: Any, source: Path, tmp_path: Path, data_dir: Path) -> tuple[Rest, dict[str, str], bytes]:
    """An installation that was used by a page, by programs, by commands and by a job; what its processes wrote."""
    User.objects.create_superuser("anna", password=SECRETS["password"])
    api = Rest()
    more = {"token": api.secret}
    with web_hook() as hook:
        hook.answer = 500
        written = use(api, installation, source, tmp_path, hook.web, Watch(data_dir, more))
    return api, more, written


def use(api: Rest, installation: Any, source: Path, tmp_path: Path, receiver: str, watch: Watch) -> bytes:
    parts = receiver.removeprefix("http://").rstrip("/")
    channel = api.post("/channels", {"name": "phone", "url": f"json://{parts}/{SECRETS['address of a channel']}"})
    repository = api.post(
        "/repositories",
        {
            "name": "photos",
            "path": str(tmp_path / "repo"),
            "source_paths": [str(source)],
            "passphrase": SECRETS["passphrase"],
        },
    )
    script = api.post("/scripts", {"content": BLOCK, "parameters": {"OTHER": SECRETS["default of a parameter"]}})
    for made in (channel, repository, script):
        assert made.status_code == 201, made.content
    pk = repository.json()["id"]
    values = {"DB_PASSWORD": SECRETS["parameter"]}
    for hook in ("pre-backup", "post-backup"):
        body = {"script_id": script.json()["id"], "hook_type": hook, "parameters": values}
        assert api.post(f"/repositories/{pk}/scripts", body).status_code == 201
    schedule = {"name": "nightly", "repositories": [pk], "cron_expression": "0 2 * * *"}
    ping = f"{receiver}/{SECRETS['address of a ping']}"
    scheduled = api.post("/scheduled-jobs", {**schedule, "ping_url": ping})
    assert scheduled.status_code == 201
    assert api.put(f"/repositories/{pk}", {"passphrase": SECRETS["other passphrase"]}).status_code == 422
    api.post(f"/channels/{channel.json()['id']}/test")
    wanted = {"repository_id": pk, "parameters": {"DB_PASSWORD": SECRETS["value of a test"]}}
    tried = api.post(f"/scripts/{script.json()['id']}/test", wanted).json()
    queued = api.post(f"/scheduled-jobs/{scheduled.json()['id']}/run")
    assert queued.status_code == 202, queued.content
    job = BackupJob.objects.get(schedule_run__isnull=False)
    watch.start()
    written = [run(installation, *words) for words in (("run_script", str(tried["id"])), ("backup", "photos"))]
    written += [
        run(installation, *words)
        for words in (("send_notifications",), ("run_job", str(job.pk)), ("send_notifications",))
    ]
    watch.over.set()
    watch.join()
    assert watch.looks > 10
    assert watch.found == set()
    return b"".join(written)


def run(installation: Any, *words: str) -> bytes:
    process = installation.start(*words, extra={"BORGUI_LOG_LEVEL": "DEBUG"})
    out, err = process.communicate(timeout=180)
    return str(out + err).encode()


def test_no_secret_is_found_anywhere(
    used: tuple[Rest, dict[str, str], bytes], data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    api, more, written = used
    assert BackupJob.objects.filter(data="good").exists()
    first = ScriptExecution.objects.order_by("pk").first()
    assert first is not None
    assert "***" in api.get(f"/executions/{first.pk}/log").content.decode()
    browser = Client(headers={"Host": "localhost"})
    assert browser.post("/sign-in/", {"username": "anna", "password": SECRETS["password"]}).status_code == 302
    assert browser.post("/sign-in/", {"username": "anna", "password": "x"}).status_code < 500
    places = [
        ("the database", dump()),
        ("what processes wrote", written),
        ("the log of the web process", caplog.text.encode()),
        *files(data_dir),
        *answers(api),
        *crawl(browser),
    ]
    assert len(places) > 80
    assert {(place, name) for place, text in places for name in found_in(text, more)} == set()


def test_the_search_would_find_them(client: Client, make_repository: Callable[..., Any]) -> None:
    """Where a secret is shown on purpose it is found, so the test above looks with open eyes."""
    repository = make_repository(passphrase=SECRETS["passphrase"])
    kit = client.post(f"/repositories/{repository.pk}/kit/").content
    assert found_in(kit, {}) == ["passphrase"]
    assert found_in(base64.b64encode(SECRETS["parameter"].encode()), {}) == ["parameter"]
    assert settings.SECRET_KEY.encode() not in dump()
