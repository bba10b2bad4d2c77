"""What the runs of a script tell about it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from scripts_library import assignments, facts_of_script
from scripts_library.models import Script, ScriptExecution

from .conftest import block

pytestmark = pytest.mark.django_db


@pytest.fixture
def ran(make_repository: Callable[..., Any]) -> Callable[..., None]:
    repository = make_repository("photos")

    def make(script: Script, *statuses: str, seconds: float = 1.0, **fields: Any) -> None:
        given = {"hook_type": "pre-backup", "triggered_by": "schedule", "timeout": 60, "started_at": timezone.now()}
        for status in statuses:
            rest = {**given, "status": status, "execution_time": seconds, **fields}
            ScriptExecution.objects.create(script=script, script_name=script.name, repository=repository, **rest)

    return make


def test_a_script_that_never_ran_has_no_figures(make_script: Callable[..., Script]) -> None:
    assert facts_of_script.runs(make_script()) == facts_of_script.Runs(0, 0, None)
    assert facts_of_script.Runs(0, 0, None).failure_rate is None


def test_the_median_is_of_runs_that_ended_well_and_the_rate_of_those_that_came_to_an_end(
    make_script: Callable[..., Script], ran: Callable[..., None]
) -> None:
    script = make_script()
    for seconds in (1.0, 2.0, 60.0):
        ran(script, "succeeded", seconds=seconds)
    ran(script, "failed", "timed_out", "interrupted", seconds=300.0)
    ran(script, "not_run", "cancelled", "planned", "running")
    ran(script, "failed", triggered_by="test")
    ran(script, "failed", exit_code=75)  # "not now" is no failure

    assert facts_of_script.runs(script) == facts_of_script.Runs(6, 3, 2.0)
    assert facts_of_script.runs(script).failure_rate == 50


def test_only_the_last_hundred_count(make_script: Callable[..., Script], ran: Callable[..., None]) -> None:
    script = make_script()
    ran(script, *["failed"] * 5, *["succeeded"] * 100)

    assert facts_of_script.runs(script) == facts_of_script.Runs(100, 0, 1.0)


def test_one_failure_among_many_is_never_rounded_away() -> None:
    assert facts_of_script.Runs(1000, 1, None).failure_rate == 1


def test_every_repository_is_named_once_with_what_is_down_there(
    make_script: Callable[..., Script], make_repository: Callable[..., Any]
) -> None:
    script = make_script(
        "Stop", block('interrupts = "${BOXES}"', "[[parameters]]", 'name = "BOXES"', 'default = "web"')
    )
    for name, values in (("photos", {"BOXES": "photo db"}), ("mail", {})):
        repository = make_repository(name)
        for hook in ("pre-backup", "post-backup"):
            assignments.assign(repository.pk, script, hook, parameters=values)

    mail, photos = facts_of_script.uses(script)

    assert (mail.owner, mail.hooks, mail.interrupts) == ("mail", ("pre-backup", "post-backup"), ("web",))
    assert photos.interrupts == ("photo db",)
