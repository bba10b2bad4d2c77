"""The chain inside a real job: what it asks of the database, and which texts run."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backups import facts, pipeline
from backups.models import BackupJob, Repository
from backups.watch import StopRequest
from scripts_library import assignments, chain
from scripts_library.models import ExecutionStatus, RepositoryScript

from .stage import POST, PRE, REQUIRED, Stage, file_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]

RAN, NOT_RUN, FAILED = ExecutionStatus.SUCCEEDED, ExecutionStatus.NOT_RUN, ExecutionStatus.FAILED


def backed_up(job: BackupJob) -> BackupJob:
    pipeline.run(job.pk, StopRequest())
    job.refresh_from_db()
    return job


def test_with_a_problem_no_borg_runs_and_what_can_run_afterwards_does(make_repository: Any, make_job: Any) -> None:
    stage = Stage(make_repository())
    stage.attach(PRE, "fine")
    stage.attach(PRE, "valueless", REQUIRED, on_failure="skip")
    stage.attach(POST, "always", run_on="always")
    stage.attach(POST, "success", run_on="success")
    job = backed_up(make_job(stage.repository))
    assert (job.status, job.borg_exit_code, job.data) == ("failure", None, "none")
    assert "'valueless'" in job.message
    assert stage.statuses == {"fine": NOT_RUN, "valueless": FAILED, "always": RAN, "success": NOT_RUN}


def test_two_commits_and_at_most_four_statements_a_script(make_repository: Any, make_job: Any) -> None:
    """The cancel check apart: what eleven scripts cost more than one, for both hooks."""
    stage = Stage(make_repository(source_paths=[]))
    stage.attach(PRE, "only before")
    stage.attach(POST, "only after", run_on="always")
    few = statements(make_job(stage.repository))
    for number in range(10):
        stage.attach(PRE, f"before {number}")
        stage.attach(POST, f"after {number}", run_on="always")
    many = statements(make_job(stage.repository))
    assert set(stage.statuses.values()) == {RAN}
    assert len(many) - len(few) <= 20 * 4
    assert count("UPDATE", many) - count("UPDATE", few) == 20 * 2
    assert count("BEGIN", many) == count("BEGIN", few)


def statements(job: BackupJob) -> list[str]:
    """What a job asked of the database from the start of its first script to the end of the last; no cancel checks."""
    with CaptureQueriesContext(connection) as captured:
        backed_up(job)
    asked = [entry["sql"] for entry in captured.captured_queries]
    ours = [index for index, sql in enumerate(asked) if sql.startswith('UPDATE "script_executions"')]
    return [sql for sql in asked[ours[0] : ours[-1] + 1] if "cancel_requested_at" not in sql[:200]]


def count(verb: str, asked: list[str]) -> int:
    return sum(sql.startswith(verb) for sql in asked)


def test_an_edit_between_plan_and_run_changes_nothing_and_the_next_job_runs_it(
    make_repository: Any, make_job: Any
) -> None:
    stage = Stage(make_repository())
    entry = stage.attach(POST, "it", "echo old", run_on="always")
    stage.attach(PRE, "edits", f"printf '#!/bin/sh\\necho new\\n' > {file_of(entry.script)}")

    backed_up(make_job(stage.repository))
    assert stage.row().stdout == "old\n"

    backed_up(make_job(stage.repository))
    assert stage.row().stdout == "new\n"
    revision = entry.script.revisions.latest("id")
    assert (revision.source, revision.text, stage.row().revision) == ("disk", "#!/bin/sh\necho new\n", revision)


def test_what_people_change_after_the_claim_does_not_touch_the_job(make_repository: Any, make_job: Any) -> None:
    stage = Stage(make_repository())
    stage.attach(POST, "it", "echo old", run_on="always", custom_timeout=17)
    rows = stage.plan()
    entry = RepositoryScript.objects.get()
    assignments.change(entry, {"enabled": False, "custom_run_on": "warning", "custom_timeout": 1})
    file_of(entry.script).unlink()
    stage.post("failure", rows)
    assert (stage.row().status, stage.row().stdout, stage.row().timeout) == (RAN, "old\n", 17)


def test_a_plan_is_the_chain_of_one_repository() -> None:
    stage, other = Stage(), Repository.objects.create(name="other", path="/srv/other", encryption="none")
    stage.attach(PRE, "it")
    assert chain.plan(facts.of(other), repository_id=other.pk, triggered_by="api") == []
