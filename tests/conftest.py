"""One small world for all tests: a data directory, scripts, repositories and jobs; processes on the same database."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings as django_settings
from django.db import connection

from tests import trail

ROOT = Path(__file__).parent.parent
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
hypothesis.settings.register_profile("borgui", deadline=None)  # tests assert no times
hypothesis.settings.load_profile("borgui")


def pytest_configure(config: pytest.Config) -> None:
    """What a library of ours says about a library of its own is no fault of a test."""
    config.addinivalue_line("filterwarnings", "ignore:'imghdr' is deprecated:DeprecationWarning")
    take_signals()
    forget_the_killed()


def take_signals() -> None:
    """What the suite was told to ignore, in the background or by nohup, its processes would ignore too: a handler that
    does nothing is not handed on to them."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def forget_the_killed() -> None:
    """The data directories of runs that were killed: the process whose number is in the name is gone."""
    for left in Path(tempfile.gettempdir()).glob("borgui-test-*-*"):
        pid = left.name.split("-")[2]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(left, ignore_errors=True)


def pytest_sessionfinish() -> None:
    """The data directory that tests/settings.py made."""
    if Path(django_settings.DATA_DIR).name.startswith("borgui-test-"):
        shutil.rmtree(django_settings.DATA_DIR, ignore_errors=True)


NUMBERS_APART = 10_000  # between the rows of one table and those of the next


def number_rows(step: int) -> None:
    """What is made next is number 1 of its table and `step`, `2 * step`... further, table by table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%%AUTOINCREMENT%%' ORDER BY name", [])
        tables = [name for (name,) in cursor.fetchall()]
        cursor.execute("DELETE FROM sqlite_sequence")
        rows = [(table, step * place) for place, table in enumerate(tables, start=1)]
        cursor.executemany("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", rows)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """No number is known by heart or fits two tables: a test that trusts one fails, whatever ran before it. And every
    table is emptied between tests that commit, also the one that the database seals."""
    from borgui.accounts import append_only

    with django_db_blocker.unblock():
        number_rows(NUMBERS_APART)
        append_only.unseal(connection)


@pytest.fixture(autouse=True)
def zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What set-up was told is asked for every 30 s: one query more or less, and a zone that the test before has chosen."""
    from borgui.accounts import time_zone

    monkeypatch.setattr(time_zone, "_known", (float("inf"), ""))


@pytest.fixture(scope="session", autouse=True)
def a_check_of_a_script_may_take_its_time() -> Iterator[None]:
    """Where a person waits for it, it is given up after seconds; a busy machine needs more for the largest template."""
    from scripts_library import lint

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lint, "PATIENCE", 60.0)
        yield


