"""Several authors, for what one of them may not do alone."""

from django.test import Client

from borgui.accounts import people
from borgui.accounts.models import User
from scripts_library import library
from scripts_library.models import Script

OLD, NEW = "#!/bin/sh\necho old\n", "#!/bin/sh\necho new\n"


def author(name: str, role: str = "author") -> User:
    user = User.objects.create_user(username=name, password="long enough")
    people.put_into(user, role)
    return User.objects.get(pk=user.pk)


def browser_of(user: User) -> Client:
    client = Client(headers={"Host": "localhost"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def fresh(script: Script) -> Script:
    return Script.objects.get(pk=script.pk)


def save(script: Script, text: str, user: User | None) -> Script:
    return library.update(
        fresh(script), changes={"content": text}, base_sha256=fresh(script).sha256, source="editor", user=user
    )
