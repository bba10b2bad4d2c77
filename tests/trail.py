"""Every change that somebody makes has to leave an entry in the audit log: watched in the tests of pages, API and accounts.

A request that was answered without a refusal, or a command that ended well, and that wrote to a table in the course of it,
has to have added an entry. What needs none is below, with the reason.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from django.core.management.base import BaseCommand
from django.db import connection
from django.http import HttpRequest

WRITE = re.compile(r'\s*(INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM) "(\w+)"(?: SET (.*?) WHERE)?', re.S)
COLUMN = re.compile(r'"(\w+)" = ')
TRAIL = "audit_entries"

# Tables: of the machinery, or where a row is no deed of a person.
NEED_NONE = {
    "django_session": "of the machinery",
    "django_content_type": "of the machinery",
    "django_migrations": "of the machinery",
    "django_admin_log": "the admin's own record",
    "browser_sessions": "the entry is 'signed in'",
    "axes_accessattempt": "the entry is that of the refusal",
    "axes_accessattemptexpiration": "the entry is that of the refusal",
    "started_calls": "of the machinery: a call that may be repeated",
    "workers": "of the machinery: a worker that lives",
    "script_contents": "comes with a row that has its entry",
    "script_revisions": "comes with a row that has its entry",
    "schedule_runs": "why nothing was started; what was has its entry",
}
# Columns that the product writes by itself while somebody looks.
BY_ITSELF = {
    "api_tokens": {"last_used_at"},
    "identities": {
        "last_used_at",
        "name",
    },  # the entry is that of the sign-in, which comes after the code of a second factor
    "passkeys": {"last_used_at", "sign_count"},  # the entry is that of the sign-in
    "users": {"last_login", "password"},  # a stronger hash of the same password, at sign-in
    "scripts": {"seen_stat", "file_path", "usage_count", "last_used_at", "id"},
    "repositories": {"untried", "last_good_at", "stats"},
}
COMMANDS = {
    "migrate": "of the machinery",
    "flush": "of the tests",
    "demo": "each part of it leaves one",
    **dict.fromkeys(
        ["run_job", "run_window", "run_script", "recover", "run_worker", "send_notifications"], "by itself"
    ),
}


def is_followed(path: Path) -> bool:
    """Whether a test of this file is watched: those that do what people do, by page, API, admin or command."""
    return path.parent.name == "accounts" or path.name.startswith(("test_pages_", "test_api", "test_admin"))


def watch(patch: pytest.MonkeyPatch) -> list[str]:
    """Fills the list that it returns with what left no entry."""
    found: list[str] = []
    answer, execute = BaseHandler.get_response, BaseCommand.execute

    def get_response(handler: BaseHandler, request: HttpRequest) -> Any:
        response, written = during(lambda: answer(handler, request))
        if written and response.status_code < 400:
            found.append(f"{request.method} {request.path}: {', '.join(written)}")
        return response

    def executed(command: BaseCommand, *args: Any, **options: Any) -> Any:
        result, written = during(lambda: execute(command, *args, **options))
        name = type(command).__module__.rpartition(".")[2]
        if written and name not in COMMANDS:
            found.append(f"manage.py {name}: {', '.join(written)}")
        return result

    patch.setattr(BaseHandler, "get_response", get_response)
    patch.setattr(BaseCommand, "execute", executed)
    return found


def during(call: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What it returns, and the tables that were written; none where there is an entry."""
    written: dict[str, None] = {}

    def seen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        match = WRITE.match(sql)
        if match and (match[1][0] == "I" or context["cursor"].rowcount) and is_a_change(match[2], match[3]):
            written[match[2]] = None
        return result

    with connection.execute_wrapper(seen):
        result = call()
    return result, [] if TRAIL in written else list(written)


def is_a_change(table: str, assigned: str | None) -> bool:
    if table in NEED_NONE:
        return False
    return not assigned or not set(COLUMN.findall(assigned)) <= {"updated_at", *BY_ITSELF.get(table, set())}
