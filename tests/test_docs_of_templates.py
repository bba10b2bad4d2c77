"""docs/templates.md says what happens: its example is taken by the API, its command runs."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from tests.rest import Rest
from tests.test_docs import blocks, read

PAGE = "docs/templates.md"


@pytest.mark.django_db
def test_the_example_of_the_api_is_taken_as_it_stands(data_dir: Any) -> None:
    [example] = blocks(PAGE, "json")
    api, asked = Rest(), json.loads(example)

    made = api.post("/scripts", asked)

    assert made.status_code == 201, made.content
    assert (made.json()["name"], made.json()["parameters"]) == (asked["name"], asked["parameters"])
    assert api.put(f"/scripts/{made.json()['id']}", {"is_template": True}).status_code == 200


def test_the_command_installs_where_the_page_says(settings: Any, data_dir: Any) -> None:
    assert "manage.py install_templates" in read(PAGE)
    call_command("install_templates", stdout=StringIO())
    assert (data_dir / "scripts" / "templates" / "docker-container-mgmt.sh").exists()
