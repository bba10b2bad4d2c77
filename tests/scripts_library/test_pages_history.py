"""The versions of a script: who made them, what differs, which runs they had, and two people's changes in one text."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from scripts_library import library
from scripts_library.merging import BEGIN, END, MIDDLE
from scripts_library.models import Script, ScriptRevision

from .conftest import TEXT
from .test_pages_scripts import form_data, page, run, save, settle, text_of

pytestmark = pytest.mark.django_db


def version(script: Script, text: str) -> ScriptRevision:
    """The newest revision, made from a page with this text."""
    library.update(script, changes={"content": text}, base_sha256=script.sha256, source="editor")
    return script.revisions.select_related("content").order_by("-id")[0]


def compared(client: Client, old: ScriptRevision, new: ScriptRevision) -> str:
    return page(client, f"/scripts/{old.script_id}/versions/difference/", old=str(old.pk), new=str(new.pk))


# --- the list ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["versions/", "versions/difference/", "merge/"])
def test_who_is_not_signed_in_is_asked_to(path: str, client: Client) -> None:
    stranger = Client(headers={"Host": "localhost"})

    response = stranger.post(f"/scripts/1/{path}") if path == "merge/" else stranger.get(f"/scripts/1/{path}")

    assert response.status_code == (401 if path == "merge/" else 302)


def test_every_version_says_who_made_it_from_where_and_what_ran(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script()
    first = script.revisions.get()
    for status in ("succeeded", "failed", "not_run"):
        run(script, status, revision=first)
    save(client, script, content="#!/bin/sh\necho two\n")
    library.store().path(script.file_path).write_text("#!/bin/sh\necho three\n")

    html = page(client, f"/scripts/{script.pk}/versions/")

    assert "3 versions · Stop" in html
    assert html.index("a change of the file") < html.index("anna, the editor")
    assert "2 times" in html
    assert "This file was changed outside this page." in html


def test_the_versions_cost_as_many_queries_as_one_and_come_in_pages(
    client: Client, make_script: Callable[..., Script]
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            page(client, f"/scripts/{script.pk}/versions/")
        return len(queries)

    script = make_script()
    run(script, "succeeded", revision=script.revisions.get())
    settle(script)
    with_one = cost()
    for number in range(50):
        run(script, "succeeded", revision=version(script, f"echo {number}\n"))
    settle(script)

    assert cost() == with_one
    assert "1 to 50 of 51" in page(client, f"/scripts/{script.pk}/versions/")


# --- two of them ------------------------------------------------------------------------------------------------------
def test_any_two_versions_are_compared_from_the_older_to_the_newer(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script()
    first = script.revisions.get()
    version(script, "#!/bin/sh\necho between\n")
    last = version(script, "#!/bin/sh\necho one more\n")

    for html in (compared(client, first, last), compared(client, last, first)):
        assert "0 went, 0 came" not in html
        assert "echo one<ins> more</ins>" in html
        assert html.index("From <a") < html.index("To <a")
    assert "Both have the same text." in compared(client, first, first)


def test_a_text_that_is_markup_is_shown_as_text(client: Client, make_script: Callable[..., Script]) -> None:
    script = make_script()

    html = compared(client, script.revisions.get(), version(script, "<script>alert(1)</script>\n"))

    assert "<script>alert" not in html


def test_ten_thousand_lines_are_compared_and_the_page_stays_small(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script(content="".join(f"echo {number}\n" for number in range(10_000)))
    first = script.revisions.get()

    html = compared(client, first, version(script, "".join(f"echo {number} done\n" for number in range(10_000))))

    assert "8000 more differ" in html
    assert len(html) < 1_000_000


@pytest.mark.parametrize("query", [{}, {"old": "1"}, {"old": "x", "new": "9" * 30}, {"old": "²", "new": "1"}])
def test_what_names_no_two_versions_is_not_found(
    client: Client, make_script: Callable[..., Script], query: dict[str, str]
) -> None:
    assert client.get(f"/scripts/{make_script().pk}/versions/difference/", query).status_code == 404


def test_a_version_of_another_script_is_not_compared(client: Client, make_script: Callable[..., Script]) -> None:
    mine, other = make_script("Mine"), make_script("Other")
    query = {"old": mine.revisions.get().pk, "new": other.revisions.get().pk}

    assert client.get(f"/scripts/{mine.pk}/versions/difference/", query).status_code == 404


def test_a_version_says_which_runs_it_had_and_what_it_changed(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script()
    first = script.revisions.get()
    second = version(script, "#!/bin/sh\necho two\n")
    of_first, of_second = run(script, "failed", revision=first), run(script, "succeeded", revision=second)

    html = page(client, f"/scripts/{script.pk}/versions/{second.sha256}/")

    assert f"/executions/{of_second.pk}/" in html
    assert f"/executions/{of_first.pk}/" not in html
    assert f"?old={first.pk}&amp;new={second.pk}" in html


# --- two people -------------------------------------------------------------------------------------------------------
LONG = TEXT + "".join(f"echo {number}\n" for number in range(2, 9))


def test_changes_in_different_places_are_merged_and_saved_over_the_version_that_was_seen(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script(content=LONG)
    mine = form_data(script, content=LONG.replace("echo one", "echo mine"), description="my words")
    save(client, script, content=LONG.replace("echo 8", "echo theirs"))

    conflict = client.post(f"/scripts/{script.pk}/", mine)
    merged = client.post(f"/scripts/{script.pk}/merge/", mine)
    form = merged.context["form"]
    saved = client.post(
        f"/scripts/{script.pk}/", {**mine, "content": form["content"].value(), "sha256": form["sha256"].value()}
    )

    assert (conflict.status_code, merged.status_code, saved.status_code) == (409, 200, 302)
    assert "they do not touch each other" in merged.content.decode()
    assert text_of(script) == LONG.replace("echo one", "echo mine").replace("echo 8", "echo theirs")
    assert Script.objects.get().description == "my words"


def test_what_both_changed_is_not_saved_before_a_person_has_decided(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script()
    mine = form_data(script, content="#!/bin/sh\necho mine\n")
    save(client, script, content="#!/bin/sh\necho theirs\n")

    merged = client.post(f"/scripts/{script.pk}/merge/", mine)
    form = merged.context["form"]
    both = {**mine, "content": form["content"].value(), "sha256": form["sha256"].value()}
    undecided = client.post(f"/scripts/{script.pk}/", both)
    decided = client.post(f"/scripts/{script.pk}/", {**both, "content": "#!/bin/sh\necho ours\n"})

    assert form["content"].value() == f"#!/bin/sh\n{BEGIN}\necho mine\n{MIDDLE}\necho theirs\n{END}\n"
    assert "1 place is left to decide" in merged.content.decode()
    assert undecided.status_code == 422
    assert "Two versions still stand between marks, from line 2" in undecided.content.decode()
    assert decided.status_code == 302
    assert text_of(script) == "#!/bin/sh\necho ours\n"


def test_where_it_is_not_known_what_was_edited_nothing_is_merged(
    client: Client, make_script: Callable[..., Script]
) -> None:
    script = make_script()
    mine = form_data(script, content="#!/bin/sh\necho mine\n", sha256="0" * 64)

    assert "Merge both" not in client.post(f"/scripts/{script.pk}/", mine).content.decode()
    assert client.post(f"/scripts/{script.pk}/merge/", mine).context["form"]["content"].value() == mine["content"]
