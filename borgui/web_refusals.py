"""What the web process answers to bytes that are no request which anybody could be asked about: too long, or no HTTP.

gunicorn's own answers are pages for people whatever was asked; a program gets the one shape of the API (`api_errors`).
"""

import json
from typing import Any

from gunicorn import util
from gunicorn.http import errors

LONGEST_LINE = 8190  # bytes; a list with many filters has a long address
REASONS = {400: "Bad Request", 414: "URI Too Long", 417: "Expectation Failed", 431: "Request Header Fields Too Large",
           501: "Not Implemented"}  # fmt: skip
TOO_LONG = f"The address is longer than {LONGEST_LINE} bytes: send fewer or shorter values."
TOO_MANY = "The headers are too many or too long."
UNREADABLE = "This is no request that can be read."


def of(problem: BaseException) -> tuple[int, str] | None:
    """Status and sentence; None where the request is not to blame."""
    if isinstance(problem, errors.LimitRequestLine):
        return 414, TOO_LONG
    if isinstance(problem, errors.LimitRequestHeaders):
        return 431, TOO_MANY
    if isinstance(problem, errors.ExpectationFailed):
        return 417, "Nothing but 100-continue can be expected."
    if isinstance(problem, errors.UnsupportedTransferCoding):
        return 501, "The body is sent in a coding that is not known here."
    if isinstance(problem, errors.ParseException) and not isinstance(problem, errors.ConfigurationProblem):
        return 400, UNREADABLE
    return None


def send(sock: Any, status: int, why: str, *, for_program: bool) -> None:
    """The whole answer, after which the connection is closed. What was sent is not repeated in it."""
    kind = "application/json" if for_program else "text/plain; charset=utf-8"
    body = (json.dumps({"detail": why, "errors": []}) if for_program else why + "\n").encode()
    head = [
        f"HTTP/1.1 {status} {REASONS[status]}",
        "Connection: close",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
    ]
    util.write_nonblock(sock, "\r\n".join(head).encode() + b"\r\n\r\n" + body)
