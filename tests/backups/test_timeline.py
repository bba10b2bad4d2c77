"""Bars on a shared axis: where they are, and what has none."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from backups import timeline
from backups.models import BackupJob, Repository
from tests.backups import scenes

pytestmark = pytest.mark.django_db


@pytest.fixture
def photos(make_repository: Callable[..., Repository]) -> Repository:
    return make_repository()


def lines_of(job: BackupJob) -> list[timeline.Timeline]:
    return timeline.of(job, list(job.executions.in_order()), timezone.now())


def test_no_bar_begins_before_the_one_before_it_has_ended(photos: Repository) -> None:
    [line] = lines_of(scenes.success(photos))
    bars = [row.bar for row in line.rows if row.bar]
    assert len(bars) == 5
    for one, following in pairwise(bars):
        assert following.x >= round(one.x + one.width, 2) - 0.02
    assert (bars[0].x, round(bars[-1].x + bars[-1].width)) == (0.0, 100)


def test_what_did_not_run_has_a_reason_and_no_bar(photos: Repository) -> None:
    [line] = lines_of(scenes.failure_before_borg(photos))
    borg = next(row for row in line.rows if row.kind == timeline.BORG)
    assert (borg.bar, borg.state, borg.reason) == (None, "not_run", timeline.NOT_REACHED)


def test_the_downtime_is_that_of_the_verdict(photos: Repository) -> None:
    [line] = lines_of(scenes.success(photos))
    [down] = line.downs
    assert (down.name, down.seconds) == ("Nextcloud", 6 + 22 + 131 + 8)
    assert down.ended_at
    [line] = lines_of(scenes.broken_promise(photos))
    assert line.downs[0].ended_at is None
    assert line.downs[0].bar.x + line.downs[0].bar.width == pytest.approx(100)


def test_what_ran_again_later_has_a_timeline_of_its_own(photos: Repository) -> None:
    scene = scenes.begin(photos)
    first = scene.script("post-backup", "start", "failed", run_on="always")
    job = scene.end(status="warning", outcome="success", data="good")
    scene.clock += timedelta(days=1)
    scene.script("post-backup", "start", attempt=2, position=first.position, run_on="always")
    own, again = lines_of(job)
    assert [row.name for row in own.rows if row.bar] == ["start"]
    assert (again.title, [row.name for row in again.rows]) == ("Run again", ["start (try 2)"])
    assert own.ended_at == job.completed_at


def test_a_clock_that_was_set_back_makes_no_bar_of_negative_width(photos: Repository) -> None:
    scene = scenes.begin(photos)
    scene.script("pre-backup", "one")
    scene.clock -= timedelta(hours=1)
    scene.script("pre-backup", "two", seconds=-5)
    [line] = lines_of(scene.end(status="success", outcome="success", data="good"))
    assert all(row.bar and 0 <= row.bar.x <= 100 and 0 <= row.bar.width <= 100 for row in line.rows if row.started_at)


def test_a_job_that_waits_has_no_rows(photos: Repository) -> None:
    [line] = lines_of(scenes.queued(photos))
    assert line.rows == ()
