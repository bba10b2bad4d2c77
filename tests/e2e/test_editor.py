"""The page of a script in a browser: what is found in the text, and the form of its block, which follow each other."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from scripts_library import assignments, library
from scripts_library.manifest import parse
from scripts_library.models import Script

from .test_scripts import run

STOP = """\
#!/usr/bin/env bash
# /// borgui
# name = "Containers: stop"
# description = "Stops containers before the backup."
# hooks = ["pre-backup"]
# timeout = 120            # seconds
# interrupts = "${CONTAINERS}"
#
# # as docker knows them
# [[parameters]]
# name = "CONTAINERS"
# label = "Containers"
# default = "web db"
#
# [[parameters]]
# name = "WAIT"
# type = "integer"
# ///
set -euo pipefail

for name in $CONTAINERS; do
    docker stop $name >/dev/null
done
sleep "${WAIT}"
curl --header "Authorization: ${API_TOKEN}" "${PING_URL}"
"""


def make(name: str = "Stop", content: str = STOP) -> Script:
    return library.create(name, content, source="editor")


def saved(script: Script) -> str:
    revision = library.current_revision(Script.objects.get(pk=script.pk))
    assert revision
    return revision.text


def editor(page: Page) -> str:
    """The whole text, also what is not drawn."""
    return page.locator("textarea[data-editor]").input_value()


def shows(page: Page, text: str) -> None:
    expect(page.locator("textarea[data-editor]")).to_have_value(text)


def test_what_is_wrong_is_marked_in_the_gutter_and_listed_with_a_link_to_the_rule(page: Page) -> None:
    page.goto(f"/scripts/{make().pk}/")
    found = page.get_by_role("list", name="What was found")
    expect(found.locator("li", has_text="SC2086")).to_contain_text("Line 22")
    expect(found.get_by_role("link", name="SC2086")).to_have_attribute("href", "https://www.shellcheck.net/wiki/SC2086")
    expect(page.locator(".cm-lint-marker-info")).to_have_count(1)

    found.get_by_role("link", name="Line 22").click()
    expect(page.locator(".cm-content")).to_be_focused()
    expect(page.locator(".cm-activeLine")).to_contain_text("docker stop")
    page.keyboard.press("Control+Home")
    page.keyboard.press("ArrowDown")
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    page.keyboard.type("# timeout = 5s\n")
    expect(found.locator("li", has_text="not valid TOML")).to_contain_text("Line 6")
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    expect(page.locator("#script-block")).to_contain_text("Put it right there")

    page.locator(".cm-content").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("#!/usr/bin/env python3\nprint(")
    expect(page.locator("[data-interpreter]")).to_have_text("/usr/bin/env python3")
    expect(found).to_contain_text("'(' was never closed")


def test_the_form_changes_the_block_and_the_block_the_form(page: Page) -> None:
    script = make()
    page.goto(f"/scripts/{script.pk}/")
    block = page.get_by_role("region", name="What the script says about itself")
    expect(block.locator("#block-in-words")).to_have_text("People read: web db is down.")

    block.get_by_label("Seconds it may take").fill("90")
    shows(page, STOP.replace("120", "90"))
    expect(block.get_by_label("Seconds it may take")).to_be_focused()
    block.get_by_label("after the backup").check()
    block.get_by_label("After which backups").select_option("always")
    hooks = 'hooks = ["pre-backup", "post-backup"]\n# run_on = "always"'
    shows(page, STOP.replace("120", "90").replace('hooks = ["pre-backup"]', hooks))
    expect(page.locator(".unsaved")).to_have_text("Unsaved changes")

    block.get_by_label("Seconds it may take").fill("soon")
    expect(block).to_contain_text("Not in the text yet")
    expect(block).to_contain_text("Whole seconds from 1 to 86400 are expected.")
    assert "soon" not in editor(page)
    block.get_by_label("Seconds it may take").fill("60")
    expect(block).not_to_contain_text("Not in the text yet")

    page.locator(".cm-line", has_text="description =").click()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type(" Quietly.")
    expect(block.get_by_label("What it does")).to_have_value("Stops containers before the backup. Quietly.")
    page.keyboard.press("Control+s")
    expect(page.locator("#messages")).to_have_text("Saved.")
    declared = parse(saved(script))
    assert (declared.timeout, declared.run_on, declared.hooks) == (60, "always", ("pre-backup", "post-backup"))
    assert "# timeout = 60            # seconds\n" in saved(script)


def test_parameters_are_declared_by_one_click_and_ordered_with_the_keyboard(page: Page) -> None:
    page.goto(f"/scripts/{make().pk}/")
    block = page.get_by_role("region", name="What the script says about itself")
    block.get_by_role("button", name="Declare API_TOKEN as a secret").click()
    expect(page.locator("#id_parameter-2-name")).to_be_focused()
    expect(page.locator("#id_parameter-2-name")).to_have_value("API_TOKEN")
    assert parse(editor(page)).parameters[2].is_secret
    expect(block.get_by_role("button", name="Declare API_TOKEN")).to_have_count(0)

    block.get_by_role("button", name="Move API_TOKEN up").press("Enter")
    expect(block.get_by_role("button", name="Move API_TOKEN up")).to_be_focused()
    page.keyboard.press("Enter")
    expect(block.locator("summary .mono")).to_have_text(["API_TOKEN", "CONTAINERS", "WAIT"])
    expect(block.get_by_role("button", name="Move API_TOKEN down")).to_be_focused()

    block.locator("summary", has_text="WAIT").click()
    block.get_by_role("button", name="Remove WAIT").click()
    expect(block.locator("summary .mono")).to_have_text(["API_TOKEN", "CONTAINERS"])
    expect(block.get_by_role("button", name="Declare WAIT")).to_be_visible()
    block.get_by_role("button", name="Add a parameter").click()
    page.locator("#id_parameter-2-name").fill("MODE")
    block.locator("#id_parameter-2-type").select_option("choice")
    block.locator("#id_parameter-2-choices").fill("soft\nhard")
    expect(block.locator("#parameter-2-summary")).to_have_text("MODE choice")
    names = [(entry.name, entry.choices) for entry in parse(editor(page)).parameters]
    assert names == [("API_TOKEN", ()), ("CONTAINERS", ()), ("MODE", ("soft", "hard"))]
    assert '# # as docker knows them\n# [[parameters]]\n# name = "CONTAINERS"' in editor(page)


def test_the_block_is_read_written_and_checked_without_javascript(without_javascript: Page) -> None:
    page = without_javascript
    script = make()
    page.goto(f"/scripts/{script.pk}/")
    page.get_by_label("Seconds it may take").fill("30")
    page.get_by_role("button", name="Write the block").click()
    assert "# timeout = 30 " in editor(page)
    page.get_by_role("button", name="Declare API_TOKEN as a secret").click()
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("list", name="What was found")).to_contain_text("Line 26")
    page.get_by_label("Text", exact=True).fill(editor(page).replace("# timeout = 30 ", "# timeout = 40 "))
    page.get_by_role("button", name="Read the block").click()
    expect(page.get_by_label("Seconds it may take")).to_have_value("40")
    assert saved(script) == STOP
    page.get_by_role("button", name="Save", exact=True).click()
    assert parse(saved(script)).timeout == 40
    assert parse(saved(script)).parameters[2].name == "API_TOKEN"


def test_how_the_page_of_a_script_looks(
    page: Page,
    make_repository: Callable[..., object],
    look: Callable[[Page, str], None],
    axe: Callable[[Page], None],
) -> None:
    script, repository = make(), make_repository("nextcloud")
    assignments.assign(repository.pk, script, "pre-backup")  # type: ignore[attr-defined]
    for status in ("succeeded", "succeeded", "failed"):
        run(script, repository, status)
    page.goto(f"/scripts/{script.pk}/")
    expect(page.locator("#script-lint")).to_contain_text("SC2086")
    page.locator("summary", has_text="CONTAINERS").click()
    look(page, "script-editor")
    axe(page)


def test_the_form_where_something_does_not_fit(
    page: Page, look: Callable[[Page, str], None], axe: Callable[[Page], None]
) -> None:
    page.goto("/scripts/new/")
    block = page.get_by_role("region", name="What the script says about itself")
    block.get_by_role("button", name="Add a parameter").click()
    page.locator("#id_parameter-0-name").fill("PATH")
    expect(block).to_contain_text("The name PATH is reserved.")
    expect(page.locator("#id_parameter-0-name")).to_be_focused()
    look(page, "script-new")
    axe(page)
    assert parse(editor(page)).parameters[0].name == "VALUE_1"
