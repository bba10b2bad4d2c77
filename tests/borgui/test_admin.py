"""The admin pages: they work under the strict policy, show no secret, and cannot change history."""

import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from backups.models import (
    BackupJob,
    BrokenPromise,
    Channel,
    Delivery,
    DismissedHint,
    ImportedRow,
    MaintenanceWindow,
    Notification,
    Ping,
    Repository,
    ScheduledJob,
    ScheduledRepository,
    ScheduleRun,
    WindowRun,
    Worker,
)
from borgui.accounts import audit
from borgui.accounts.models import (
    ApiToken,
    AuditEntry,
    BrowserSession,
    Identity,
    Installation,
    Passkey,
    SetupLink,
    StartedCall,
    User,
)
from scripts_library import library
from scripts_library.models import (
    RepositoryScript,
    Script,
    ScriptContent,
    ScriptExecution,
    ScriptRevision,
    WindowScript,
)

pytestmark = pytest.mark.django_db
SECRET = "s3cret-passphrase"
HISTORY = [
    ScriptContent,
    ScriptRevision,
    ScriptExecution,
    BackupJob,
    BrokenPromise,
    Notification,
    RepositoryScript,
    Worker,
    Channel,
    Delivery,
    DismissedHint,
    ImportedRow,
    Ping,
    MaintenanceWindow,
    ScheduledJob,
    ScheduledRepository,
    ScheduleRun,
    WindowRun,
    WindowScript,
    StartedCall,
    AuditEntry,
    User,
]
OURS = ("borgui", "scripts_library", "backups")
EVERYTHING = [*HISTORY, BrowserSession, Identity, Passkey, ApiToken, SetupLink, Installation, Script, Repository]


@pytest.fixture
def world(client: Client) -> None:
    """One row of everything."""
    user = User.objects.get()
    repository = Repository.objects.create(name="photos", path="/srv", source_paths=["/home"], passphrase=SECRET)
    script = library.create("stop", "#!/bin/sh\nexit 0\n", source="editor", user=user)
    job = BackupJob.objects.create(repository=repository, triggered_by="api", token=SECRET)
    ScriptExecution.objects.create(
        script=script, backup_job=job, repository=repository, hook_type="pre-backup", script_name="stop", timeout=1,
        triggered_by="api", parameters={"A": SECRET}, token=SECRET, revision=script.revisions.get(),
    )  # fmt: skip
    RepositoryScript.objects.create(
        repository=repository, script=script, hook_type="pre-backup", parameters={"A": SECRET}
    )
    BrokenPromise.objects.create(
        job=job, repository=repository, execution_id=1, position=0, script_name="stop", message="it failed"
    )
    Notification.objects.create(event="failure", repository=repository, job=job, title="Not backed up")
    now = timezone.now()
    window = MaintenanceWindow.objects.create(name="Night", cron_expression="0 2 * * *", timezone="UTC")
    DismissedHint.objects.create(key="a")
    ImportedRow.objects.create(origin="a", kind="script", here_id=1)
    window.runs.create(window_name="Night", triggered_by="schedule", due_at=now)
    WindowScript.objects.create(window=window, script=script, hook_type="pre-backup", parameters={"A": SECRET})
    schedule = ScheduledJob.objects.create(name="Nightly", cron_expression="0 2 * * *", timezone="UTC", ping_url=SECRET)
    schedule.repositories.add(repository, through_defaults={"position": 1})
    run = schedule.runs.create(due_at=now, status="queued")
    run.pings.create(kind="start")
    channel = Channel.objects.create(name="Mail", url=SECRET, kind="E-mail")
    channel.deliveries.create(notification=Notification.objects.get())
    Worker.objects.create(host_id="x", hostname="nas", owner="1 1 x", started_at=now, last_seen=now)
    Installation.objects.update_or_create(pk=1, defaults={"key_canary": SECRET})
    ApiToken.objects.create(user=user, name="ci", token_hash=SECRET)
    StartedCall.objects.create(user=user, key=SECRET, call=SECRET, answer={"a": SECRET})
    SetupLink.objects.create(token_hash=SECRET)
    BrowserSession.objects.create(user=user, session_key=SECRET[:40], valid_for=SECRET, begun_at=now, seen_at=now)
    Identity.objects.create(user=user, issuer="https://auth.example.org", subject="u-1", name="anna")
    Passkey.objects.create(user=user, name="Phone", rp_id="localhost", credential_id="id", credential=SECRET.encode())
    audit.record("role changed", user, before={"role": "viewer"}, after={"role": "author"})


def address(model: type[Model], page: str = "") -> str:
    base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    return base if not page else f"{base}{page}/"


