"""Which archives are a repository's own."""

import re
import warnings
from datetime import UTC, datetime

import pytest

from backups import archive_names
from backups.models import Repository

NOW = datetime(2026, 11, 22, 2, 17, 5, tzinfo=UTC)


def own(repository: Repository, archive: str) -> bool:
    """By both readings; they must not differ."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        by_borg = bool(re.match(as_borg_reads(archive_names.glob(repository)), archive))
    assert by_borg == archive_names.is_own(repository, archive)
    return by_borg


def as_borg_reads(glob: str) -> str:
    """A pattern of letters and sets without ranges of letters is a regular expression but for its plain letters."""
    parts = re.split(r"(\[[^\]]+\])", glob)
    sets = [part if number % 2 else re.escape(part) for number, part in enumerate(parts)]
    return "".join(sets) + r"(\.checkpoint(\.\d+)?)?\Z"


@pytest.mark.parametrize("template", ["{name}-{now}", "{now}", "{now}.{name}", "x[1]{name}*{now}?-{now}"])
@pytest.mark.parametrize("name", ["web", "web-2", "a/b", "a[b]*?", "[!a]", "{now}", "{name}", "100% ]", "größe"])
def test_what_the_template_makes_is_its_own(name: str, template: str) -> None:
    repository = Repository(name=name, archive_name_template=template)

    assert own(repository, repository.archive_name(NOW))
    assert own(repository, repository.archive_name(NOW) + ".checkpoint.1")


@pytest.mark.parametrize(
    "archive",
    [
        "web-2-2026-11-22T02:17:05",
        "web2026-11-22T02:17:05",
        "my-web-2026-11-22T02:17:05",
        "web-2026-11-22T02:17",
        "web-2026-11-22T02:17:05-old",
        "web-2026-11-22T02:17:05.checkpoint.x",
        "web-2026-11-22",
        "web-before-the-move",
        "WEB-2026-11-22T02:17:05",
        "web-",
    ],
)
def test_what_only_looks_alike_is_not(archive: str) -> None:
    assert not own(Repository(name="web"), archive)


def test_letters_that_mean_something_to_borg_mean_themselves() -> None:
    stars = Repository(name="w*b?[a]")

    assert not own(stars, "weeb1a-2026-11-22T02:17:05")
    assert own(stars, "w*b?[a]-2026-11-22T02:17:05")


def test_archives_of_an_earlier_name_or_template_stay_out() -> None:
    old = Repository(name="web").archive_name(NOW)

    assert not own(Repository(name="www"), old)
    assert not own(Repository(name="web", archive_name_template="{name}.{now}"), old)
