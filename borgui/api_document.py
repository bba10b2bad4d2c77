"""The OpenAPI document, made complete: words for every field, every error, an example of everything that is sent."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase
from ninja.operation import Operation

from . import api_addresses, api_examples, api_limits, glossary, web_refusals
from .accounts import once
from .accounts.authentication import Bearer, needed_for

INTRODUCTION = (
    "Send `Authorization: Bearer TOKEN`; a token is made under Settings, Tokens, or with `manage.py create_api_token`. "
    "In a PUT an absent field stays as it is and `null` clears it. Lists answer `count` and `items`. Every error answers "
    "`detail` and `errors`. A GET of one thing answers an `ETag`; with that in `If-Match` a PUT or DELETE is done only if "
    "nobody has changed it. A call that starts something takes an `Idempotency-Key`: sent again within a day with the "
    "same key, it answers what it answered before and starts nothing."
)
SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of this installation."},
    "session": {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "Signed in on the pages."},
    "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRFToken", "description": "With a session: the CSRF token."},
}
LARGEST = 2**63 - 1
ERRORS = {
    400: ("It cannot be read, or it calls this installation by a name that nobody has allowed.",
          "This is no request that can be read.", {}),
    401: ("Nobody knows the caller.", "Sign in, or send a token: Authorization: Bearer TOKEN.", {}),
    403: ("The caller may not do this.", "This token may only read; this needs the scope 'write'.", {}),
    404: ("There is no such thing.", "There is no repository 7.", {}),
    409: ("It cannot be done as things stand.", "There is a script named 'Stop' already.", {"name": "It is taken."}),
    411: ("The length of the body is not said.", "Send the length of the body in the header Content-Length.",
          {"body": "Send the length of the body in the header Content-Length."}),
    412: ("It is not what `If-Match` names any more.", "It was changed since you read it: read it again.", {}),
    413: ("The body is too large.", "The request is larger than 2.5 MiB.", {"body": "It is too large."}),
    414: ("The address is too long.", web_refusals.TOO_LONG, {}),
    415: ("The body is not JSON.", "Send JSON, with the header Content-Type: application/json.", {}),
    422: ("A field is wrong.", "timeout: It should be a valid integer", {"timeout": "It should be a valid integer"}),
    429: ("Too many wrong tokens or passwords came from the caller's address.", "Try again in 15 minutes.", {}),
    431: ("The headers are too long.", web_refusals.TOO_MANY, {}),
    503: ("The database does not take it at the moment.", "The database cannot be written at the moment. Try again.", {}),
}  # fmt: skip
TAG = '"5d41402abc4b2a76b9719d911017c592"'
IF_MATCH = {
    "name": "If-Match",
    "description": "The `ETag` of what was read; `*`: whatever it is.",
    "schema": {"type": "string", "pattern": f"^{api_addresses.TAGS.pattern}$"},
    "example": "*",
}
KEY = {
    "name": once.HEADER,
    "description": "A text of your own, new for every thing that is to be started.",
    "schema": {"type": "string", "pattern": f"^{once.GOOD_KEY.pattern}$"},
}


class Browser(DocsBase):
    """The page at /api/docs, from this installation alone, within its content security policy."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        return render(request, "api/docs.html", {"document": reverse("api:openapi-json")})


def completed(document: Any, operations: Mapping[str, Operation]) -> Any:
    """`document`, with what its code does not say. `operations`: the endpoints by their operationId."""
    schemas = document["components"]["schemas"]
    schemas.update(failure_schemas())
    document["components"]["securitySchemes"] = SECURITY
    for name, schema in schemas.items():
        for field, details in schema.get("properties", {}).items():
            describe(details, glossary.words(name, field))
            if schema.get("additionalProperties") is False:  # what is taken, not what is answered
                api_limits.add(details, name, field)
    for methods in document["paths"].values():
        for method, operation in methods.items():
            endpoint = operations[operation["operationId"]]
            operation["x-scope"] = scope_of(endpoint, method)
            complete(operation, method, "put" in methods and "get" in methods, once.is_once(endpoint.view_func))
            api_examples.add(operation, schemas)
    return document


