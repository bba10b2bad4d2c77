"""What happens to a request to the API around its endpoint: methods, kinds of content, and "only if unchanged".

An address that can be read and changed answers a GET with an `ETag`. A PUT or DELETE with that in `If-Match` is done only
if a GET would still answer it: 412 otherwise. Of several such requests at once one is done.
"""

import hashlib
import json
import re
from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI

from .api_errors import failure
from .edits import Busy, one_at_a_time

View = Callable[..., HttpResponseBase]
TAGS = re.compile(r'(\*|(W/)?"[!#-~]*"([ \t]*,[ \t]*(W/)?"[!#-~]*")*)')
BAD_TAGS = "It takes an ETag with its quotation marks, as a GET has answered it, or *."
DOCUMENT = ("openapi-json", "openapi-view")
# What changes while nobody edits anything: it is no reason to refuse an edit.
PASSING = {
    "executions", "usage_count", "last_used_at", "last_good_at", "last_run", "next_run", "next_times", "last_sent_at",
    "last_error", "last_error_at",
}  # fmt: skip


def of(api: NinjaAPI) -> tuple[list[Any], str, str]:
    """The addresses of `api` for `urlpatterns`; whatever else begins like them is answered in JSON too."""
    patterns, app, namespace = api.urls
    wrapped = [
        URLPattern(entry.pattern, around(read_only(entry) or entry.callback), entry.default_args, entry.name)
        for entry in patterns
        if isinstance(entry, URLPattern) and entry.name != "api-root"
    ]
    return [*wrapped, path("", nowhere, name="api-root"), re_path(r"", nowhere)], app, namespace


@csrf_exempt  # a program has no CSRF token, and nothing is done here
def nowhere(request: HttpRequest) -> HttpResponse:
    return failure(404, f"There is nothing at {request.path}. /api/docs shows what there is.")


def read_only(entry: URLPattern) -> View | None:
    """The document and its page, which would answer any method. The document is the same until the next start."""
    if entry.name not in DOCUMENT:
        return None
    view = made_once(entry.callback) if entry.name == "openapi-json" else entry.callback

    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "GET":
            return view(request, *args, **kwargs)
        return HttpResponse(status=405, headers={"Allow": "GET"})

    return csrf_exempt(answer)


def made_once(view: View) -> View:
    """Everybody may ask for it, and making it takes a second."""

    lock, made = Lock(), list[HttpResponse]()

    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with lock:
            if not made:
                made.append(view(HttpRequest()))  # type: ignore[arg-type]  # it is no stream
        return HttpResponse(made[0].content, content_type=made[0]["Content-Type"])

    return answer


def around(view: View) -> View:
    """`view` with HEAD, OPTIONS, conditions and refusals in JSON."""

    @wraps(view, updated=())
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        def call(method: str) -> HttpResponseBase:
            asked, request.method = request.method, method
            try:
                return view(request, *args, **kwargs)
            finally:
                request.method = asked

        return respond(request, call)

    answer.csrf_exempt = getattr(view, "csrf_exempt", False)  # type: ignore[attr-defined]  # Django looks for it on the view
    return answer


Call = Callable[[str], HttpResponseBase]


def respond(request: HttpRequest, call: Call) -> HttpResponseBase:
    """`call(method)` is the endpoint's answer to this request as if it had that method."""
    method = request.method or ""
    if method == "OPTIONS":
        return HttpResponse(status=204, headers={"Allow": allowed(call)})
    if method == "HEAD":
        return without_body(respond_to(request, "GET", call))
    return respond_to(request, method, call)


def respond_to(request: HttpRequest, method: str, call: Call) -> HttpResponseBase:
    if method in ("PUT", "DELETE") and "If-Match" in request.headers:
        answer = only_if_unchanged(request, method, call)
    else:
        answer = call(method)
    if answer.status_code == 405:
        answer = not_taken(request, call)
    elif method == "GET" and answer.status_code == 200 and "PUT" in allowed(call):
        answer["ETag"] = tag(answer)
    return answer


def allowed(call: Call) -> str:
    """The methods of this address, as in the header `Allow`."""
    methods = {name.strip() for name in str(call("OPTIONS").get("Allow", "")).split(",")} - {""}
    return ", ".join(sorted(methods | ({"HEAD", "OPTIONS"} if "GET" in methods else {"OPTIONS"})))


def not_taken(request: HttpRequest, call: Call) -> HttpResponse:
    refusal = failure(405, f"{request.path} does not take {request.method}.")
    refusal["Allow"] = allowed(call)
    return refusal


def without_body(answer: HttpResponseBase) -> HttpResponseBase:
    if isinstance(answer, HttpResponse):
        answer.headers["Content-Length"] = str(len(answer.content))
        answer.content = b""
    return answer


# --- conditions -------------------------------------------------------------------------------------------------------
def only_if_unchanged(request: HttpRequest, method: str, call: Call) -> HttpResponseBase:
    if not TAGS.fullmatch(request.headers["If-Match"]):
        return failure(422, f"If-Match: {BAD_TAGS}", {"If-Match": BAD_TAGS})
    try:
        with one_at_a_time(request.path):
            now = call("GET")
            if now.status_code not in (200, 405):
                return now
            current = tag(now) if now.status_code == 200 else ""
            if not current or not is_named(current, request.headers["If-Match"]):
                return changed(current)
            return call(method)
    except Busy:
        return failure(409, "Somebody else is changing this at the moment. Try again.")


def changed(current: str) -> HttpResponse:
    why = "It was changed since you read it: read it again." if current else "There is no ETag at this address."
    refusal = failure(412, why, {"If-Match": why})
    if current:
        refusal["ETag"] = current
    return refusal


def tag(answer: HttpResponseBase) -> str:
    """Of what people edit in the answer to a GET."""
    assert isinstance(answer, HttpResponse)
    found = {name: value for name, value in json.loads(answer.content).items() if name not in PASSING}
    return '"' + hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:32] + '"'


def is_named(current: str, wanted: str) -> bool:
    return wanted.strip() == "*" or current in [one.strip().removeprefix("W/") for one in wanted.split(",")]
