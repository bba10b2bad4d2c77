"""Services, downtime and data as tables: rows in, verdict out."""

from datetime import UTC, datetime, timedelta

import pytest

from backups import verdicts
from backups.models import BackupJob
from scripts_library.models import ScriptExecution

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def row(hook: str, status: str, interrupts: str = "", *, begin: float | None = 0, end: float | None = 1, **fields):
    return ScriptExecution(
        hook_type=f"{hook}-backup",
        status=status,
        interrupts=interrupts,
        started_at=None if begin is None else at(begin),
        completed_at=None if end is None else at(end),
        timeout=300,
        **{"pk": 1, **fields},
    )


def pre(status: str = "succeeded", interrupts: str = "shop", **fields):
    return row("pre", status, interrupts, **fields)


def post(status: str = "succeeded", interrupts: str = "shop", **fields):
    return row("post", status, interrupts, **{"begin": 10, "end": 12, **fields})


def services(*rows, broken: bool = False) -> str:
    return verdicts.services_of(BackupJob(status="running"), list(rows), has_open_promise=broken)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "untouched"),
        ([pre(interrupts="")], "untouched"),
        ([pre("planned", begin=None)], "untouched"),
        ([pre("not_run", begin=None)], "untouched"),
        ([pre("failed", begin=None)], "untouched"),  # it could not be started
        ([pre()], "interrupted"),
        ([pre("running", end=None)], "interrupted"),
        ([pre("failed")], "interrupted"),
        ([pre("timed_out")], "interrupted"),
        ([pre("interrupted")], "interrupted"),
        ([pre("cancelled")], "interrupted"),
        ([pre(), post()], "up"),
        ([pre("failed"), post()], "up"),
        ([pre("interrupted"), post("interrupted"), post(attempt=2)], "up"),
        ([pre(), post("failed")], "interrupted"),
        ([pre(), post("timed_out")], "interrupted"),
        ([pre(), post("not_run", begin=None)], "interrupted"),
        ([pre(), post("running", end=None)], "interrupted"),
        ([pre(), post(interrupts="")], "interrupted"),
        ([pre(), post(interrupts="another shop")], "interrupted"),
        ([pre(), pre(interrupts="mail"), post()], "interrupted"),
        ([pre(), pre(interrupts="mail"), post(), post(interrupts="mail")], "up"),
        ([post()], "untouched"),
    ],
)
def test_services(rows, expected):
    assert services(*rows) == expected


@pytest.mark.parametrize("rows", [[], [pre(), post()], [pre()]])
def test_an_open_promise_outweighs_everything(rows):
    assert services(*rows, broken=True) == "broken_promise"


def downtime(*rows, now: float = 100) -> list[tuple[str, float, bool]]:
    return [(one.name, one.seconds, one.still_down) for one in verdicts.downtime_of(list(rows), at(now))]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], []),
        ([pre(interrupts=""), post()], []),
        ([post()], []),
        ([pre("not_run", begin=None), post()], []),
        ([pre(), post()], [("shop", 12, False)]),
        ([pre()], [("shop", 100, True)]),
        ([pre(), post("failed")], [("shop", 100, True)]),
        ([pre(), post("failed"), post(end=30, attempt=2)], [("shop", 30, False)]),
        ([pre("failed", begin=5), post()], [("shop", 7, False)]),
        ([pre(), pre(interrupts="mail", begin=3), post()], [("shop", 12, False), ("mail", 97, True)]),
        ([pre(), pre(begin=5), post()], [("shop", 12, False)]),  # from the first that stops it
    ],
)
def test_downtime_is_counted_from_the_start_of_what_stops_to_the_end_of_what_starts(rows, expected):
    assert downtime(*rows) == expected


def test_a_clock_that_was_set_back_makes_no_negative_downtime_and_no_false_alarm():
    rows = [pre(), post(begin=-3600, end=-3590)]

    assert downtime(*rows) == [("shop", 0.0, False)]
    assert services(*rows) == "up"


@pytest.mark.parametrize(
    ("outcome", "files", "has_archive", "expected"),
    [
        ("success", 3, True, "good"),
        ("warning", 3, True, "good_with_warnings"),
        ("warning", 0, True, "none"),
        ("failure", None, False, "none"),
        ("success", None, True, "good"),
    ],
)
def test_data_speaks_of_the_archive_alone(outcome, files, has_archive, expected):
    assert verdicts.data_of(outcome, outcome, files, has_archive) == expected


def test_the_last_attempt_of_each_position_decides():
    first, second = post("failed", position=1, attempt=1), post(position=1, attempt=2, pk=2)
    other = post("failed", position=0, pk=3)

    assert verdicts.last_attempts([second, first, other, pre()], "post-backup") == [other, second]


def test_a_later_backup_brings_back_what_an_earlier_one_left_down(make_repository):
    repository = make_repository()
    common = {"triggered_by": "api", "timeout": 1, "interrupts": "shop", "repository": repository}
    old = BackupJob.objects.create(repository=repository, triggered_by="api", status="failure")
    rows = [old.executions.create(hook_type="pre-backup", status="failed", started_at=START, **common)]
    assert verdicts.services_of(old, rows, has_open_promise=False) == "interrupted"

    new = BackupJob.objects.create(repository=repository, triggered_by="api", status="success")
    new.executions.create(hook_type="post-backup", status="succeeded", completed_at=at(60), **common)

    assert verdicts.services_of(old, rows, has_open_promise=False) == "up"
