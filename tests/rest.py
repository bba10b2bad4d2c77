"""A program that calls the REST API with a token, as the tests of both apps do."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from borgui.accounts.models import ApiToken, Scope, User


def make_user(name: str = "anna", **fields: Any) -> User:
    return User.objects.create_superuser(username=name, password="long enough", **fields)


class Rest:
    """`get`, `post`, `put`, `delete` take a path below /api and a value to send as JSON."""

    def __init__(self, scope: str = Scope.WRITE, user: User | None = None) -> None:
        self.user = user or User.objects.filter(username="anna").first() or make_user()
        self.token, self.secret = ApiToken.make(self.user, "tests", scope)
        self.client = Client(headers={"Authorization": f"Bearer {self.secret}", "Host": "localhost"})

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self.client.get(f"/api{path}", query)

    def post(self, path: str, body: Any = None) -> HttpResponse:
        return self.send("POST", path, body)

    def put(self, path: str, body: Any = None) -> HttpResponse:
        return self.send("PUT", path, body)

    def delete(self, path: str) -> HttpResponse:
        return self.send("DELETE", path, None)

    def send(self, method: str, path: str, body: Any) -> HttpResponse:
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.generic(method, f"/api{path}", data, content_type="application/json")


def fields_of(response: HttpResponse) -> list[str]:
    """The fields that an error names."""
    return [entry["field"] for entry in response.json()["errors"]]
