"""Every error of the REST API in one shape: `detail`, and `errors` by field (interfaces.md, "REST API")."""

import logging
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from backups.borg import BorgUnavailable
from backups.queue import TooLate
from backups.target import PassphraseSealed
from scripts_library.errors import Conflict, InUse, Invalid, Refused

from .accounts.authentication import TooManyTries
from .accounts.models import User
from .accounts.once import HEADER, KeyRefused
from .accounts.setup import NO_OWNER

log = logging.getLogger(__name__)
Errors = dict[str, str]
Answer = Callable[[Any], HttpResponse]
NOT_JSON = "Send JSON, with the header Content-Type: application/json."
ANSWERS: dict[type[Exception], Answer] = {}


class NotCalledJson(ValueError):
    """A body that does not say that it is JSON."""


def failure(status: int, detail: str, errors: Errors | None = None, **more: object) -> HttpResponse:
    entries = [{"field": field, "message": message} for field, message in (errors or {}).items()]
    return JsonResponse({"detail": detail, "errors": entries, **more}, status=status)


def on(*kinds: type[Exception]) -> Callable[[Answer], Answer]:
    """Answer these exceptions of an endpoint with the decorated function."""

    def register(answer: Answer) -> Answer:
        ANSWERS.update(dict.fromkeys(kinds, answer))
        return answer

    return register


def answer_errors(api: NinjaAPI) -> None:
    """Every exception of an endpoint of `api` becomes an answer of the one shape."""
    for kind, answer in ANSWERS.items():
        api.add_exception_handler(kind, partial(_answered, answer))


def _answered(answer: Answer, request: HttpRequest, error: Exception) -> HttpResponse:
    return answer(error)


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


@on(TooManyTries)
def too_many_tries(error: TooManyTries) -> HttpResponse:
    answer = failure(429, str(error))
    answer["Retry-After"] = str(error.wait)
    return answer


@on(HttpError)
def http_error(error: HttpError) -> HttpResponse:
    """ninja's own; 400 is its word for a body that cannot be read."""
    if isinstance(error.__cause__, NotCalledJson):
        return failure(415, NOT_JSON, {"Content-Type": "It is not application/json."})
    if error.status_code == 400:
        return invalid({"body": "This is not JSON."})
    return failure(error.status_code, error.message)


@on(RequestDataTooBig)
def too_big(error: RequestDataTooBig) -> HttpResponse:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
    return failure(413, f"The request is larger than {limit / 2**20:g} MiB.", {"body": "It is too large."})


@on(ValidationError)
def wrong_shape(error: ValidationError) -> HttpResponse:
    errors: Errors = {}
    for entry in error.errors:
        errors.setdefault(field_of(entry["loc"]), message_of(entry))
    return invalid(errors)


@on(Invalid)
def not_valid(error: Invalid) -> HttpResponse:
    return invalid(error.errors)


@on(KeyRefused)
def key_refused(error: KeyRefused) -> HttpResponse:
    return invalid({HEADER: str(error)})


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
    if "settings" in names[1:]:  # of one in a list of objects
        return ".".join(str(part) for part in place[place.index(names[0]) :] if part != "settings")
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
