"""The page that moves all old inline texts to the library, without a browser: what it foresees, does, and takes back."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backups.models import Repository
from scripts_library import library
from scripts_library.models import RepositoryScript, Script
from tests.rest import make_user

from . import old_texts

Make = Callable[..., Repository]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("data_dir")]
PAGE = "/import/inline/"


def shown(client: Client, **query: Any) -> str:
    answer = client.get(PAGE, query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def press(client: Client, action: str, repository: object = "") -> str:
    return str(client.post(PAGE, {"action": action, "repository": repository}, follow=True).content.decode())


@pytest.fixture
def rows(make_repository: Make, attach: Any) -> dict[str, Repository]:
    """Two with the same text, one whose text does not run, one whose text cannot be moved."""
    found = {
        "a": make_repository("a <b>", pre_backup_script="echo same", pre_hook_timeout=17, skip_on_hook_failure=True),
        "b": make_repository("b", post_backup_script="echo same \r\n"),
        "dormant": make_repository("dormant", pre_backup_script="# Stop the web shop\necho off"),
        "blocked": make_repository("blocked", pre_backup_script=old_texts.BLOCKED),
    }
    attach(found["dormant"], "pre-backup", "took its place")
    return found


def test_it_foresees_every_script_and_where_it_runs(client: Client, rows: Any) -> None:
    said = shown(client)

    assert "3 texts of 3 repositories become 2 scripts, 2 of them new." in said
    assert "a &lt;b&gt; and 1 other: around the backup" in said
    assert "17 s, skips the day if it fails" in said
    assert "300 s, also after a failed backup" in said
    assert "Stop the web shop" in said
    assert "does not run, and will be attached switched off" in said
    assert "would change what runs: parameters" in said
    assert not RepositoryScript.objects.exclude(repository=rows["dormant"]).exists()


def test_the_button_moves_them_and_the_other_one_goes_back(client: Client, rows: Any) -> None:
    was = old_texts.before()

    moved = press(client, "move")

    assert "Moved: 3 texts, now 2 scripts of the library. What runs is the same as before." in moved
    assert "1 text could not be moved, and runs as before; see below why." in moved
    assert "3 old texts can count again" in moved
    assert RepositoryScript.objects.filter(enabled=True).count() == 3
    back = press(client, "undo")
    assert "Back as before: 3 texts. 2 scripts that nothing else uses went from the library." in back
    assert old_texts.before() == was


def test_one_repository_can_be_chosen(client: Client, rows: Any) -> None:
    assert "1 text of 1 repository becomes 1 script, 1 of them new." in shown(client, repository=rows["b"].pk)

    press(client, "move", rows["b"].pk)

    assert [entry.repository for entry in RepositoryScript.objects.filter(custom_run_on="always")] == [rows["b"]]
    assert "is in the library already" in shown(client, repository=rows["a"].pk)
    assert client.get(PAGE, {"repository": "999"}).status_code == 404
    assert client.get(PAGE, {"repository": "x"}).status_code == 200


def test_where_somebody_did_something_since_it_says_so(client: Client, rows: Any) -> None:
    press(client, "move", rows["b"].pk)
    script = RepositoryScript.objects.get(repository=rows["b"]).script
    library.update(script, changes={"content": "#!/bin/sh\n"}, base_sha256=script.sha256, source="editor")

    assert "has been changed since" in shown(client)
    assert "1 script stayed; see below why." in press(client, "undo")


def test_where_nothing_is_to_be_done_it_says_so(client: Client, make_repository: Make) -> None:
    make_repository(pre_backup_script=" \n")
    assert "No repository has an old inline text" in shown(client)
    assert client.post(PAGE, {"action": "nonsense"}).status_code == 404


def test_read_only_files_are_said(client: Client, rows: Any, settings: Any) -> None:
    settings.SCRIPTS_READONLY = True
    assert "Nothing was moved. Script files are read-only here" in press(client, "move")


def test_a_stranger_is_asked_to_sign_in(make_repository: Make) -> None:
    make_user()
    assert Client(headers={"Host": "localhost"}).get(PAGE).status_code == 302
    assert Client(headers={"Host": "localhost"}).post(PAGE, {"action": "move"}).status_code == 401


@pytest.mark.parametrize("place", ["/", "/repositories/", "/scripts/"])
def test_other_pages_lead_there_while_a_text_is_not_moved(client: Client, rows: Any, place: str) -> None:
    def says() -> str:
        return str(client.get(place).content.decode())

    assert "4 repositories have old inline texts that are not in the library." in says()
    assert f'href="{PAGE}"' in says()
    press(client, "move")
    assert "1 repository has an old inline text that is not in the library." in says()
    Repository.objects.filter(pk=rows["blocked"].pk).update(pre_backup_script=" ")
    assert "inline text" not in says()


def test_the_page_costs_the_same_for_many(client: Client, make_repository: Make) -> None:
    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            shown(client)
        return len(queries)

    def more(count: int) -> None:
        for _ in range(count):
            name = f"r{Repository.objects.count()}"
            make_repository(name, pre_backup_script=f"echo {name}", post_backup_script="echo same")

    more(1)
    press(client, "move")
    more(1)
    shown(client)
    few = cost()
    more(9)
    press(client, "move", Repository.objects.last().pk)
    press(client, "move", Repository.objects.first().pk)
    assert cost() <= few
    assert Script.objects.count() == 3
