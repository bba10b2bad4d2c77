"""The audit log: who did what, when, and from where."""

import json
from collections.abc import Iterator

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from borgui.accounts import audit
from borgui.accounts.access import signed_in
from borgui.accounts.forms import AuditFilter
from borgui.accounts.models import AuditEntry

PER_PAGE = 100
AT_ONCE = 500  # rows read at a time for an export


@signed_in
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    form = AuditFilter(request.GET)
    page = Paginator(form.matching(), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "people/audit.html", {"form": form, "page": page, "query": form.query})


@signed_in
@require_GET
def export(request: HttpRequest) -> StreamingHttpResponse:
    """What the filters leave, oldest first, one JSON object a line."""
    rows = AuditFilter(request.GET).matching().order_by("id")
    audit.record("audit log exported")
    headers = {"Content-Disposition": 'attachment; filename="borgui-audit.jsonl"'}
    return StreamingHttpResponse(lines(rows), content_type="application/jsonl; charset=utf-8", headers=headers)


def lines(rows: QuerySet[AuditEntry]) -> Iterator[str]:
    for row in rows.iterator(chunk_size=AT_ONCE):
        yield json.dumps(as_json(row), ensure_ascii=False) + "\n"


def as_json(row: AuditEntry) -> dict[str, object]:
    columns = ("id", "username", "via", "address", "action", "kind", "object_id", "name", "before", "after")
    return {"at": row.at.isoformat(), **{name: getattr(row, name) for name in columns}}