def describe(details: dict[str, Any], words: str) -> None:
    details.pop("title", None)  # the name once more
    if words and not details.get("description"):
        details["description"] = words


def failure_schemas() -> dict[str, Any]:
    text = {"type": "string"}
    entry = {"type": "object", "required": ["field", "message"], "properties": {"field": {**text}, "message": {**text}}}
    errors = {"type": "array", "items": {"$ref": "#/components/schemas/ErrorEntry"}}
    failure = {"type": "object", "required": ["detail", "errors"], "properties": {"detail": {**text}, "errors": errors}}
    use = {
        "type": "object",
        "required": ["assignment_id", "repository_id", "repository_name", "hook_type"],
        "properties": {
            "assignment_id": {"type": "integer"},
            "repository_id": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "window_id": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "repository_name": {**text},
            "hook_type": {**text},
        },
    }
    users = {"type": "array", "items": {"$ref": "#/components/schemas/Use"}}
    more = {"users": users, "sha256": {**text, "description": "Of the content that is current now."}}
    conflict = {**failure, "properties": {"detail": {**text}, "errors": {**errors}, **more}}
    return {"ErrorEntry": entry, "Failure": failure, "Use": use, "Conflict": conflict}


def scope_of(endpoint: Operation, method: str) -> str:
    """What a token must be good for."""
    asked = next((one.scope for one in endpoint.auth_callbacks if isinstance(one, Bearer)), None)
    return str((asked or needed_for(method.upper())).value)


def complete(operation: dict[str, Any], method: str, is_editable: bool, starts: bool) -> None:
    parameters = operation["parameters"]
    for entry in parameters:
        if entry["in"] == "path" and entry["schema"].get("type") == "integer":
            entry["schema"] |= {"minimum": 1, "maximum": LARGEST}
        if entry["in"] == "query" and entry["schema"].get("type") != "array":
            entry |= {"style": "form", "explode": False}  # one text, never several
        describe(entry["schema"], "")
        entry.setdefault("description", glossary.PLACES.get(entry["name"]) or glossary.words("", entry["name"]))
    if is_editable and method in ("put", "delete"):
        parameters.append({"in": "header", "required": False, **IF_MATCH})
    if starts:
        parameters.append(
            {"in": "header", "required": False, **KEY, "example": f"{operation['operationId']}-2026-11-23"}
        )
    operation["summary"] = operation["summary"].capitalize()
    operation["description"] = operation.get("description", operation["summary"]).strip()
    operation["security"] = [{"token": []}, {"session": []} if method == "get" else {"session": [], "csrf": []}]
    operation["description"] += f"\n\nScope of the token: `{operation['x-scope']}`."
    if method == "get" and is_editable:
        operation["responses"][200]["headers"] = {
            "ETag": {"description": "For `If-Match`.", "schema": {"type": "string"}, "example": TAG}
        }
    for status in errors_of(operation, method):
        operation["responses"].setdefault(status, failure(status))


def errors_of(operation: dict[str, Any], method: str) -> list[int]:
    """Which errors there may be, from what it takes."""
    places = {entry["in"] for entry in operation["parameters"]}
    headers = {entry["name"] for entry in operation["parameters"]}
    found = {400, 401, 403, 414, 429, 431, 503}
    found |= {404} if "path" in places or "id" in {entry["name"] for entry in operation["parameters"]} else set()
    found |= {409} if method != "get" or operation.get("x-may-refuse") else set()
    found |= {412} if "If-Match" in headers else set()
    found |= {411, 413, 415} if "requestBody" in operation else set()
    found |= {422} if method != "get" or places & {"query", "header"} else set()
    return sorted(found)


def failure(status: int) -> dict[str, Any]:
    words, detail, fields = ERRORS[status]
    entries = [{"field": field, "message": message} for field, message in fields.items()]
    schema = {"$ref": f"#/components/schemas/{'Conflict' if status == 409 else 'Failure'}"}
    example = {"detail": detail, "errors": entries}
    return {"description": words, "content": {"application/json": {"schema": schema, "example": example}}}
