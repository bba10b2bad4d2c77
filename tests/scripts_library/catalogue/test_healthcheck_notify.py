"""healthcheck-notify.sh: a real web server takes the pings; one that does not never fails a backup unless it is asked to."""

import http.server
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from backups import borgcall

from .conftest import Job

TEMPLATE = "healthcheck-notify.sh"
KEY = "0a1b-secret-of-the-check"
NEVER_DONE = 202  # a code of these tests: the answer comes byte by byte, and does not end
OUTCOMES = ["success", "warning", "failure", "cancelled", "skipped"]


@dataclass
class Monitor:
    """What it was sent, in order: (path, query, body). `answers` are the next status codes, then 200; None: silence."""

    port: int = 0
    pings: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    answers: list[int | None] = field(default_factory=list)
    patience: str = "1"  # seconds after which it wants to be asked again
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{KEY}"

    @property
    def endings(self) -> list[str]:
        return [path.removeprefix(f"/{KEY}") for path, _, _ in self.pings]

    def take(self, path: str, body: str) -> int | None:
        asked = urlsplit(path)
        self.pings.append((asked.path, {name: value[0] for name, value in parse_qs(asked.query).items()}, body))
        return self.answers.pop(0) if self.answers else 200


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    it = Monitor()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            code = it.take(self.path, self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
            if code is None:
                it.over.wait(30)
                return
            self.send_response(code)
            if code in (429, 503):
                self.send_header("Retry-After", it.patience)
            self.send_header("Content-Length", "1000" if code == NEVER_DONE else "0")
            self.end_headers()
            while code == NEVER_DONE and not it.over.wait(0.2):
                self.wfile.write(b"x")

        do_GET = do_POST

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    it.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield it
    it.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["curl", "wget"])
def job(request: pytest.FixtureRequest, make_job: Callable[..., Job], tmp_path: Path) -> Job:
    """Of the two programs only this one is to be found."""
    if request.param == "wget":
        return make_job(environ={"PATH": str(without_curl(tmp_path))})
    return make_job()


