"""A window around three repositories with the real borg; its scripts and those of the repositories write a journal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backups import schedules, windows
from backups.models import BackupJob, MaintenanceWindow, Repository, WindowRun
from backups.watch import StopRequest
from backups.windows import opening
from scripts_library.models import WindowScript
from tests.backups.conftest import Journal

STAND_IN = Path(__file__).parents[2] / "faults" / "borg.sh"
NAMES = ("photos", "mail", "shop data")

ALL = [word for name in NAMES for word in (f"begin {name}", f"end {name} success")]


def block(thing: str) -> str:
    return f"# /// borgui\n# interrupts = '{thing}'\n# ///\n"


def jobs_of(run: WindowRun) -> list[BackupJob]:
    return list(run.jobs.select_related("repository").order_by("window_position"))


def states(run: WindowRun) -> list[str]:
    return [job.status for job in jobs_of(run)]


def members_of_night() -> list[Repository]:
    return list(Repository.objects.filter(name__in=NAMES).order_by("id"))


@pytest.fixture
def here(installation: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Processes that this one starts work on the database of this test."""
    for name, value in {**installation.environment, "DJANGO_SETTINGS_MODULE": "borgui.settings"}.items():
        monkeypatch.setenv(name, value)
    return installation


@pytest.fixture
def attach_to_window(make_script: Callable[..., Any]) -> Callable[..., WindowScript]:
    """attach_to_window(window, "pre-backup", "name", "exit 1", on_failure="skip", run_on="always")."""

    def make(window: MaintenanceWindow, hook: str, name: str, body: str = "exit 0", **fields: Any) -> WindowScript:
        of_script = {key: fields.pop(key) for key in ("run_on", "timeout") if key in fields}
        order = WindowScript.objects.filter(window=window, hook_type=hook).count()
        return WindowScript.objects.create(
            window=window, script=make_script(name, body, **of_script), hook_type=hook, execution_order=order, **fields
        )

    return make


@pytest.fixture
def make_window(db: None) -> Callable[..., MaintenanceWindow]:
    """A window without scripts; `repositories` are backed up in it, in order."""

    def make(name: str = "Night", repositories: Any = (), **fields: Any) -> MaintenanceWindow:
        window = MaintenanceWindow.objects.create(
            name=name, **{"cron_expression": "0 2 * * *", "timezone": "UTC", "enabled": False, **fields}
        )
        if repositories:
            ids = [one.pk for one in repositories]
            schedules.create(
                {
                    "name": f"of {name}",
                    "cron_expression": "0 2 * * *",
                    "timezone": "UTC",
                    "maintenance_window_id": window.pk,
                    "repositories": ids,
                }
            )
        return window

    return make


@pytest.fixture
def make_night(
    here: Any, make_repository: Any, attach: Any, make_window: Any, attach_to_window: Any, journal: Journal
) -> Callable[..., MaintenanceWindow]:
    """Stops the shop, backs up three repositories with scripts of their own, starts the shop."""

    def make(*, real: bool) -> MaintenanceWindow:
        trio = [make_repository(name, real=real) for name in NAMES]
        for one in trio:
            begin, end = f"begin {one.name}", f"end {one.name}"
            attach(one, "pre-backup", begin, journal.note(begin))
            attach(one, "post-backup", end, journal.note(f"{end} $BACKUP_STATUS"), run_on="always")
        window: MaintenanceWindow = make_window("Night", trio)
        attach_to_window(window, "pre-backup", "stop", block("the shop") + journal.note("stop"))
        start = block("the shop") + journal.note("start $BACKUP_STATUS")
        attach_to_window(window, "post-backup", "start", start, run_on="always")
        return window

    return make


@pytest.fixture
def real_night(make_night: Any) -> MaintenanceWindow:
    """With the real borg."""
    window: MaintenanceWindow = make_night(real=True)
    return window


@pytest.fixture
def night(make_night: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> MaintenanceWindow:
    """With a stand-in for borg, where only the life of its processes matters."""
    settings.BORG = str(STAND_IN)
    monkeypatch.setenv("BORGUI_BORG", settings.BORG)
    monkeypatch.setenv("LEDGER", "/dev/null")
    monkeypatch.setenv("NAP", "0")
    monkeypatch.setenv("BORGUI_PASS_ENV", "LEDGER,NAP")
    window: MaintenanceWindow = make_night(real=False)
    return window


@pytest.fixture
def open_window(here: Any) -> Callable[..., WindowRun]:
    """open_window(window): opened by hand and run in this process, to its end."""

    def make(window: MaintenanceWindow, stop: StopRequest | None = None) -> WindowRun:
        run = windows.open_now(window)
        opening.run(run.pk, StopRequest() if stop is None else stop)
        run.refresh_from_db()
        return run

    return make
