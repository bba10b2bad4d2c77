import pytest

from backups import following, queue
from backups.models import BackupJob

from .conftest import Journal, meanwhile

BLOCK = '# /// borgui\n# interrupts = "the shop"\n# ///\n'


@pytest.fixture
def chained(transactional_db, make_repository, attach):
    repository = make_repository()
    attach(repository, "pre-backup", "stop", f"{BLOCK}echo stopping; echo careful >&2; exit 75")
    attach(repository, "post-backup", "start", f"{BLOCK}echo starting", run_on="always")
    attach(repository, "post-backup", "cheer", run_on="success")
    return repository


def test_phases_output_and_ends_are_printed_as_they_come(chained, make_job, run):
    job, said = make_job(chained), []
    follower = following.Follower(job.pk, said.append)
    follower.look(job)
    assert said == ["Waiting for the worker. Nothing has been stopped yet."]
    run(job)

    assert follower.follow().pk == job.pk

    assert said[1:] == [
        "== pre-backup",
        "-- stop",
        "   | stopping",
        "   ! careful",
        "   stop: failed - exit 75: careful",
        "== post-backup",
        "-- start",
        "   | starting",
        "   start: ok",
        "   cheer: did not run - Did not run: it runs only after a good backup.",
    ]


def test_nothing_is_printed_twice(chained, make_job, run):
    job, said = run(make_job(chained)), []
    follower = following.Follower(job.pk, said.append)
    follower.follow()
    once = list(said)

    follower.follow()

    assert said == once


def test_what_a_running_script_has_printed_is_there_before_its_end(chained, make_job, run, attach, tmp_path):
    """The log is read while it is written."""
    end, seen, said = Journal(tmp_path / "end"), tmp_path / "seen", []
    waits = f"echo half\nuntil [ -e {seen} ]; do sleep 0.05; done\n{end.note('end')}"
    attach(chained, "post-backup", "slow", waits, run_on="always", timeout=60)
    job = make_job(chained)

    def say(line):
        said.append((line, end.has("end")))
        if "half" in line:
            seen.touch()

    with meanwhile(lambda: True, lambda: run(job)):
        following.Follower(job.pk, say).follow()

    assert ("   | half", False) in said


def test_a_message_of_the_queue_is_said_once_for_each_change(make_repository, make_job):
    job, said = make_job(make_repository()), []
    follower = following.Follower(job.pk, said.append)
    follower.look(job)
    follower.look(job)
    queue.tell_waiting({job.pk: "Waiting for rain."})
    job.refresh_from_db()
    follower.look(job)

    assert said == ["Waiting for the worker. Nothing has been stopped yet.", "Waiting for rain."]


def test_the_summary_has_both_verdicts_and_one_line_for_everything(chained, make_job, run):
    job = run(make_job(chained))

    lines = list(following.summary(job))

    assert lines[1:4] == [
        "photos: skipped",
        "  Data:     no archive was made",
        "  Services: running again - the shop was down less than 1 s.",
    ]
    table = [line.split()[2] for line in lines[6:] if " s  " in line]
    assert table == ["pre-backup", "stop", "post-backup", "start"]
    assert lines[-1].split()[:2] == ["-", "cheer"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"data": "good", "archive_files": 3}, "good - archive photos-1, 3 files"),
        ({"data": "good"}, "good - archive photos-1"),
        ({"data": "good_with_warnings", "archive_files": 3}, "good, with warnings - archive photos-1, 3 files"),
        ({"data": "none"}, "no archive was made"),
        ({"data": "none", "archive_files": 0}, "the archive is empty"),
        ({"data": None}, "not known"),
    ],
)
def test_the_data_verdict_in_words(fields, words):
    assert following.data_words(BackupJob(archive_name="photos-1", **fields)) == words


@pytest.mark.parametrize("services", ["up", "interrupted", "broken_promise", "untouched"])
def test_every_services_verdict_has_words(services):
    assert following.services_words(BackupJob(services=services), [])