def without_curl(folder: Path) -> Path:
    """As PATH: what the script uses, but no curl."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("bash", "env", "cksum", "cut", "date", "tail", "timeout", "wget"):
        (programs / name).symlink_to(str(shutil.which(name)))
    return programs


@pytest.mark.parametrize(
    ("outcome", "ending"), [("success", ""), ("warning", ""), ("failure", "/fail"), ("cancelled", "/fail")]
)
def test_start_and_end_in_order_with_duration_and_the_end_of_the_log(
    outcome: str, ending: str, job: Job, monitor: Monitor, tmp_path: Path
) -> None:
    log = tmp_path / 'my "own" log.txt'
    log.write_text("".join(f"line {n} \\ \"quoted\" 'ü'\n" for n in range(100)))
    values = {"PING_URL": monitor.url, "LOG_FILE": log, "LOG_LINES": 3}

    assert job.run(TEMPLATE, **values).ok
    ran = job.run(TEMPLATE, "post-backup", outcome, **values)
    assert ran.ok, ran.output
    assert monitor.endings == ["/start", ending]
    (_, started, _), (_, ended, body) = monitor.pings
    assert started == ended
    assert re.fullmatch(r"[0-9a-f-]{36}", started["rid"])
    assert re.search(r"^Duration: 0 h 0 min \d+ s$", body, re.MULTILINE)
    assert body.startswith("photos: ")
    assert [line for line in body.splitlines() if line.startswith("line ")] == log.read_text().splitlines()[-3:]


def test_without_a_log_of_ones_own_the_end_of_what_borg_said_is_sent(
    data_dir: Path, settings: Any, make_job: Callable, monitor: Monitor
) -> None:
    log = borgcall.log_path(SimpleNamespace(pk=42))
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"{n} e line {n} of borg\n" for n in range(100)))
    job = make_job(environ={"LIBRARY_DIR": str(settings.LIBRARY_DIR)})

    assert job.run(TEMPLATE, "post-backup", "failure", PING_URL=monitor.url, LOG_LINES=2).ok
    assert monitor.pings[0][2].endswith("The end of what borg said:\nline 98 of borg\nline 99 of borg")


def test_a_slug_with_a_query_keeps_it_and_a_skipped_backup_is_only_noted(make_job: Callable, monitor: Monitor) -> None:
    job = make_job()
    ran = job.run(TEMPLATE, "post-backup", "skipped", PING_URL=f"{monitor.url}/slug/?create=1")

    assert ran.ok
    assert monitor.endings == ["/slug/log"]
    assert monitor.pings[0][1] == {"create": "1"}
    assert ran.notice == ""


def test_warnings_may_count_as_failures(make_job: Callable, monitor: Monitor) -> None:
    make_job().run(TEMPLATE, "post-backup", "warning", PING_URL=monitor.url, WARNING_IS="failure")

    assert monitor.endings == ["/fail"]


def test_uptime_kuma_is_told_up_or_down_in_the_query(make_job: Callable, monitor: Monitor) -> None:
    job, values = make_job(), {"PING_URL": f"{monitor.url}?status=up&msg=OK&ping=", "MONITOR": "uptime-kuma"}
    for hook, outcome in (("pre-backup", ""), ("post-backup", "warning"), ("post-backup", "failure")):
        assert job.run(TEMPLATE, hook, outcome, **values).ok

    assert [query for _, query, _ in monitor.pings] == [
        {"status": "up", "msg": "photos: backed up, with warnings"},
        {"status": "down", "msg": "photos: not backed up"},
    ]


def test_a_plain_address_is_called_after_a_good_backup_alone(make_job: Callable, monitor: Monitor) -> None:
    job, values = make_job(), {"PING_URL": monitor.url, "MONITOR": "plain"}
    for hook, outcome in (("pre-backup", ""), ("post-backup", "failure"), ("post-backup", "skipped")):
        assert job.run(TEMPLATE, hook, outcome, **values).ok
    assert monitor.pings == []

    assert job.run(TEMPLATE, "post-backup", "success", **values).ok
    assert monitor.endings == [""]


# --- when it does not arrive ------------------------------------------------------------------------------------------
def test_an_error_is_tried_again(job: Job, monitor: Monitor) -> None:
    monitor.answers = [500, 503]
    ran = job.run(TEMPLATE, PING_URL=monitor.url)

    assert (ran.exit_code, ran.output) == (0, "")
    assert monitor.endings == ["/start"] * 3


@pytest.mark.parametrize(
    ("trouble", "must_arrive"), [("refused", False), ("silent", True), ("404", False), ("404", True)]
)
def test_what_does_not_arrive_fails_only_where_that_is_wanted(
    trouble: str, must_arrive: bool, job: Job, monitor: Monitor
) -> None:
    url = monitor.url
    monitor.answers = [None, None, None] if trouble == "silent" else [404]
    if trouble == "refused":
        with socket.create_server(("127.0.0.1", 0)) as free:
            url = f"http://127.0.0.1:{free.getsockname()[1]}/{KEY}"
    ran = job.run(
        TEMPLATE, "post-backup", "success", PING_URL=url, TIMEOUT_SECONDS=1, MUST_ARRIVE=must_arrive, MESSAGE="always"
    )

    assert ran.exit_code == int(must_arrive)
    assert "The monitor was not reached" in ran.stderr
    assert ran.notice.startswith("photos: backed up\n")


def test_a_monitor_that_asks_for_patience_or_never_ends_its_answer_holds_no_backup_up(
    job: Job, monitor: Monitor
) -> None:
    monitor.answers, monitor.patience = [429, *[NEVER_DONE] * 6], "3600"
    values = {"PING_URL": monitor.url, "TIMEOUT_SECONDS": 1}

    for _ in range(2):
        ran = job.run(TEMPLATE, **values)
        assert ran.ok, ran.output
        assert "The monitor was not reached" in ran.stderr


def test_a_refusal_that_curl_takes_for_an_answer_has_not_arrived(
    make_job: Callable[..., Job], monitor: Monitor, tmp_path: Path
) -> None:
    """As curl 8.14 does it when the monitor asks for much patience."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "curl").write_text(f'#!/bin/bash\n{shutil.which("curl")} "$@" 2>/dev/null\nexit 0\n')
    (folder / "curl").chmod(0o755)
    monitor.answers, monitor.patience = [429], "3600"
    ran = make_job(path=[folder]).run(TEMPLATE, PING_URL=monitor.url, TIMEOUT_SECONDS=1, MUST_ARRIVE=True)

    assert ran.exit_code == 1
    assert ran.last_line == "The monitor was not reached: the answer was 429"


@pytest.mark.parametrize("url", ["hc.example.org/abcd", "file:///etc/passwd", "https://hc.example.org/a b"])
def test_what_is_no_address_is_told(url: str, make_job: Callable) -> None:
    ran = make_job().run(TEMPLATE, PING_URL=url)

    assert ran.ok
    assert "does not begin with http:// or https://, or has spaces in it" in ran.stderr


def test_the_address_is_in_no_command_line(job: Job, monitor: Monitor) -> None:
    monitor.answers = [None]
    running = job.start(TEMPLATE, PING_URL=monitor.url)
    running.wait_until(lambda: bool(monitor.pings))
    arguments = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if readable(path)]
    monitor.over.set()

    assert running.end().ok
    assert not [line for line in arguments if KEY.encode() in line]


def readable(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False


# --- the message ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("wanted", "told"),
    [("never", []), ("problems", ["warning", "failure", "cancelled"]), ("always", OUTCOMES)],
)
def test_a_message_goes_out_when_it_is_wanted_also_without_a_monitor(
    wanted: str, told: list[str], make_job: Callable
) -> None:
    notices = {outcome: make_job().run(TEMPLATE, "post-backup", outcome, MESSAGE=wanted).notice for outcome in OUTCOMES}

    assert [outcome for outcome, notice in notices.items() if notice] == told
    assert all(notice.startswith("photos: ") for notice in notices.values() if notice)


def test_a_second_script_of_the_template_keeps_its_own_time(make_job: Callable, monitor: Monitor) -> None:
    """The notes bear the name of the script, and a broken one is no obstacle."""
    job = make_job()
    job.run(TEMPLATE, PING_URL=monitor.url)
    (note,) = job.state.iterdir()
    note.write_text("yesterday $(touch x)\n")
    ran = job.run(TEMPLATE, "post-backup", "success", PING_URL=monitor.url)

    assert ran.ok
    assert "Duration" not in monitor.pings[-1][2]