@pytest.fixture(autouse=True)
def every_change_is_in_the_audit_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever such a test does by page, API, admin or command (tests/trail.py)."""
    if not trail.is_followed(request.path):
        yield
        return
    found = trail.watch(request.getfixturevalue("monkeypatch"))
    yield
    assert not found, "These changes left no entry in the audit log:\n" + "\n".join(found)


@pytest.fixture
def data_dir(settings: Any, tmp_path: Path) -> Path:
    """A data directory of its own; the keys are those of the session, for the database is too."""
    root = tmp_path / "data"
    keys = Path(settings.KEYS_DIR)
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    root.mkdir()
    (root / "keys").symlink_to(keys)
    settings.DATA_DIR = root
    settings.KEYS_DIR = root / "keys"
    settings.LIBRARY_DIR = root / "scripts" / "library"
    settings.TEMPLATES_DIR = root / "scripts" / "templates"
    settings.LOGS_DIR = root / "logs"
    settings.RUN_DIR = root / "run"
    settings.BORG_DIR = root / "borg"
    settings.CACHE_DIR = root / "cache"
    settings.MIN_FREE = 0
    settings.LIBRARY_DIR.mkdir(parents=True)
    return root


@pytest.fixture
def client(db: None) -> Any:
    """A browser in which anna, who may do everything, is signed in."""
    from django.test import Client

    from .rest import make_user

    client = Client(headers={"Host": "localhost"})
    client.force_login(make_user())
    return client


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source tree of three small files."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("one", "two", "three"):
        (folder / f"{name}.txt").write_text(f"{name}\n" * 100)
    return folder


@pytest.fixture
def make_repository(db: None, data_dir: Path, source: Path, tmp_path: Path) -> Callable[..., Any]:
    """A repository row; `real=True` makes the borg repository too (unencrypted unless a passphrase is given)."""
    from backups import borg, target
    from backups.models import Repository

    def make(name: str = "photos", *, real: bool = False, **fields: Any) -> Repository:
        encryption = "repokey-blake2" if fields.get("passphrase") else "none"
        defaults = {"path": str(tmp_path / "repos" / name), "source_paths": [str(source)], "encryption": encryption}
        repository = Repository.objects.create(name=name, **{**defaults, **fields})
        if real:
            Path(repository.path).parent.mkdir(parents=True, exist_ok=True)
            program = borg.find(django_settings.BORG)
            answer = borg.init(program, target.of(repository), repository.encryption)
            assert answer.ok, answer.sentence
        return repository

    return make


@pytest.fixture
def make_script(db: None, data_dir: Path) -> Callable[..., Any]:
    """A library script; `body` is what comes after the shebang."""
    from scripts_library import library

    def make(name: str, body: str = "exit 0", *, shebang: str = "#!/bin/sh", **fields: Any) -> Any:
        return library.create(name, f"{shebang}\n{body}\n", **{"source": "editor", **fields})

    return make


@pytest.fixture
def attach(make_script: Callable[..., Any]) -> Callable[..., Any]:
    """attach(repository, "pre-backup", "name", "exit 1", on_failure="skip", run_on="always"): script and assignment."""
    from scripts_library import assignments
    from scripts_library.models import Script

    def make(repository: Any, hook: str, name: str, body: str = "exit 0", **fields: Any) -> Any:
        of_script = {key: fields.pop(key) for key in ("run_on", "timeout", "shebang") if key in fields}
        script = Script.objects.kept().filter(name=name).first() or make_script(name, body, **of_script)
        return assignments.assign(repository.pk, script, hook, **fields)

    return make


@pytest.fixture
def make_job(db: None) -> Callable[..., Any]:
    from backups import queue

    def make(repository: Any, **fields: Any) -> Any:
        return queue.enqueue(repository, **{"triggered_by": "api", **fields})

    return make


@dataclass
class Installation:
    """Real processes of the product on the database of this test."""

    data_dir: Path
    environment: dict[str, str]

    def start(self, *args: str, **kwargs: Any) -> "subprocess.Popen[str]":
        """manage.py in a process of its own; the caller collects it."""
        return subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *args],
            env=self.environment | kwargs.pop("extra", {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **kwargs,
        )

    def manage(self, *args: str, expect: int | None = 0, timeout: float = 120, **kwargs: Any) -> str:
        """Run manage.py to its end; its standard output."""
        process = self.start(*args, **kwargs)
        out, err = process.communicate(timeout=timeout)
        if expect is not None:
            assert process.returncode == expect, f"{args} ended with {process.returncode}\n{out}\n{err}"
        return out

    def json(self, *args: str, **kwargs: Any) -> Any:
        return json.loads(self.manage(*args, "--json", **kwargs))


@pytest.fixture
def installation(transactional_db: None, data_dir: Path) -> Installation:
    database = connection.settings_dict["NAME"]
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ", "BORGUI_BORG") if name in os.environ},
        "BORGUI_DATA_DIR": str(data_dir),
        "BORGUI_DATABASE_URL": f"sqlite:///{database}",
        "BORGUI_MIN_FREE": "0",
    }
    return Installation(data_dir, environment)
