"""What htmx said about a request."""

from typing import cast

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class HtmxRequest(HttpRequest):
    """As django_htmx's middleware leaves it."""

    htmx: HtmxDetails


def of(request: HttpRequest) -> HtmxDetails:
    """False where htmx did not ask: the answer is a whole page, or leads to one. Only behind the middleware."""
    return cast(HtmxRequest, request).htmx
