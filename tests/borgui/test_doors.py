"""Doors that are closed: too much, from elsewhere, without a length, kept on the way, and into somebody else's session."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, RequestFactory

from borgui import doors
from scripts_library.tarball import LARGEST_FILE
from tests.rest import Rest, make_user

pytestmark = pytest.mark.django_db
GIGABYTE = 10**9


# --- bodies -----------------------------------------------------------------------------------------------------------
class Endless(io.RawIOBase):
    """A body that fails the test where anybody reads it."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("The body was read.")


def send(path: str, **environ: Any) -> Any:
    request = {
        "PATH_INFO": path,
        "REQUEST_METHOD": "POST",
        "wsgi.input": Endless(),
        "HTTP_HOST": "localhost",
        **environ,
    }
    return Client().request(**request)


@pytest.mark.parametrize(
    "path", ["/api/scripts", "/sign-in/", "/scripts/new/", "/admin/", "/nothing", "/scripts/import/"]
)
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
def test_a_gigabyte_is_refused_unread(path: str, kind: str) -> None:
    answer = send(path, CONTENT_LENGTH=str(GIGABYTE), CONTENT_TYPE=kind)
    assert answer.status_code == 413
    assert "MiB" in (answer.json()["detail"] if path.startswith("/api/") else answer.content.decode())


@pytest.mark.parametrize("length", ["-1", "1e3", "²", "0x10"])
def test_a_body_of_unknown_length_is_411(length: str) -> None:
    answer = send("/api/scripts", CONTENT_LENGTH=length)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (411, "body")
    assert send("/api/scripts", CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked").status_code == 411


def test_a_package_may_be_as_large_as_a_package_may_be() -> None:
    for path in ("/scripts/import/", "/api/scripts/import"):
        assert doors.limit_of(path) > LARGEST_FILE
    assert doors.limit_of("/scripts/") == settings.DATA_UPLOAD_MAX_MEMORY_SIZE


# --- headers ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "path", ["/", "/scripts/", "/settings/tokens/", "/api/status", "/api/docs", "/health/", "/nothing"]
)
def test_every_answer_has_the_strict_headers(client: Client, path: str) -> None:
    answer = client.get(path)
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"
    assert "camera=()" in answer["Permissions-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("origins", "name", "is_secure"),
    [
        ("", "sessionid", False),
        ("http://nas:8000", "sessionid", False),
        ("https://b.example.org", "__Host-sessionid", True),
    ],
)
def test_cookies_are_strict_as_far_as_they_can_be(origins: str, name: str, is_secure: bool, installation: Any) -> None:
    said = installation.manage(
        "shell", "-c",
        "from django.conf import settings as s; print(s.SESSION_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE,"
        " s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_SAMESITE, s.SESSION_COOKIE_PATH, s.SESSION_COOKIE_DOMAIN)",
        "-v", "0", extra={"BORGUI_TRUSTED_ORIGINS": origins},
    )  # fmt: skip
    assert said.split() == [name, str(is_secure), str(is_secure), "True", "Lax", "/", "None"]


# --- sessions and redirects -------------------------------------------------------------------------------------------
def sign_in(client: Client, **fields: str) -> Any:
    return client.post("/sign-in/", {"username": "anna", "password": "long enough", **fields})


def test_a_session_from_before_is_not_the_one_after_signing_in() -> None:
    make_user()
    client = Client(headers={"Host": "localhost"})
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = planted = session.session_key
    assert sign_in(client).status_code == 302
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != planted
    thief = Client(headers={"Host": "localhost"})
    thief.cookies[settings.SESSION_COOKIE_NAME] = planted
    assert thief.get("/settings/tokens/").status_code == 302


ELSEWHERE = [
    "https://evil.example.org/",
    "//evil.example.org/",
    "/\\evil.example.org",
    "\\\\evil.example.org",
    "http:evil.example.org",
    "javascript:alert(1)",
    "https://localhost@evil.example.org/",
    " //evil.example.org",
    "/\t/evil.example.org",
    "///evil.example.org",
]


@pytest.mark.parametrize("target", ELSEWHERE)
@pytest.mark.parametrize("door", ["/sign-in/", "/admin/login/", "/theme/"])
def test_nobody_is_led_elsewhere(target: str, door: str) -> None:
    make_user()
    client = Client(headers={"Host": "localhost"})
    if door == "/admin/login/":
        answer = client.get(door, {"next": target})
        door = answer["Location"]
        assert door.startswith("/sign-in/")
        answer = client.post(door, {"username": "anna", "password": "long enough"})
    else:
        answer = client.post(door, {"username": "anna", "password": "long enough", "theme": "dark", "next": target})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/")
    assert "evil" not in answer["Location"]


@pytest.mark.parametrize("name", ['a"\r\nSet-Cookie: x=1', "a\r\n\r\n<b>", "ä" * 60, '"; filename=evil.exe'])
def test_no_name_makes_a_header(client: Client, name: str, make_repository: Callable[..., Any]) -> None:
    """Names go into headers of downloads."""
    repository = make_repository(name, passphrase="a secret phrase")
    answer = client.post(f"/repositories/{repository.pk}/kit/download/")
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment")
    assert "Set-Cookie" not in answer
    assert all("\n" not in value and "\r" not in value for value in answer.headers.values())


def test_a_post_from_another_site_is_refused() -> None:
    client = Client(enforce_csrf_checks=True, headers={"Host": "localhost"})
    client.force_login(make_user())
    for headers in ({}, {"Origin": "https://evil.example.org"}, {"Origin": "null"}):
        assert client.post("/settings/tokens/new/", {"name": "x"}, headers=headers).status_code == 403
        assert client.post("/api/pause", {}, content_type="application/json", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example.org", "localhost.evil.org", "localhost:80@evil", "[::1", "", "169.254.169.254"]
)
def test_a_host_nobody_has_named_is_refused(host: str) -> None:
    request = RequestFactory().get("/", headers={"Host": host})
    assert Client().request(**request.environ).status_code == 400


def test_stored_script_is_text_everywhere(
    client: Client, make_repository: Callable[..., Any], attach: Callable[..., Any]
) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    repository = make_repository(f"repo {evil}")
    assignment = attach(repository, "pre-backup", f"script {evil}", f"echo '{evil}'")
    Rest()
    pages = ["/", "/repositories/", "/scripts/", f"/repositories/{repository.pk}/", f"/scripts/{assignment.script_id}/",
             f"/repositories/{repository.pk}/scripts/", "/activity/"]  # fmt: skip
    for path in pages:
        text = client.get(path).content.decode()
        assert "<script>alert" not in text, path
        assert "<img src=x" not in text, path
