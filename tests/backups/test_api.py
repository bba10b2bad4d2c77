"""Jobs, executions, broken promises and the status, as a program with a token sees them."""

from datetime import timedelta
from typing import Any, get_args

import pytest
from django.conf import settings
from django.utils import timezone

from backups import schemas, tasks
from backups.models import BackupJob, BrokenPromise, Encryption, JobStatus, Repository
from borgui.transcript import Transcript
from scripts_library.models import Script, ScriptExecution
from tests.rest import Rest, fields_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Rest:
    return Rest()


@pytest.fixture
def repository() -> Repository:
    return Repository.objects.create(name="photos", path="/srv/photos", source_paths=["/home"])


@pytest.fixture
def pokes(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the worker is poked for."""
    found: list[Any] = []
    monkeypatch.setattr(tasks, "start_jobs", lambda: found.append("jobs"))
    monkeypatch.setattr(tasks, "start_again", found.append)
    return found


def run(job: BackupJob, **fields: Any) -> ScriptExecution:
    return ScriptExecution.objects.create(
        **{
            "backup_job": job,
            "repository": job.repository,
            "hook_type": "post-backup",
            "status": "succeeded",
            "triggered_by": "api",
            "script_name": "start",
            "timeout": 300,
            "stdout": "hello\n",
            **fields,
        }
    )


def test_the_words_of_the_api_are_those_of_the_models() -> None:
    assert list(get_args(schemas.EncryptionName)) == Encryption.values
    assert list(get_args(schemas.JobStatusName)) == JobStatus.values


# --- jobs -------------------------------------------------------------------------------------------------------------
def test_a_backup_is_queued_and_the_worker_poked_when_the_row_is_there(
    api: Rest, repository: Repository, pokes: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = api.post(f"/repositories/{repository.pk}/backup")
    job = response.json()
    assert (response.status_code, job["status"], job["triggered_by"]) == (202, "queued", "api")
    assert job["triggered_by_user_id"] == api.user.pk
    assert (job["outcome"], job["phase"], job["data"], job["services"]) == (None, None, None, "untouched")
    assert (job["phases"], job["downtime"], job["executions"], job["archive_name"]) == ([], [], [], None)
    assert pokes == ["jobs"]
    assert api.get(f"/jobs/{job['id']}").json() == job


def test_a_job_shows_its_verdicts_and_its_executions_in_the_order_of_the_chain(
    api: Rest, repository: Repository
) -> None:
    began = timezone.now() - timedelta(minutes=10)
    job = BackupJob.objects.create(
        repository=repository,
        status="success",
        outcome="success",
        data="good",
        services="up",
        triggered_by="api",
        completed_at=timezone.now(),
        phases=[{"phase": "pre-backup", "started_at": began.isoformat(), "ended_at": None}],
    )
    last = run(job, position=1, interrupts="db", started_at=began, completed_at=began + timedelta(seconds=90))
    first = run(job, hook_type="pre-backup", interrupts="db", started_at=began, parameters={"A": "1", "B": "secret"})
    ScriptExecution.objects.filter(pk=first.pk).update(secret_names=["B"])
    body = api.get(f"/jobs/{job.pk}").json()
    assert [row["id"] for row in body["executions"]] == [first.pk, last.pk]
    assert body["downtime"] == [{"name": "db", "seconds": 90.0, "still_down": False}]
    assert (body["services"], body["data"], body["outcome"]) == ("up", "good", "success")
    assert body["executions"][0]["parameters"] == {"A": "1", "B": {"set": True}}
    assert body["executions"][0]["stdout"] == "hello\n"
    assert body["phases"][0]["phase"] == "pre-backup"


def test_a_queued_job_is_cancelled_at_once_and_a_finished_one_never(api: Rest, repository: Repository) -> None:
    job = BackupJob.objects.create(repository=repository, triggered_by="api")
    response = api.post(f"/jobs/{job.pk}/cancel")
    assert (response.status_code, response.json()["status"]) == (202, "cancelled")
    late = api.post(f"/jobs/{job.pk}/cancel")
    assert late.status_code == 409
    assert late.json()["detail"]


def test_post_backup_scripts_run_again_only_while_a_promise_is_broken(
    api: Rest, repository: Repository, pokes: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    job = BackupJob.objects.create(repository=repository, status="success", outcome="success", triggered_by="api")
    failed = run(job, status="failed", run_on="always")
    assert api.post(f"/jobs/{job.pk}/post-backup").status_code == 409
    BrokenPromise.objects.create(
        job=job, repository=repository, execution_id=failed.pk, position=0, script_name="start", message="it failed"
    )
    with django_capture_on_commit_callbacks(execute=True):
        response = api.post(f"/jobs/{job.pk}/post-backup")
    assert response.status_code == 202, response.json()
    assert pokes == [job.pk]
    assert response.json()["services"] == "broken_promise"


def test_jobs_are_listed_newest_first_filtered_and_without_output(api: Rest, repository: Repository) -> None:
    other = Repository.objects.create(name="music", path="/srv/music", source_paths=["/home"])
    jobs = [BackupJob.objects.create(repository=repository, status="failure", triggered_by="api") for _ in range(2)]
    jobs.append(BackupJob.objects.create(repository=other, triggered_by="api"))
    run(jobs[0])

    def ids(**query: Any) -> list[int]:
        return [item["id"] for item in api.get("/jobs", **query).json()["items"]]

    assert ids() == [job.pk for job in reversed(jobs)]
    assert ids(repository_id=other.pk) == ids(status="queued") == ids(search="MUSIC") == [jobs[2].pk]
    assert ids(page=2, page_size=2) == [jobs[0].pk]
    executions = api.get("/jobs", page=3, page_size=1).json()["items"][0]["executions"]
    assert "stdout" not in executions[0]
    for query in ({"status": "done"}, {"repository_id": "x"}, {"repository_id": 2**63}):
        assert fields_of(api.get("/jobs", **query)) == list(query)


def test_jobs_are_found_by_script_point_trigger_and_time(api: Rest, repository: Repository) -> None:
    script = Script.objects.create(name="dump", file_path="library/dump.sh", sha256="0" * 64)
    now = timezone.now()
    jobs = [
        BackupJob.objects.create(
            repository=repository, status="success", triggered_by=how, created_at=now - timedelta(days=days)
        )
        for days, how in enumerate(("api", "manual", "schedule"))
    ]
    rows = [run(jobs[0], script=script, hook_type="pre-backup"), run(jobs[1], hook_type="pre-backup"), run(jobs[2])]
    for row, job in zip(rows, jobs, strict=True):
        ScriptExecution.objects.filter(pk=row.pk).update(created_at=job.created_at)

    def found(path: str, **query: Any) -> list[int]:
        return [item["id"] for item in api.get(path, **query).json()["items"]]

    yesterday = (now - timedelta(days=1)).isoformat()
    assert found("/jobs", script_id=script.pk) == [jobs[0].pk]
    assert found("/jobs", hook_type="pre-backup") == [jobs[1].pk, jobs[0].pk]
    assert found("/jobs", script_id=script.pk, hook_type="post-backup") == []
    assert found("/jobs", triggered_by="schedule") == [jobs[2].pk]
    assert found("/jobs", since=yesterday) == [jobs[1].pk, jobs[0].pk]
    assert found("/jobs", until=yesterday) == [jobs[2].pk]
    assert found("/executions", since=yesterday) == [rows[1].pk, rows[0].pk]
    assert found("/executions", until=yesterday, hook_type="post-backup") == [rows[2].pk]
    for query in ({"since": "2026-11-23T02:17:00"}, {"until": "yesterday"}, {"hook_type": "before"}, {"script_id": 0}):
        assert fields_of(api.get("/jobs", **query)) == list(query)


def test_the_list_of_jobs_takes_as_many_queries_for_one_as_for_many(
    api: Rest, repository: Repository, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        run(BackupJob.objects.create(repository=repository, status="success", services="up", triggered_by="api"))
    api.get("/jobs")
    with django_assert_max_num_queries(7):  # three are about the token
        assert api.get("/jobs").json()["count"] == 20


# --- executions -------------------------------------------------------------------------------------------------------
def test_executions_are_filtered(api: Rest, repository: Repository) -> None:
    job = BackupJob.objects.create(repository=repository, triggered_by="api")
    good, bad = run(job), run(job, status="failed", hook_type="pre-backup", script_name="stop", triggered_by="test")

    def ids(**query: Any) -> list[int]:
        return [item["id"] for item in api.get("/executions", **query).json()["items"]]

    assert ids() == [bad.pk, good.pk]
    assert ids(status="failed") == ids(hook_type="pre-backup") == ids(search="STOP") == ids(triggered_by="test")
    assert ids(status="failed") == [bad.pk]
    assert ids(backup_job_id=job.pk, repository_id=repository.pk) == [bad.pk, good.pk]
    assert ids(script_id=1) == []
    assert fields_of(api.get("/executions", status="good")) == ["status"]


def test_the_log_is_read_on_from_an_offset_until_it_is_complete(api: Rest, repository: Repository) -> None:
    execution = run(BackupJob.objects.create(repository=repository, triggered_by="api"), status="running")
    path = f"/executions/{execution.pk}/log"
    assert api.get(path).json() == {"lines": [], "next_offset": 0, "complete": False}
    transcript = Transcript(settings.LOGS_DIR / "executions" / f"{execution.pk}.log")
    transcript.feed("o", b"one\n", 5)
    first = api.get(path).json()
    assert first["lines"] == [{"ms": 5, "stream": "o", "text": "one"}]
    assert first["complete"] is False
    transcript.feed("e", b"two\n", 9)
    transcript.close()
    ScriptExecution.objects.filter(pk=execution.pk).update(status="succeeded")
    rest = api.get(path, offset=first["next_offset"]).json()
    assert [line["text"] for line in rest["lines"]] == ["two"]
    assert (rest["lines"][0]["stream"], rest["complete"]) == ("e", True)
    assert api.get(path, offset=10**9).json()["lines"] == []
    assert fields_of(api.get(path, offset=-1)) == ["offset"]
    assert fields_of(api.get(path, offset="x")) == ["offset"]


def test_what_the_product_remarks_in_a_log_counts_as_standard_error(api: Rest, repository: Repository) -> None:
    execution = run(BackupJob.objects.create(repository=repository, triggered_by="api"), status="succeeded")
    path = settings.LOGS_DIR / "executions" / f"{execution.pk}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("0 o one\n1 g 4711 bytes left out\n2 r The log was cut.\n3 e two\n")
    lines = api.get(f"/executions/{execution.pk}/log").json()["lines"]
    assert [(line["stream"], line["text"]) for line in lines] == [
        ("o", "one"),
        ("e", "4711 bytes left out"),
        ("e", "The log was cut."),
        ("e", "two"),
    ]


def test_only_a_running_execution_is_stopped(api: Rest, repository: Repository) -> None:
    execution = run(BackupJob.objects.create(repository=repository, triggered_by="api"), status="running")
    response = api.post(f"/executions/{execution.pk}/cancel")
    assert (response.status_code, response.json()["id"]) == (202, execution.pk)
    execution.refresh_from_db()
    assert execution.cancel_requested_at
    ScriptExecution.objects.update(status="succeeded")
    assert api.post(f"/executions/{execution.pk}/cancel").status_code == 409


# --- am I safe --------------------------------------------------------------------------------------------------------
def test_a_broken_promise_is_shown_until_a_person_closes_it_with_a_note(api: Rest, repository: Repository) -> None:
    job = BackupJob.objects.create(
        repository=repository,
        status="success",
        services="broken_promise",
        completed_at=timezone.now(),
        triggered_by="x",
    )
    promise = BrokenPromise.objects.create(
        job=job, repository=repository, execution_id=1, position=0, script_name="start", message="it failed"
    )
    status = api.get("/status").json()
    assert set(status) == {"ok", "repositories", "broken_promises", "worker", "disk", "channels", "library"}
    assert status["ok"] is False
    assert status["broken_promises"][0]["script_name"] == "start"
    assert status["repositories"][0]["services"] == "broken_promise"
    assert api.get(f"/jobs/{job.pk}").json()["services"] == "broken_promise"
    path = f"/broken-promises/{promise.pk}/close"
    assert fields_of(api.post(path, {})) == ["note"]
    assert api.post(path, {"note": "started by hand"}).status_code == 200
    promise.refresh_from_db()
    assert (promise.note, promise.closed_by_user) == ("started by hand", api.user)
    assert api.post(path, {"note": "again"}).status_code == 409
    assert api.get("/status").json()["broken_promises"] == []
