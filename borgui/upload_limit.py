"""A limit on what a page takes as a file: a larger one is refused while it arrives, and nothing of it reaches the disk."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt, csrf_protect

View = Callable[..., HttpResponseBase]
ROOM = 64 * 1024  # bytes of a request for what is not the file


class Limit(FileUploadHandler):
    """Skips the files of a request that is longer than it may be."""

    def __init__(self, request: HttpRequest, largest: int) -> None:
        super().__init__(request)
        self.is_over = int(request.META.get("CONTENT_LENGTH") or 0) > largest + ROOM

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.is_over:
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


def takes_files(largest: int) -> Callable[[View], View]:
    """The outermost decorator of a view whose form has a file of at most `largest` bytes; `is_too_large` tells.

    The handler has to be there before anything reads the form, the check for its CSRF token included.
    """

    def decorate(view: View) -> View:
        protected = csrf_protect(view)

        @csrf_exempt
        @wraps(view)
        def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            request.upload_handlers.insert(0, Limit(request, largest))
            return protected(request, *args, **kwargs)

        return limited

    return decorate


def is_too_large(request: HttpRequest) -> bool:
    return any(isinstance(handler, Limit) and handler.is_over for handler in request.upload_handlers)
