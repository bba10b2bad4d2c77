from datetime import UTC, datetime

import pytest

from backups import words
from backups.models import BackupJob, Repository
from backups.verdicts import Downtime
from scripts_library.models import ScriptExecution


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "less than 1 s"),
        (0.99, "less than 1 s"),
        (1, "1 s"),
        (59.6, "1 min"),
        (60, "1 min"),
        (252, "4 min 12 s"),
        (3600, "1 h"),
        (3661, "1 h 1 min 1 s"),
        (90000, "25 h"),
    ],
)
def test_a_duration(seconds, text):
    assert words.duration(seconds) == text


@pytest.mark.parametrize(("octets", "text"), [(0, "0 Bytes"), (1288490189, "1.2 GiB"), (2048, "2.0 KiB")])
def test_a_size(octets, text):
    assert words.size(octets) == text


def job(**fields) -> BackupJob:
    defaults = {"status": "success", "outcome": "success", "data": "good", "archive_name": "photos-1", "message": ""}
    repository = Repository(name="photos")
    return BackupJob(repository=repository, **{**defaults, "services": "untouched", **fields})


SHOP_WAS_DOWN = [Downtime("the shop", 252, False)]
SHOP_IS_DOWN = [Downtime("the shop", 252, True)]


def told(made: BackupJob, downtimes=(), broken=(), recovered=False) -> tuple[str, str]:
    found = words.told_of(made, downtimes, broken, recovered=recovered)
    return found.title, found.text


def test_a_success_says_what_was_saved_and_that_services_run():
    made = job(message="Backed up.", stats={"deduplicated_size": 1288490189}, services="up")

    assert told(made, SHOP_WAS_DOWN) == (
        "photos: backed up",
        "Backed up. Saved: archive photos-1, 1.2 GiB new. Services are running again after 4 min 12 s.",
    )


def test_a_success_with_something_wrong_afterwards_is_titled_as_a_warning():
    assert told(job(status="warning"))[0] == "photos: backed up, with a warning"


@pytest.mark.parametrize(
    ("outcome", "title"),
    [
        ("warning", "photos: backed up, with a warning"),
        ("failure", "photos: not backed up"),
        ("skipped", "photos: not today"),
        ("cancelled", "photos: stopped"),
    ],
)
def test_every_outcome_has_a_title(outcome, title):
    assert told(job(status=outcome, outcome=outcome, data="none"))[0] == title


def test_a_failure_says_that_no_archive_was_made_and_what_is_down():
    made = job(status="failure", outcome="failure", data="none", services="interrupted", message="Not backed up.")

    assert told(made, SHOP_IS_DOWN)[1] == (
        "Not backed up. No archive was made. Services may still be stopped: the shop. There is no good backup yet."
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"data": None}, "Whether an archive was made is not known yet."),
        ({"data": "none"}, "No archive was made."),
        ({"data": "none", "archive_files": 0}, "The archive is empty."),
        ({"data": "good_with_warnings"}, "Saved: archive photos-1."),
    ],
)
def test_what_is_said_of_the_data(fields, sentence):
    assert words.data_sentence(job(**fields)) == sentence


def test_a_job_that_was_picked_up_says_so():
    assert told(job(), recovered=True)[0] == "photos: backed up (picked up after an interruption)"


def broken(**fields) -> ScriptExecution:
    defaults = {"script_name": "Start the shop", "status": "failed", "error_message": "port in use\nmore", "timeout": 5}
    return ScriptExecution(**{**defaults, **fields})


def test_a_broken_promise_comes_first_and_names_script_and_reason():
    title, text = told(job(), broken=[broken(interrupts="the shop", attempt=5)])

    assert title == "photos: services may still be stopped"
    assert text == ("Services may still be stopped. 'Start the shop' failed 5 times: port in use. Your data was saved.")


def test_a_broken_promise_that_interrupts_nothing_does_not_speak_of_services():
    assert told(job(), broken=[broken()])[0] == "photos: a script failed"


@pytest.mark.parametrize(
    ("status", "how"),
    [
        ("failed", "failed"),
        ("timed_out", "took too long"),
        ("cancelled", "was stopped by a person"),
        ("interrupted", "was cut off"),
    ],
)
def test_how_a_promise_was_broken(status, how):
    assert words.promise(broken(status=status)) == f"'Start the shop' {how}: port in use."


def test_a_broken_promise_says_when_it_was_tried_last(settings):
    settings.TIME_ZONE = "UTC"
    row = broken(completed_at=datetime(2026, 11, 22, 2, 41, 3, tzinfo=UTC), error_message="")

    assert words.promise(row) == "'Start the shop' failed, last at 02:41."


def test_scripts_that_ran_again_are_told_with_the_downtime():
    found = words.told_again(job(services="up"), SHOP_WAS_DOWN)

    assert found.title == "photos: the scripts after the backup ran again"
    assert found.text == "All of them came to a good end. Services are running again after 4 min 12 s."