def of_row(model: type[Model], action: str = "change") -> str:
    row = model._default_manager.first()
    assert row is not None
    return address(model, f"{row.pk}/{action}")


def violations(page: str) -> list[str]:
    """What a policy without `unsafe-inline` would refuse."""
    inline = re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", page)
    return inline + re.findall(r"<style|\sstyle=|\son[a-z]+=\"|javascript:", page)


def test_every_model_of_ours_has_its_page(client: Client) -> None:
    client.get("/admin/")
    ours = {model for model in apps.get_models() if model.__module__.partition(".")[0] in OURS}
    assert ours == set(EVERYTHING)
    assert ours <= set(admin.site._registry)


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("model", EVERYTHING)
def test_list_and_row_are_shown_without_secrets_and_within_the_policy(client: Client, model: type[Model]) -> None:
    for path in (address(model), of_row(model)):
        response = client.get(path)
        page = response.content.decode()
        assert response.status_code == 200
        assert SECRET not in page
        assert violations(page) == []
        assert "unsafe-inline" not in response["Content-Security-Policy"]


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("model", HISTORY)
def test_history_cannot_be_added_changed_or_deleted(client: Client, model: type[Model]) -> None:
    assert client.get(address(model, "add")).status_code == 403
    assert client.post(of_row(model), {}).status_code == 403
    assert client.post(of_row(model, "delete"), {"post": "yes"}).status_code == 403
    rows = [row.pk for row in model._default_manager.all()]
    client.post(address(model), {"action": "delete_selected", "_selected_action": rows, "post": "yes"})
    assert [row.pk for row in model._default_manager.all()] == rows != []


@pytest.mark.usefixtures("world")
def test_scripts_and_repositories_are_not_added_or_deleted_here(client: Client) -> None:
    for model in (Script, Repository, Installation):
        assert client.get(address(model, "add")).status_code == 403
        assert client.post(of_row(model, "delete"), {"post": "yes"}).status_code == 403


@pytest.mark.usefixtures("world")
def test_settings_of_a_script_are_changed_and_its_text_is_not(client: Client) -> None:
    form = {"description": "new words", "timeout": "77", "run_on": "always", "text": "rm -rf /", "name": "other"}
    assert client.post(of_row(Script), form).status_code == 302
    script = Script.objects.get()
    assert (script.description, script.timeout, script.run_on, script.name) == ("new words", 77, "always", "stop")
    assert library.current_revision(script).text == "#!/bin/sh\nexit 0\n"  # type: ignore[union-attr]
    refused = client.post(of_row(Script), {**form, "timeout": "0"})
    assert refused.status_code == 200
    assert Script.objects.get().timeout == 77


def repository_form(**changes: Any) -> dict[str, Any]:
    form = {
        "name": "photos",
        "source_paths": '["/home"]',
        "exclude_patterns": "[]",
        "exclude_if_present": "[]",
        "compression": "lz4",
        "archive_name_template": "{name}-{now}",
    }
    return form | changes


@pytest.mark.usefixtures("world")
def test_a_repository_is_changed_by_the_same_rules_as_everywhere(client: Client) -> None:
    good = repository_form(compression="zstd,3", path="/elsewhere", encryption="none", passphrase="other words")
    assert client.post(of_row(Repository), good).status_code == 302
    repository = Repository.objects.get()
    assert (repository.compression, repository.path) == ("zstd,3", "/srv")
    assert (repository.encryption, repository.passphrase) == ("repokey-blake2", SECRET)
    for wrong in ({"compression": "zip"}, {"source_paths": "[]"}, {"source_paths": '{"a": 1}'}, {"name": ""}):
        page = client.post(of_row(Repository), repository_form(**wrong))
        assert page.status_code == 200
        assert "errorlist" in page.content.decode()
    assert Repository.objects.get().compression == "zstd,3"


@pytest.mark.usefixtures("world")
def test_a_token_is_taken_back_but_not_made_here(client: Client) -> None:
    assert client.get(address(ApiToken, "add")).status_code == 403
    assert client.post(of_row(ApiToken), {"name": "ci", "scope": "write"}).status_code == 403
    assert client.post(of_row(ApiToken, "delete"), {"post": "yes"}).status_code == 302
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("path", ["/", "/admin/", "/api/docs", "/nowhere/", "/admin/password_change/"])
def test_pages_stay_within_the_policy(client: Client, path: str) -> None:
    response = client.get(path)
    assert violations(response.content.decode()) == []
    assert "default-src 'none'" in response["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/sign-in/", "/setup/"])
def test_pages_without_an_account_stay_within_the_policy(path: str) -> None:
    response = Client(headers={"Host": "localhost"}).get(path)
    assert violations(response.content.decode()) == []
