"""What every request and every answer goes through: no body that is too large, and headers that close side doors."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string

View = Callable[[HttpRequest], HttpResponseBase]
MIB = 2**20
HEADERS = {
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def limited_bodies(get_response: View) -> View:
    """413 for a body that is too large for its address, before a byte of it is read; 411 for one of unknown length."""

    def checked(request: HttpRequest) -> HttpResponseBase:
        limit, length = limit_of(request.path), length_of(request)
        if length is None:
            return refusal(request, 411, "Send the length of the body in the header Content-Length.")
        if length > limit:
            return refusal(request, 413, f"The request is larger than {limit / MIB:g} MiB.")
        return get_response(request)

    return checked


def limit_of(path: str) -> int:
    """Bytes."""
    larger = (size for prefix, size in settings.BODY_LIMITS.items() if path.startswith(prefix))
    return next(larger, settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)


def length_of(request: HttpRequest) -> int | None:
    """Bytes of the body; None where the request does not say."""
    text = request.META.get("CONTENT_LENGTH") or ""
    if not text:
        return None if "HTTP_TRANSFER_ENCODING" in request.META else 0
    return int(text) if text.isascii() and text.isdigit() else None


def refusal(request: HttpRequest, status: int, why: str) -> HttpResponse:
    """In JSON for programs."""
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": why, "errors": [{"field": "body", "message": why}]}, status=status)
    return HttpResponse(render_to_string("too_large.html", {"why": why}, request), status=status)


def strict_headers(get_response: View) -> View:
    """Nothing that a person or a program was answered is kept by a browser or a proxy on the way."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if "no-store" not in response.get("Cache-Control", ""):
            response["Cache-Control"] = "no-store, private"
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return answer
