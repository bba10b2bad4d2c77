"""What could be forgotten: commands, the admin pages, secrets that backups use; and the database that refuses changes."""

import json
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from backups import claiming, directories
from backups.models import BackupJob, Repository
from backups.watch import StopRequest
from borgui.accounts import append_only, audit
from borgui.accounts.models import ApiToken, AuditEntry, User
from tests.rest import Rest

from .conftest import make_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]
SECRET = "s3cret-of-a-test"
TEXT = """#!/bin/sh
# /// borgui
# hooks = ["pre-backup"]
# [[parameters]]
# name = "DB_PASSWORD"
# type = "secret"
# [[parameters]]
# name = "DATABASE"
# ///
echo hello
"""


def newest() -> AuditEntry:
    return AuditEntry.objects.all()[0]


def written() -> str:
    return json.dumps([[one.before, one.after, one.name, one.username] for one in AuditEntry.objects.all()])


# --- nobody changes it ------------------------------------------------------------------------------------------------
@pytest.fixture
def sealed(db: None) -> Iterator[None]:
    """As in every installation; the tests' own database is opened, for it is emptied between tests."""
    append_only.seal(connection)
    yield
    append_only.unseal(connection)


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entries SET action = 'nothing'", "DELETE FROM audit_entries WHERE id > 0"]
)
def test_the_database_itself_refuses(sealed: None, statement: str) -> None:
    audit.record("tried")
    with pytest.raises(DatabaseError, match="only ever added to"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    audit.record("tried again")
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == ["tried", "tried again"]


# --- commands ---------------------------------------------------------------------------------------------------------
def test_commands_that_are_not_ours_leave_their_entry_too(monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("setup_link", stdout=StringIO())
    monkeypatch.setattr("getpass.getpass", lambda prompt: "another long enough one")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "another long enough one")
    call_command("createsuperuser", username="anna", email="a@example.com", interactive=False, verbosity=0)
    with monkeypatch.context() as here:
        here.setattr("getpass.getuser", lambda: "anna")
        call_command("changepassword", verbosity=0)  # of who is called so on this machine
    call_command("axes_reset", verbosity=0)
    call_command("axes_reset_ip", "192.0.2.7", verbosity=0)
    entries = AuditEntry.objects.order_by("id")
    assert [(one.action, one.name, one.after) for one in entries] == [
        ("set-up link made", "", {}),
        ("account added", "anna", {"role": "administrator"}),
        ("password changed", "anna", {}),
        ("wrong passwords forgotten", "", {}),
        ("wrong passwords forgotten", "", {"ip": ["192.0.2.7"]}),
    ]
    assert {one.via for one in entries} == {"command"}
    assert [one.username for one in entries if one.action != "password changed"] == [audit.command_user()] * 4
    assert User.objects.get().check_password("another long enough one")
    assert "long enough" not in written()


# --- the admin pages --------------------------------------------------------------------------------------------------
def test_what_the_admin_pages_change_is_in_the_log(client: Client, make_repository: Callable[..., Repository]) -> None:
    repository = make_repository(pre_backup_script=SECRET)
    row, _ = ApiToken.make(make_person("ben", "author"), "ci")
    other, _ = ApiToken.make(User.objects.get(username="ben"), "other")
    page = client.get(f"/admin/backups/repository/{repository.pk}/change/")
    given = {name: value for name, value in page.context["adminform"].form.initial.items() if value is not None}
    lists = {name: json.dumps(given[name]) for name in ("source_paths", "exclude_patterns", "exclude_if_present")}
    client.post(f"/admin/backups/repository/{repository.pk}/change/", given | lists | {"compression": "zstd,3"})
    changed = newest()
    assert (changed.action, changed.via, changed.before, changed.after) == (
        "repository changed", "admin", {"compression": "lz4"}, {"compression": "zstd,3"},
    )  # fmt: skip
    client.post(f"/admin/accounts/apitoken/{row.pk}/delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": other.pk, "post": "yes"}
    client.post("/admin/accounts/apitoken/", chosen)
    assert [one.name for one in AuditEntry.objects.filter(action="token revoked")] == ["other", "ci"]
    assert not ApiToken.objects.exists()


# --- values and secrets -----------------------------------------------------------------------------------------------
def test_old_and_new_values_are_there_and_no_secret() -> None:
    rest = Rest()
    made = rest.post("/scripts", {"name": "dump", "content": TEXT, "parameters": {"DATABASE": "shop"}}).json()
    rest.put(f"/scripts/{made['id']}", {"parameters": {"DATABASE": "blog", "DB_PASSWORD": SECRET}})
    changed = newest()
    assert changed.before == {"values": {"DATABASE": "shop"}}
    assert changed.after == {"values": {"DATABASE": "blog", "DB_PASSWORD": "(another secret)"}}
    rest.put(f"/scripts/{made['id']}", {"is_template": True})
    assert (newest().before, newest().after) == ({"is_template": False}, {"is_template": True})
    assert SECRET not in written()


def test_a_script_in_a_repository_is_told_by_its_hash(make_repository: Callable[..., Repository]) -> None:
    repository = make_repository()
    Rest().put(f"/repositories/{repository.pk}", {"pre_backup_script": f"mysqldump -p{SECRET}"})
    assert newest().after["pre_backup_script"].startswith("sha256 ")
    assert SECRET not in written()


def test_a_backup_leaves_which_secrets_it_was_given(
    make_repository: Callable[..., Repository], make_job: Callable[..., BackupJob]
) -> None:
    rest, repository = Rest(), make_repository(passphrase=SECRET)
    made = rest.post("/scripts", {"name": "dump", "content": TEXT}).json()
    given = {"script_id": made["id"], "hook_type": "pre-backup", "parameters": {"DB_PASSWORD": SECRET}}
    rest.post(f"/repositories/{repository.pk}/scripts", given)
    job = make_job(repository, triggered_by="schedule")
    directory = directories.of(BackupJob, job.pk)
    directory.acquire()
    try:
        assert claiming.claim(job.pk, directory, StopRequest()) is not None
    finally:
        directory.release()
    entry = newest()
    assert (entry.action, entry.name, entry.via, entry.username) == ("secrets used", repository.name, "itself", "")
    assert entry.after == {"secrets": ["passphrase", "dump: DB_PASSWORD"], "by": "schedule"}
    assert SECRET not in written()
