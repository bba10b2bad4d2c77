"""The scripts of one repository: what runs around its backup, in which order, with which values."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from backups.models import Repository
from scripts_library.models import RepositoryScript, Script, ScriptExecution
from tests.rest import make_user

pytestmark = pytest.mark.django_db

BLOCK = """# /// borgui
# hooks = ["post-backup"]
# run_on = "always"
# interrupts = "${SERVICE}"
#
# [[parameters]]
# name = "SERVICE"
# label = "Service"
# default = "nextcloud"
# required = true
#
# [[parameters]]
# name = "TOKEN"
# type = "secret"
#
# [[parameters]]
# name = "TRIES"
# type = "integer"
# ///
exit 0"""


@pytest.fixture
def photos(make_repository: Callable[..., Repository]) -> Repository:
    return make_repository()


@pytest.fixture
def declared(make_script: Callable[..., Script]) -> Script:
    return make_script("start it", BLOCK)


def text_of(page: Any) -> str:
    body = page.content.decode().partition("<main")[2] or page.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&#x27;", "'").split())


def order(repository: Repository, hook: str) -> list[str]:
    return [entry.script.name for entry in RepositoryScript.objects.chain(repository.pk, hook)]


# --- the lanes --------------------------------------------------------------------------------------------------------
def test_without_scripts_the_page_says_what_that_means(client: Client, photos: Repository) -> None:
    assert "No scripts before the backup. Nothing is stopped." in text_of(
        client.get(f"/repositories/{photos.pk}/scripts/")
    )


def test_the_outcome_dims_what_would_not_run_and_says_why(client: Client, photos: Repository, attach: Any) -> None:
    attach(photos, "post-backup", "tell failure", run_on="failure")
    attach(photos, "post-backup", "start", run_on="always")
    good = client.get(f"/repositories/{photos.pk}/scripts/")
    assert "it runs only after a failed or cancelled backup" in text_of(good)
    assert good.content.decode().count('class="card-head dim"') == 1
    failed = client.get(f"/repositories/{photos.pk}/scripts/?outcome=failure")
    assert failed.content.decode().count('class="card-head dim"') == 0
    assert client.get(f"/repositories/{photos.pk}/scripts/?outcome=nonsense").status_code == 200


def test_it_warns_where_nothing_runs_after_a_failure_and_where_nobody_has_chosen(
    client: Client, photos: Repository, attach: Any
) -> None:
    attach(photos, "post-backup", "start")
    shown = text_of(client.get(f"/repositories/{photos.pk}/scripts/?outcome=failure"))
    assert "After a failed backup no post-backup script runs." in shown
    assert "Nobody has said after which backups it runs." in shown


def test_a_problem_is_shown_at_its_script(client: Client, photos: Repository, attach: Any, settings: Any) -> None:
    entry = attach(photos, "pre-backup", "gone")
    (settings.LIBRARY_DIR.parent / entry.script.file_path).unlink()
    assert "Cannot run:" in text_of(client.get(f"/repositories/{photos.pk}/scripts/"))


def test_inline_texts_are_cards_and_a_dormant_one_says_so(client: Client, make_repository: Any, attach: Any) -> None:
    old = make_repository("old", pre_backup_script="echo <old>", post_backup_script="echo after")
    attach(old, "post-backup", "new", run_on="always")
    page = client.get(f"/repositories/{old.pk}/scripts/")
    shown = text_of(page)
    assert "Inline text before the backup" in shown
    assert "a script of the library has taken its place here" in shown
    assert "echo &lt;old&gt;" in page.content.decode()


def test_scripts_are_moved_by_buttons_with_and_without_htmx(client: Client, photos: Repository, attach: Any) -> None:
    first, second, third = (attach(photos, "pre-backup", name) for name in ("a", "b", "c"))
    answer = client.post(f"/repositories/{photos.pk}/scripts/{third.pk}/move/", {"step": "up", "outcome": "failure"})
    assert order(photos, "pre-backup") == ["a", "c", "b"]
    assert answer["Location"] == f"/repositories/{photos.pk}/scripts/?outcome=failure#assignment-{third.pk}"
    piece = client.post(
        f"/repositories/{photos.pk}/scripts/{first.pk}/move/", {"step": "down"}, headers={"HX-Request": "true"}
    )
    assert order(photos, "pre-backup") == ["c", "a", "b"]
    body = piece.content.decode()
    assert body.lstrip().startswith('<div id="script-lanes">')
    assert f'id="down-{first.pk}"' in body
    for _ in range(5):
        client.post(f"/repositories/{photos.pk}/scripts/{second.pk}/move/", {"step": "down"})
    assert order(photos, "pre-backup")[-1] == "b"


def test_a_script_is_switched_off_and_on_and_removed(client: Client, photos: Repository, attach: Any) -> None:
    entry = attach(photos, "pre-backup", "a")
    base = f"/repositories/{photos.pk}/scripts/{entry.pk}"
    client.post(f"{base}/switch/", {"enabled": "false"})
    assert "it is switched off here" in text_of(client.get(f"/repositories/{photos.pk}/scripts/"))
    client.post(f"{base}/switch/", {"enabled": "true"})
    entry.refresh_from_db()
    assert entry.enabled
    assert "no longer runs around backups" in text_of(client.post(f"{base}/remove/", follow=True))
    assert not RepositoryScript.objects.exists()
    assert Script.objects.kept().count() == 1


def test_an_assignment_of_another_repository_is_not_there(client: Client, make_repository: Any, attach: Any) -> None:
    mine, other = make_repository("mine"), make_repository("other")
    entry = attach(other, "pre-backup", "a")
    for path in ("", "move/", "switch/", "remove/", "run/"):
        assert client.post(f"/repositories/{mine.pk}/scripts/{entry.pk}/{path}").status_code == 404


def test_strangers_change_nothing(photos: Repository, attach: Any) -> None:
    make_user()
    entry = attach(photos, "pre-backup", "a")
    stranger = Client(headers={"Host": "localhost"})
    for path in ("move/", "switch/", "remove/", "run/", ""):
        answer = stranger.post(f"/repositories/{photos.pk}/scripts/{entry.pk}/{path}")
        assert answer.status_code == 401
    assert RepositoryScript.objects.get().enabled


# --- adding and changing ----------------------------------------------------------------------------------------------
def add(client: Client, repository: Repository, script: Script, hook: str, **fields: Any) -> Any:
    return client.post(f"/repositories/{repository.pk}/scripts/add/{hook}/?script={script.pk}", fields)


def test_only_what_fits_and_is_not_there_is_offered(
    client: Client, photos: Repository, attach: Any, make_script: Any, declared: Script
) -> None:
    attach(photos, "pre-backup", "there already")
    make_script("another")
    shown = text_of(client.get(f"/repositories/{photos.pk}/scripts/add/pre-backup/"))
    assert "another" in shown
    assert "there already" not in shown
    assert "start it" not in shown
    assert "start it" in text_of(client.get(f"/repositories/{photos.pk}/scripts/add/post-backup/"))
    assert client.get(f"/repositories/{photos.pk}/scripts/add/sideways/").status_code == 404


def test_a_script_without_a_condition_has_to_be_given_one(client: Client, photos: Repository, make_script: Any) -> None:
    script = make_script("start")
    page = client.get(f"/repositories/{photos.pk}/scripts/add/post-backup/?script={script.pk}").content.decode()
    assert "checked" not in page.partition("<main")[2]
    refused = add(client, photos, script, "post-backup")
    assert refused.status_code == 422
    assert "Choose after which backups it runs" in text_of(refused)
    assert add(client, photos, script, "post-backup", run_on="always").status_code == 302
    assert RepositoryScript.objects.get().custom_run_on == "always"


def test_values_that_are_the_default_are_not_stored_and_secrets_never_come_back(
    client: Client, photos: Repository, declared: Script
) -> None:
    add(client, photos, declared, "post-backup", run_on="", timeout="", **{
        "parameters.SERVICE": "nextcloud", "parameters.TOKEN": "swordfish", "parameters.TRIES": "3",
    })  # fmt: skip
    entry = RepositoryScript.objects.get()
    assert entry.parameters == {"TOKEN": {"secret": "swordfish"}, "TRIES": 3}
    assert (entry.custom_run_on, entry.custom_timeout) == (None, None)
    address = f"/repositories/{photos.pk}/scripts/{entry.pk}/"
    page = client.get(address).content.decode()
    assert "swordfish" not in page
    assert "Set; leave it empty to keep it." in page
    assert 'value="nextcloud"' in page
    fields = {"run_on": "", "enabled": "on", "timeout": "60", "parameters.SERVICE": "mail", "parameters.TOKEN": ""}
    fields |= {"parameters.TRIES": "", "initial-parameters.TRIES": "3"}
    assert client.post(address, fields).status_code == 302
    entry.refresh_from_db()
    assert entry.parameters == {"SERVICE": "mail", "TOKEN": {"secret": "swordfish"}}
    assert entry.custom_timeout == 60
    client.post(address, fields | {"parameters.TOKEN.forget": "on", "enabled": "", "parameters.SERVICE": "nextcloud"})
    entry.refresh_from_db()
    assert entry.parameters == {}
    assert "swordfish" not in client.get(f"/repositories/{photos.pk}/scripts/").content.decode()


def test_what_the_library_refuses_stands_at_its_field_and_nothing_typed_is_lost(
    client: Client, photos: Repository, declared: Script
) -> None:
    fields = {"run_on": "", "parameters.SERVICE": "my own", "parameters.TOKEN": "abc", "parameters.TRIES": "many"}
    refused = add(client, photos, declared, "post-backup", timeout="999999", **fields)
    assert refused.status_code == 422
    refused = add(client, photos, declared, "post-backup", **fields)
    assert refused.status_code == 422
    shown = text_of(refused)
    assert "A whole number is expected" in shown
    assert "A secret has at least 4 characters" in shown
    assert 'value="my own"' in refused.content.decode()
    assert not RepositoryScript.objects.exists()


def test_a_script_that_is_there_already_is_refused_with_words(client: Client, photos: Repository, attach: Any) -> None:
    entry = attach(photos, "pre-backup", "a")
    refused = add(client, photos, entry.script, "pre-backup", on_failure="abort")
    assert refused.status_code == 422
    assert "is assigned to pre-backup of this repository already" in text_of(refused)


def test_the_failure_policy_of_a_script_before_the_backup_is_chosen_in_words(
    client: Client, photos: Repository, make_script: Any
) -> None:
    script = make_script("stop")
    page = text_of(client.get(f"/repositories/{photos.pk}/scripts/add/pre-backup/?script={script.pk}"))
    for words in ("If this script fails", "do not back up, and tell me (recommended)", "skip today, quietly"):
        assert words in page
    add(client, photos, script, "pre-backup", on_failure="skip")
    assert RepositoryScript.objects.get().on_failure == "skip"


# --- the board ---------------------------------------------------------------------------------------------------------
HTMX = {"HX-Request": "true"}


def test_a_dragged_order_is_saved_and_a_stale_one_is_answered_with_the_board(
    client: Client, photos: Repository, attach: Any
) -> None:
    a, b, c = (attach(photos, "pre-backup", name).pk for name in "abc")
    address = f"/repositories/{photos.pk}/scripts/order/"
    fields = {"moved": c, "known": f"{a},{b},{c}"}
    saved = client.post(address, fields | {"order": [c, a, b]}, headers=HTMX)
    assert saved.status_code == 200
    assert "Saved: 'c' is 1 of 3 before the backup." in text_of(saved)
    stale = client.post(address, fields | {"moved": b, "order": [b, a, c]}, headers=HTMX)
    assert stale.status_code == 409
    assert "Somebody else has changed the order" in text_of(stale)
    assert order(photos, "pre-backup") == ["c", "a", "b"]
    assert client.post(address, {"order": "nonsense"}).status_code == 404


def test_a_script_that_was_removed_meanwhile_makes_the_order_a_conflict(
    client: Client, photos: Repository, attach: Any
) -> None:
    a, b = (attach(photos, "pre-backup", name) for name in "ab")
    a_pk = a.pk
    RepositoryScript.objects.filter(pk=a_pk).delete()
    fields = {"step": "up", "known": f"{a_pk},{b.pk}"}
    assert client.post(f"/repositories/{photos.pk}/scripts/{b.pk}/move/", fields).status_code == 409


def test_a_dropped_script_is_added_at_its_place_or_asked_about(
    client: Client, photos: Repository, attach: Any, make_script: Any, declared: Script
) -> None:
    attach(photos, "pre-backup", "a")
    plain = make_script("plain")
    drop = f"/repositories/{photos.pk}/scripts/drop"
    client.post(f"{drop}/pre-backup/", {"script": plain.pk, "at": "0"}, headers=HTMX)
    assert order(photos, "pre-backup") == ["plain", "a"]
    twice = client.post(f"{drop}/pre-backup/", {"script": plain.pk, "at": "0"}, headers=HTMX)
    assert twice.status_code == 409
    asked = client.post(f"{drop}/post-backup/", {"script": plain.pk, "at": "0"}, headers=HTMX)
    assert asked["HX-Redirect"] == f"/repositories/{photos.pk}/scripts/add/post-backup/?script={plain.pk}&at=0"
    assert client.post(f"{drop}/pre-backup/", {"script": declared.pk}, headers=HTMX).status_code == 404
    client.post(f"{drop}/post-backup/", {"script": declared.pk}, headers=HTMX)
    assert order(photos, "post-backup") == ["start it"]


def test_the_picker_offers_what_fits_somewhere_and_reads_no_whole_library(
    client: Client, photos: Repository, make_script: Any, attach: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        make_script(f"script {number:02d}")
    attach(photos, "pre-backup", "script 00")
    shown = text_of(client.get(f"/repositories/{photos.pk}/scripts/"))
    assert "script 00 after" in shown
    assert "script 11" in shown
    assert "script 12" not in shown
    assert "There are more" in shown
    with django_assert_max_num_queries(10):
        found = client.get(f"/repositories/{photos.pk}/scripts/picker/?search=29")
    assert "script 29" in text_of(found)
    assert "script 28" not in text_of(found)


def test_a_setting_is_saved_on_the_card_and_the_whole_board_hears_of_it(
    client: Client, photos: Repository, declared: Script
) -> None:
    add(client, photos, declared, "post-backup", run_on="")
    entry = RepositoryScript.objects.get()
    address = f"/repositories/{photos.pk}/scripts/{entry.pk}/"
    form = client.get(address, headers=HTMX).content.decode()
    known = re.search(r'name="known" value="(\w+)"', form)
    assert known
    fields = {"known": known[1], "run_on": "", "timeout": "60", "parameters.SERVICE": "mail", "outcome": "failure"}
    saved = client.post(address, fields, headers=HTMX)
    assert "Saved at" in text_of(saved)
    assert f'id="card-head-{entry.pk}" hx-swap-oob="true"' in saved.content.decode()
    entry.refresh_from_db()
    assert (entry.custom_timeout, entry.parameters, entry.enabled) == (60, {"SERVICE": "mail"}, True)
    stale = client.post(address, fields | {"timeout": "70"}, headers=HTMX)
    assert (stale.status_code, stale["HX-Retarget"]) == (409, f"#settings-of-{entry.pk}")
    refused = client.post(address, fields | {"timeout": "-1"}, headers=HTMX)
    assert refused.status_code == 422


def test_a_typed_secret_is_stored_and_the_card_shows_the_form_anew(
    client: Client, photos: Repository, declared: Script
) -> None:
    add(client, photos, declared, "post-backup", run_on="")
    entry = RepositoryScript.objects.get()
    fields = {"run_on": "", "parameters.SERVICE": "nextcloud", "parameters.TOKEN": "swordfish"}
    saved = client.post(f"/repositories/{photos.pk}/scripts/{entry.pk}/", fields, headers=HTMX)
    assert saved["HX-Retarget"] == f"#settings-of-{entry.pk}"
    assert "swordfish" not in saved.content.decode()
    assert "Set; leave it empty to keep it." in text_of(saved)


def test_on_the_page_what_was_typed_survives_a_conflict_and_wins_when_it_is_sent_again(
    client: Client, photos: Repository, attach: Any
) -> None:
    entry = attach(photos, "pre-backup", "a")
    address = f"/repositories/{photos.pk}/scripts/{entry.pk}/"
    fields = {"known": "of another time", "on_failure": "skip", "timeout": "44", "enabled": "on"}
    refused = client.post(address, fields)
    assert refused.status_code == 422
    assert "Save again to put yours in their place." in text_of(refused)
    assert 'value="44"' in refused.content.decode()
    assert client.post(address, fields | {"known": ""}).status_code == 302
    entry.refresh_from_db()
    assert entry.custom_timeout == 44


def test_a_script_runs_alone_with_the_values_of_the_repository(
    client: Client, photos: Repository, declared: Script
) -> None:
    add(client, photos, declared, "post-backup", run_on="", timeout="33", **{"parameters.SERVICE": "mail"})
    entry = RepositoryScript.objects.get()
    answer = client.post(f"/repositories/{photos.pk}/scripts/{entry.pk}/run/", {"outcome": "failure"})
    row = ScriptExecution.objects.get()
    assert answer["Location"] == f"/executions/{row.pk}/"
    assert (row.triggered_by, row.timeout, row.parameters["SERVICE"]) == ("test", 33, "mail")
    assert row.circumstances["backup_status"] == "failure"


def test_copying_says_what_it_does_to_old_texts_and_secrets(
    client: Client, photos: Repository, declared: Script, make_repository: Any
) -> None:
    music = make_repository("music", post_backup_script="echo old")
    add(client, photos, declared, "post-backup", run_on="", **{"parameters.TOKEN": "swordfish"})
    address = f"/repositories/{photos.pk}/scripts/copy/"
    shown = text_of(client.get(address))
    assert "music (its old inline text after the backup no longer runs then)" in shown
    assert "Copy the secrets too (start it: TOKEN)" in shown
    assert client.post(address, {}).status_code == 422
    told = text_of(client.post(address, {"repositories": [music.pk], "secrets": "on"}, follow=True))
    assert "Copied to 'music': start it." in told
    assert RepositoryScript.objects.get(repository=music).parameters == {"TOKEN": {"secret": "swordfish"}}
    assert client.post(address, {"repositories": [photos.pk]}).status_code == 422
