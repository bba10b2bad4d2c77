"""Two repositories that stop the same things are pointed out, and one window is made of them."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.test import Client

from backups import sharing
from backups.models import MaintenanceWindow, Repository
from scripts_library import assignments
from scripts_library.models import RepositoryScript, Script, WindowScript

from . import window_scenes

pytestmark = pytest.mark.django_db
CONTAINERS = """# /// borgui
# hooks = ["pre-backup", "post-backup"]
# run_on = "always"
# interrupts = "${NAMES}"
#
# [[parameters]]
# name = "NAMES"
# ///
exit 0"""
PRE, POST = "pre-backup", "post-backup"


@pytest.fixture
def two(make_repository: Callable[..., Repository]) -> list[Repository]:
    return [make_repository("files"), make_repository("database")]


@pytest.fixture
def containers(make_script: Callable[..., Script]) -> Script:
    return make_script("Containers", CONTAINERS)


def around(repository: Repository, script: Script, names: str) -> None:
    for hook in (PRE, POST):
        assignments.assign(repository.pk, script, hook, parameters={"NAMES": names})


def suggested() -> list[tuple[tuple[str, ...], list[str]]]:
    return [(one.things, [repository.name for repository in one.repositories]) for one in sharing.suggestions()]


def test_the_same_script_with_the_same_values_is_pointed_out(two: Sequence[Repository], containers: Script) -> None:
    for repository in two:
        around(repository, containers, "web  db")
    assert suggested() == [(("web db",), ["database", "files"])]


def test_other_values_or_a_script_that_is_switched_off_stop_something_else(
    two: Sequence[Repository], containers: Script
) -> None:
    around(two[0], containers, "web")
    around(two[1], containers, "mail")
    assert suggested() == []
    assignments.change(RepositoryScript.objects.get(repository=two[1], hook_type=PRE), {"parameters": {"NAMES": "web"}})
    assert len(suggested()) == 1
    RepositoryScript.objects.filter(repository=two[1]).update(enabled=False)
    assert suggested() == []


def test_scripts_of_the_same_content_that_declare_nothing_are_pointed_out_where_something_follows(
    two: Sequence[Repository], attach: Callable[..., Any]
) -> None:
    for repository in two:
        attach(repository, PRE, f"stop for {repository.name}", "docker stop web")
    assert suggested() == [], "nothing starts it again: perhaps it stops nothing"
    for repository in two:
        attach(repository, POST, "start", "docker start web", run_on="always")
    assert [names for _, names in suggested()] == [["database", "files"]]


def test_the_form_takes_repositories_and_scripts_along(
    client: Client, two: Sequence[Repository], containers: Script
) -> None:
    for repository in two:
        around(repository, containers, "web")
    overview = client.get("/").content.decode()
    assert "one interruption per night instead of two" in overview
    address = re.search(r'href="(/windows/new/[^"]+)"', overview)
    assert address
    target = address[1].replace("&amp;", "&")
    form = client.get(target).content.decode()
    assert "Scripts that go along" in form
    assert len(re.findall(r'name="repositories" value="\d+"', form)) == 2
    fields = {"name": "Night", "preset": "17 2 * * *", "timezone": "UTC", "max_parallel": "1", "action": "save"}
    fields |= {"repositories": [one.pk for one in two], "scripts_of": two[0].pk}
    assert client.post(target, fields).status_code == 302
    window = MaintenanceWindow.objects.get()
    found = WindowScript.objects.filter(window=window).in_order()
    assert [(one.hook_type, one.parameters) for one in found] == [(PRE, {"NAMES": "web"}), (POST, {"NAMES": "web"})]
    assert RepositoryScript.objects.filter(enabled=True).count() == 4, "they stay, for backups by hand"
    assert suggested() == []


def test_what_declares_nothing_is_switched_off_at_the_repositories(
    client: Client, two: Sequence[Repository], attach: Callable[..., Any]
) -> None:
    for repository in two:
        attach(repository, PRE, "stop", "docker stop web")
        attach(repository, POST, "start", "docker start web", run_on="always")
        attach(repository, PRE, f"dump {repository.name}", f"echo {repository.name}")
    fields = {"name": "Night", "preset": "17 2 * * *", "timezone": "UTC", "max_parallel": "1", "action": "save"}
    fields |= {"repositories": [one.pk for one in two], "scripts_of": two[0].pk}
    assert client.post("/windows/new/", fields).status_code == 302
    assert sorted(one.script.name for one in WindowScript.objects.all()) == ["start", "stop"]
    left = RepositoryScript.objects.filter(enabled=True)
    assert sorted(one.script.name for one in left) == ["dump database", "dump files"]


def test_a_repository_is_to_join_the_window_that_holds_the_other(
    client: Client, two: Sequence[Repository], containers: Script
) -> None:
    for repository in two:
        around(repository, containers, "web")
    window = window_scenes.make_window(repositories=two[:1])
    overview = client.get("/").content.decode()
    assert "Add to the window 'Night'" in overview
    form = client.get(f"/windows/{window.pk}/settings/?add={two[1].pk}").content.decode()
    assert len(re.findall(r'name="repositories" value="\d+"', form)) == 2


def test_it_is_not_suggested_again_once_somebody_said_no(
    client: Client, two: Sequence[Repository], containers: Script
) -> None:
    for repository in two:
        around(repository, containers, "web")
    [one] = sharing.suggestions()
    client.post("/windows/dismiss/", {"key": one.key})
    client.post("/windows/dismiss/", {"key": one.key})
    assert suggested() == []


def test_the_queries_do_not_grow(
    make_repository: Callable[..., Repository], containers: Script, django_assert_max_num_queries: Any
) -> None:
    for number in range(10):
        around(make_repository(f"number {number}"), containers, "web")
    with django_assert_max_num_queries(4):
        sharing.suggestions()
