"""Names as long as the forms allow them, without a space to break at, and from right to left."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from backups.models import Repository
from scripts_library.models import Hook, Script, ScriptExecution
from tests.backups import scenes

from . import world
from .conftest import DESK, PHONE, scrolls_sideways


@pytest.fixture
def addresses(signed_in: Any, make_repository: Callable[..., Repository], attach: Callable[..., Any]) -> list[str]:
    """Of the pages that show the names of a repository and its scripts, one of which broke its promise."""
    world.make_worker()
    repository = make_repository("x" * 100)
    entry = attach(repository, Hook.POST, "W" * 200, "exit 1", run_on="always")
    attach(repository, Hook.PRE, "סקריפט" * 30, "exit 1")
    job = scenes.broken_promise(repository)
    ScriptExecution.objects.update(script_name="W" * 200)
    job.broken_promises.update(script_name="W" * 200, message=f"'{'W' * 200}' failed.")
    execution = job.executions.filter(hook_type=Hook.POST).first()
    pages = ["repository", "repository-scripts", "repository-settings", "repository-delete"]
    return [
        *(reverse(name) for name in ("start", "activity", "repositories", "scripts")),
        *(reverse(name, args=[repository.pk]) for name in pages),
        reverse("assignment", args=[repository.pk, entry.pk]),
        reverse("job", args=[job.pk]),
        reverse("execution", args=[execution.pk]),
        reverse("script", args=[Script.objects.latest("pk").pk]),
    ]


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_no_name_is_wider_than_the_page(page: Page, addresses: list[str], size: Any) -> None:
    page.set_viewport_size(size)
    found = []
    for address in addresses:
        page.goto(address)
        expect(page.locator(".promise")).to_be_visible()
        found += scrolls_sideways(page, address)
    assert not found, "\n".join(found)
