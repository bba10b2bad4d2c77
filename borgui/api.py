"""The REST API: put together from the routers of both apps, with one shape for every error (interfaces.md, "REST API")."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser

import backups.api
import backups.api_channels
import backups.api_retention
import scripts_library.api
from backups.borg import BorgUnavailable
from backups.queue import TooLate
from backups.target import PassphraseSealed
from scripts_library.errors import Conflict, InUse, Invalid, Refused

from .accounts.authentication import BY_METHOD
from .accounts.models import User
from .accounts.setup import NO_OWNER

log = logging.getLogger(__name__)


class StrictParser(Parser):
    def parse_body(self, request: HttpRequest) -> Any:
        """JSON by the book. Raises ValueError, also for NaN and for what is not UTF-8."""
        return json.loads(request.body, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


api = NinjaAPI(
    title="borgui",
    version=settings.VERSION,
    urls_namespace="api",
    auth=BY_METHOD,
    parser=StrictParser(),
    description=(
        "Sign in with `Authorization: Bearer TOKEN`; `manage.py create_api_token` makes one. In a PUT an absent field "
        "stays as it is and `null` clears it. Lists answer `count` and `items`. Errors answer `detail` and `errors`."
    ),
)
api.add_router("", scripts_library.api.router)
api.add_router("", backups.api.router)
api.add_router("", backups.api_retention.router)
api.add_router("", backups.api_channels.router)


# --- errors -----------------------------------------------------------------------------------------------------------
Errors = dict[str, str]


def failure(status: int, detail: str, errors: Errors | None = None, **more: object) -> HttpResponse:
    entries = [{"field": field, "message": message} for field, message in (errors or {}).items()]
    return JsonResponse({"detail": detail, "errors": entries, **more}, status=status)


def on(*kinds: type[Exception]) -> Callable[[Callable[[Any], HttpResponse]], Callable[[Any], HttpResponse]]:
    """Answer these exceptions of an endpoint with the decorated function."""

    def register(answer: Callable[[Any], HttpResponse]) -> Callable[[Any], HttpResponse]:
        for kind in kinds:
            api.add_exception_handler(kind, lambda request, error: answer(error))
        return answer

    return register


@on(Http404)
def not_found(error: Http404) -> HttpResponse:
    return failure(404, str(error) or "There is nothing at this address.")


@on(AuthenticationError)
def unknown_caller(error: AuthenticationError) -> HttpResponse:
    if not User.objects.exists():
        detail = NO_OWNER
    elif error.message == "Unauthorized":
        detail = "Sign in, or send a token: Authorization: Bearer TOKEN."
    else:
        detail = error.message
    answer = failure(401, detail)
    answer["WWW-Authenticate"] = "Bearer"
    return answer


@on(HttpError)
def http_error(error: HttpError) -> HttpResponse:
    """ninja's own; 400 is its word for a body that cannot be read."""
    if error.status_code == 400:
        return invalid({"body": "This is not JSON."})
    return failure(error.status_code, error.message)


@on(RequestDataTooBig)
def too_big(error: RequestDataTooBig) -> HttpResponse:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
    return invalid({"body": f"The request is larger than {limit / 2**20:g} MiB."})


@on(ValidationError)
def wrong_shape(error: ValidationError) -> HttpResponse:
    errors: Errors = {}
    for entry in error.errors:
        errors.setdefault(field_of(entry["loc"]), message_of(entry))
    return invalid(errors)


@on(Invalid)
def not_valid(error: Invalid) -> HttpResponse:
    return invalid(error.errors)


@on(Refused)
def refused(error: Refused) -> HttpResponse:
    errors = {error.field: error.message} if error.field else None
    if isinstance(error, InUse):
        return failure(409, error.message, errors, users=[asdict(user) for user in error.users])
    if isinstance(error, Conflict) and error.sha256:
        return failure(409, error.message, errors, sha256=error.sha256)
    return failure(409, error.message, errors)


@on(TooLate, PassphraseSealed, BorgUnavailable)
def cannot_now(error: Exception) -> HttpResponse:
    return failure(409, str(error))


@on(OperationalError)
def database_busy(error: OperationalError) -> HttpResponse:
    log.error("The database did not take a request: %s", error)
    return failure(503, "The database cannot be written at the moment. Try again.")


@on(Exception)
def our_fault(error: Exception) -> HttpResponse:
    log.error("A request to the API failed", exc_info=error)
    return failure(500, "Something went wrong on this side; the log of the web process says more.")


def invalid(errors: Errors) -> HttpResponse:
    field, message = next(iter(errors.items()))
    return failure(422, f"{field}: {message}", errors)


def field_of(place: tuple[str | int, ...]) -> str:
    """The plain name: without where it was sent, the name of the argument, and positions in lists."""
    names = [part for part in place[1:] if isinstance(part, str) and part not in ("payload", "filters")]
    if not names:
        return str(place[0]) if place else "body"
    return ".".join(names[:2]) if names[0] == "parameters" else names[0]


PLAIN_WORDS = {
    "extra_forbidden": "There is no such field.",
    "missing": "This field is required.",
    "model_attributes_type": "A JSON object is expected.",
    "model_type": "A JSON object is expected.",
}


def message_of(entry: dict[str, Any]) -> str:
    text = str(entry["msg"]).removeprefix("Value error, ").replace("Input should be", "It should be")
    return PLAIN_WORDS.get(entry["type"], text)


# --- addresses --------------------------------------------------------------------------------------------------------
@csrf_exempt  # a program has no CSRF token, and nothing is done here
def nowhere(request: HttpRequest) -> HttpResponse:
    return failure(404, f"There is nothing at {request.path}. /api/docs shows what there is.")


def in_json(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A wrong method is answered in JSON too."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if response.status_code != 405:
            return response
        refusal = failure(405, f"{request.path} does not take {request.method}.")
        refusal["Allow"] = response["Allow"]
        return refusal

    return answer


def _urls() -> tuple[list[Any], str, str]:
    patterns, app, namespace = api.urls
    wrapped = [
        URLPattern(entry.pattern, in_json(entry.callback), entry.default_args, entry.name)
        for entry in patterns
        if isinstance(entry, URLPattern) and entry.name != "api-root"
    ]
    return [*wrapped, path("", nowhere, name="api-root"), re_path(r"", nowhere)], app, namespace


urls = _urls()
