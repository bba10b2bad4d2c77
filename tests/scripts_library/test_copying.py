"""The scripts of one repository, attached to others as well."""

from collections.abc import Callable
from typing import Any

import pytest

from backups.models import Repository
from scripts_library import assignments, copying, library
from scripts_library.errors import Invalid
from scripts_library.models import RepositoryScript

pytestmark = pytest.mark.django_db
PRE, POST = "pre-backup", "post-backup"
VALUED = """#!/bin/sh
# /// borgui
# name = "valued"
#
# [[parameters]]
# name = "NAMES"
#
# [[parameters]]
# name = "TOKEN"
# type = "secret"
# ///
exit 0
"""


@pytest.fixture
def photos(make_repository: Callable[..., Repository], attach: Callable[..., Any]) -> Repository:
    """Four scripts: 'a', then 'valued' before the backup; 'c', then 'b' after it."""
    repository = make_repository("photos")
    attach(repository, PRE, "a", on_failure="skip", custom_timeout=77)
    script = library.create(None, VALUED, source="editor")
    assignments.assign(repository.pk, script, PRE, parameters={"NAMES": "web", "TOKEN": "hunter22"})
    attach(repository, POST, "c", custom_run_on="failure", enabled=False)
    attach(repository, POST, "b")
    return repository


def there(repository: Repository, hook: str) -> list[RepositoryScript]:
    return list(RepositoryScript.objects.chain(repository.pk, hook))


def names(repository: Repository, hook: str) -> list[str]:
    return [entry.script.name for entry in there(repository, hook)]


def test_they_come_behind_what_is_there_in_their_order_with_their_settings(
    photos: Repository, make_repository: Any, attach: Any
) -> None:
    music = make_repository("music")
    attach(music, PRE, "own")
    done = copying.copy(photos.pk, music.pk, with_secrets=False)
    assert (done.added, done.there) == (["a", "valued", "c", "b"], [])
    assert names(music, PRE) == ["own", "a", "valued"]
    assert names(music, POST) == ["c", "b"]
    assert [entry.execution_order for entry in there(music, PRE)] == [0, 1, 2]
    _, first, _ = there(music, PRE)
    assert (first.on_failure, first.custom_timeout) == ("skip", 77)
    switched_off = there(music, POST)[0]
    assert (switched_off.enabled, switched_off.custom_run_on) == (False, "failure")
    assert names(photos, PRE) == ["a", "valued"]


@pytest.mark.parametrize("with_secrets", [True, False])
def test_values_go_along_and_secrets_only_where_somebody_says_so(
    photos: Repository, make_repository: Any, with_secrets: bool
) -> None:
    music = make_repository("music")
    assert copying.secret_names(photos.pk) == ["valued: TOKEN"]
    copying.copy(photos.pk, music.pk, with_secrets=with_secrets)
    secret = {"TOKEN": {"secret": "hunter22"}} if with_secrets else {}
    assert there(music, PRE)[1].parameters == {"NAMES": "web"} | secret


def test_what_is_there_already_stays_as_it_is(photos: Repository, make_repository: Any, attach: Any) -> None:
    music = make_repository("music")
    attach(music, PRE, "a", on_failure="continue")
    done = copying.copy(photos.pk, music.pk, with_secrets=False)
    assert (done.added, done.there) == (["valued", "c", "b"], ["a"])
    assert there(music, PRE)[0].on_failure == "continue"
    assert copying.copy(photos.pk, music.pk, with_secrets=True).added == []


def test_what_cannot_be_copied_whole_is_not_copied_at_all(photos: Repository, make_repository: Any) -> None:
    music = make_repository("music")
    valued = there(photos, PRE)[1].script
    valued.manifest["hooks"] = [POST]
    valued.save()
    with pytest.raises(Invalid):
        copying.copy(photos.pk, music.pk, with_secrets=False)
    assert not there(music, PRE)
