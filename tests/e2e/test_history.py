"""What became of a script: outside edits, versions compared and brought back, and two people at the same text."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from borgui.accounts.models import User
from scripts_library import library
from scripts_library.models import Script

LINES = [f'echo "step {number} of the dump"' for number in range(1, 31)]
DUMP = "\n".join(["#!/bin/sh", "set -eu", *LINES, ""])


def text_of(script: Script) -> str:
    return library.store().path(Script.objects.get(pk=script.pk).file_path).read_text()


def edit_outside(script: Script, text: str) -> None:
    library.store().path(script.file_path).write_text(text)


def test_an_outside_edit_is_seen_compared_and_taken_back_without_javascript(without_javascript: Page) -> None:
    page = without_javascript
    script = library.create("Dump", DUMP, source="editor")
    edit_outside(script, DUMP.replace("step 15 of", "step fifteen of"))
    page.goto(f"/scripts/{script.pk}/")
    expect(page.locator("#script-drift")).to_contain_text("This file was changed outside this page")
    page.get_by_text("Show what changed").click()
    expect(page.locator("#script-drift del")).to_have_text("15")
    expect(page.locator("#script-drift ins")).to_have_text("fifteen")
    page.locator("#script-drift .stayed summary").first.click()
    expect(page.locator("#script-drift .stayed").first).to_contain_text("set -eu")

    page.get_by_role("button", name="Go back to the last version").click()
    expect(page.locator("#messages")).to_have_text("The last version is back.")
    assert text_of(script) == DUMP

    library.store().path(script.file_path).unlink()
    page.goto("/scripts/?state=missing")
    page.get_by_role("link", name="Dump").click()
    page.get_by_role("button", name="Restore the last version").click()
    assert text_of(script) == DUMP


def test_any_two_versions_are_compared_and_one_is_brought_back(
    page: Page, signed_in: User, look: Callable[[Page, str], None], axe: Callable[[Page], None]
) -> None:
    script = library.create("Dump", DUMP, source="editor", user=signed_in)
    for old, new in (
        ("step 3 ", "step three "),
        ("set -eu\n", "set -euo pipefail\numask 077\n"),
        (LINES[19] + "\n", ""),
    ):
        text = text_of(script).replace(old, new)
        library.update(script, changes={"content": text}, base_sha256=script.sha256, source="editor", user=signed_in)
    page.goto(f"/scripts/{script.pk}/")
    page.get_by_role("link", name="What changed between them").click()
    expect(page.get_by_role("row")).to_have_count(5)
    look(page, "script-versions")
    axe(page)

    page.get_by_role("row").last.get_by_role("radio", name="from").check()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".difference ins").first).to_have_text("euo pipefail")
    look(page, "script-difference")
    axe(page)

    page.get_by_role("button", name="Make this the current version").click()
    expect(page.locator("#messages")).to_contain_text("The older version is the script now.")
    assert text_of(script) == DUMP


def test_of_two_people_the_second_merges_both_and_can_undo_it(
    page: Page, open_page: Callable[..., Page], axe: Callable[[Page], None]
) -> None:
    script = library.create("Dump", DUMP, source="editor")
    ben = open_page(User.objects.create_superuser(username="ben", password="long enough"))
    for one in (page, ben):
        one.goto(f"/scripts/{script.pk}/")
        one.locator(".cm-content").click()
    type_at(ben, "Control+End", "echo of ben\n")
    type_at(ben, "Control+Home", "\n", before="End", after="# ben was here")
    ben.keyboard.press("Control+s")
    expect(ben.locator("#messages")).to_have_text("Saved.")

    type_at(page, "Control+Home", "\n", before="End", after="# I was here")
    page.keyboard.press("Control+s")
    page.get_by_role("button", name="Merge both in the editor").click()
    expect(page.locator("#script-state")).to_contain_text("1 place is left to decide")
    expect(page.locator(".cm-content")).to_contain_text("<<<<<<< yours")
    axe(page)
    page.evaluate("document.querySelectorAll('[style=\"\"]').forEach((one) => one.removeAttribute('style'))")  # axe's
    page.get_by_role("button", name="Save the merged text").click()
    expect(page.locator("#content-error")).to_contain_text("Two versions still stand between marks, from line 2")

    for marks in ("<<<<<<< yours", "=======", ">>>>>>> saved"):
        page.locator(".cm-line", has_text=marks).click()
        page.keyboard.press("Control+Shift+k")
    page.keyboard.press("Control+s")
    expect(page.locator("#messages")).to_have_text("Saved.")
    saved = text_of(script)
    assert saved.startswith("#!/bin/sh\n# I was here\n# ben was here\nset -eu\n")
    assert saved.endswith("echo of ben\n")

    page.locator(".cm-content").focus()
    for _ in range(10):
        page.keyboard.press("Control+z")
    expect(page.locator(".cm-content")).not_to_contain_text("ben was here")


def type_at(page: Page, place: str, text: str, *, before: str = "", after: str = "") -> None:
    page.keyboard.press(place)
    if before:
        page.keyboard.press(before)
    page.keyboard.type(text + after)


def test_a_conflict_is_merged_without_javascript(without_javascript: Page) -> None:
    page = without_javascript
    script = library.create("Dump", DUMP, source="editor")
    page.goto(f"/scripts/{script.pk}/")
    page.get_by_label("Text", exact=True).fill(DUMP.replace("set -eu", "set -e"))
    edit_outside(script, DUMP + "echo outside\n")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Merge both in the editor").click()
    expect(page.get_by_text("they do not touch each other")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#messages")).to_have_text("Saved.")
    assert text_of(script) == DUMP.replace("set -eu", "set -e") + "echo outside\n"


def test_the_list_is_narrowed_sorted_and_says_how_the_library_is_used(
    page: Page, look: Callable[[Page, str], None], axe: Callable[[Page], None]
) -> None:
    changed = library.create("Dump", DUMP, source="editor")
    gone = library.create("Stop", "#!/bin/sh\necho stop\n", source="editor")
    library.create("Ping", "#!/bin/sh\necho ping\n", source="editor")
    edit_outside(changed, DUMP + "echo more\n")
    library.look(changed)
    library.store().path(gone.file_path).unlink()
    page.goto("/scripts/")
    look(page, "scripts-shelf")
    axe(page)

    page.get_by_label("State").select_option("changed")
    expect(page.get_by_role("link", name="Stop")).to_have_count(0)
    expect(page.get_by_role("link", name="Dump")).to_be_visible()
    page.get_by_label("State").select_option("")
    page.get_by_label("Order").select_option("changed")
    expect(page.locator("tbody th a").first).to_have_text("Dump")
