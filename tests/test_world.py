import pytest

pytestmark = [pytest.mark.borg]


def test_a_backup_runs_through_the_command_line(installation, make_repository, attach):
    repository = make_repository(real=True)
    attach(repository, "pre-backup", "before", "echo before")
    attach(repository, "post-backup", "after", "echo after", run_on="always")

    job = installation.json("backup", "photos")

    assert job["status"] == "success"
    assert [row["status"] for row in job["executions"]] == ["succeeded", "succeeded"]
    assert job["data"] == "good"
