"""The REST API: put together from the routers of both apps (interfaces.md, "REST API")."""

import json
from typing import Any, NoReturn

from django.conf import settings
from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.operation import Operation
from ninja.parser import Parser

import backups.api
import backups.api_channels
import backups.api_retention
import scripts_library.api
import scripts_library.api_sharing

from . import api_addresses, api_document
from .accounts.authentication import BY_METHOD
from .api_errors import NotCalledJson, answer_errors


class StrictParser(Parser):
    def parse_body(self, request: HttpRequest) -> Any:
        """JSON by the book. Raises NotCalledJson, and ValueError: also for NaN and for what is not UTF-8."""
        kind = request.content_type or ""
        if kind != "application/json" and not kind.endswith("+json"):
            raise NotCalledJson
        return json.loads(request.body, parse_constant=_refuse_constant, parse_float=_number)


def _number(text: str) -> float | int:
    """JSON knows one kind of number: 3.0 is the integer 3, in its schemas too (JSON Schema, 6.1.1)."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


class Api(NinjaAPI):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.endpoints: dict[str, Operation] = {}

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The name of the function: it stays when a module is moved, and clients are generated with it."""
        name = str(operation.view_func.__name__)
        self.endpoints[name] = operation
        return name

    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> Any:
        return api_document.completed(super().get_openapi_schema(*args, **kwargs), self.endpoints)


api = Api(
    title="borgui",
    version=settings.VERSION,
    urls_namespace="api",
    auth=BY_METHOD,
    parser=StrictParser(),
    docs=api_document.Browser(),
    description=api_document.INTRODUCTION,
)
api.add_router("", scripts_library.api.router)
api.add_router("", scripts_library.api_sharing.router)
api.add_router("", backups.api.router)
api.add_router("", backups.api_retention.router)
api.add_router("", backups.api_channels.router)
answer_errors(api)

urls = api_addresses.of(api)
