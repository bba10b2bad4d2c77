"""The audit log: who, when, from where; it only grows."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from borgui.accounts import audit
from borgui.accounts.models import AppendOnly, AuditEntry, Via

from .conftest import make_person, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]


@pytest.fixture
def anna(stranger: Client) -> Client:
    make_person("anna", "administrator")
    sign_in(stranger, "anna")
    return stranger


def test_an_entry_can_be_neither_changed_nor_removed() -> None:
    entry = audit.record("tried")
    entry.action = "something else"
    for attempt in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(action="x"),
        lambda: AuditEntry.objects.bulk_update([entry], ["action"]),
    ):
        with pytest.raises(AppendOnly):
            attempt()
    assert AuditEntry.objects.get().action == "tried"


def test_an_account_with_entries_cannot_be_removed_from_under_them(anna: Client) -> None:
    from django.db.models import ProtectedError

    entry = AuditEntry.objects.get()
    assert entry.user is not None
    with pytest.raises(ProtectedError):
        entry.user.delete()


def test_without_a_request_it_was_whoever_typed_the_command() -> None:
    entry = audit.record("tried")
    assert (entry.via, entry.username, entry.address) == (Via.COMMAND, audit.command_user(), None)


def test_of_two_states_only_what_differs_is_kept() -> None:
    before, after = audit.changed({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5})
    assert (before, after) == ({"b": 2, "c": 3}, {"b": 5, "c": None})


def test_long_and_odd_values_are_kept_as_text() -> None:
    entry = audit.record("tried", before={"x": "y" * 5000, "z": {"n": {1}}}, after={"p": object, "nul": "a\0b"})
    entry.refresh_from_db()
    assert len(entry.before["x"]) < 2100
    assert entry.after["nul"] == "ab"


def test_the_page_finds_by_person_deed_and_day_and_passes_over_nonsense(anna: Client) -> None:
    audit.record("role changed", name="ben", before={"role": "viewer"}, after={"role": "author"})
    page = anna.get("/settings/audit/").content.decode()
    assert "Role changed" in page
    assert "role was viewer" in page
    found = anna.get("/settings/audit/", {"action": "role changed", "search": "ben", "since": "2020-01-01"})
    assert found.content.decode().count('scope="row"') == 1
    assert anna.get("/settings/audit/", {"person": "nobody-here"}).content.decode().count('scope="row"') == 0
    assert anna.get("/settings/audit/", {"since": "x", "action": "\0", "page": "-3"}).status_code == 200


def test_the_export_has_what_the_filters_leave_one_object_a_line(anna: Client) -> None:
    audit.record("role changed", name="bén", after={"role": "author"})
    body = b"".join(anna.get("/settings/audit/export/", {"action": "role changed"})).decode()  # type: ignore[arg-type]
    (entry,) = [json.loads(line) for line in body.splitlines()]
    assert (entry["name"], entry["after"], entry["via"]) == ("bén", {"role": "author"}, "command")
    assert AuditEntry.objects.filter(action="audit log exported").exists()


def test_the_admin_pages_show_it_and_change_nothing(anna: Client) -> None:
    entry = AuditEntry.objects.get()
    base = "/admin/accounts/auditentry/"
    assert anna.get(base).status_code == 200
    assert anna.get(f"{base}{entry.pk}/change/").status_code == 200
    for path in ("add/", f"{entry.pk}/delete/"):
        assert anna.post(base + path).status_code == 403
    assert anna.post(f"{base}{entry.pk}/change/", {"action": "x"}).status_code == 403
    assert anna.post(base, {"action": "delete_selected", "_selected_action": entry.pk}).status_code != 500
    assert AuditEntry.objects.filter(pk=entry.pk, action="signed in").exists()


def test_commands_leave_their_trace(stranger: Client) -> None:
    make_person("anna", "administrator")
    out = StringIO()
    call_command("create_api_token", "anna", "--name", "ci", stdout=out)
    entry: Any = AuditEntry.objects.get()
    assert (entry.action, entry.name, entry.via) == ("token made", "ci", "command")
    assert out.getvalue().strip() not in f"{entry.__dict__}"
