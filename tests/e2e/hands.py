"""The ways in which people hold a page: a mouse, a keyboard alone, a finger, and a browser without JavaScript."""

from playwright.sync_api import Locator, Page, expect

STEPS = 150  # presses of Tab within which everything on a page can be reached
FOCUS = """async (wanted) => {
  const focused = document.activeElement, editor = focused.closest(".cm-editor");
  const isSeen = () => {
    const style = getComputedStyle(editor ?? focused);
    return style.outlineStyle !== "none" || style.boxShadow !== "none" || focused === document.body;
  };
  for (let frame = 0; frame < 30 && !isSeen(); frame++) await new Promise(requestAnimationFrame);
  return {there: focused === wanted, inEditor: editor !== null, unseen: isSeen() ? "" : focused.outerHTML};
}"""  # an editor shows its focus a moment later
FIRST_STEPS = 8  # of a drag, before it goes to its place


class Mouse:
    """Also what the others have in common."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        target.click()

    def write(self, target: Locator, text: str) -> None:
        target.fill(text)

    def write_script(self, text: str) -> None:
        self.press(self.page.locator(".cm-content"))
        self.replace(text)

    def replace(self, text: str) -> None:
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def first_of_lane(self, card: Locator, first: Locator) -> None:
        """Bring a script before the first one."""
        grip = card.locator(".grip")
        grip.scroll_into_view_if_needed()
        x, y = middle(grip)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + 2, y + FIRST_STEPS, steps=4)
        self.page.mouse.move(*top(first), steps=12)
        self.page.mouse.up()


class Finger(Mouse):
    def press(self, target: Locator) -> None:
        target.tap()

    def first_of_lane(self, card: Locator, first: Locator) -> None:
        grip = card.locator(".grip")
        grip.scroll_into_view_if_needed()
        drag_by_touch(self.page, middle(grip), top(first))


class Keyboard(Mouse):
    def reach(self, target: Locator, key: str = "Tab") -> None:
        """Press `key` until `target` has the focus. Whatever has it on the way shows that, and lets it go on."""
        expect(target).to_be_visible()
        for _ in range(STEPS):
            focus = target.evaluate(FOCUS)
            assert not focus["unseen"], f"no focus is seen on {focus['unseen']}"
            if focus["there"]:
                return
            if focus["inEditor"]:
                self.page.keyboard.press("Escape")
            self.page.keyboard.press(key)
        raise AssertionError(f"{target} cannot be reached by keyboard on {self.page.url}")

    def press(self, target: Locator) -> None:
        self.reach(target)
        self.page.keyboard.press("Enter")

    def write(self, target: Locator, text: str) -> None:
        self.reach(target)
        self.page.keyboard.type(text)

    def write_script(self, text: str) -> None:
        self.reach(self.page.locator(".cm-content"))
        self.replace(text)

    def first_of_lane(self, card: Locator, first: Locator) -> None:
        its_id = card.get_by_role("button", name="up").get_attribute("id")
        button = self.page.locator(f"#{its_id}")  # the same one, wherever its card is afterwards
        self.press(button)
        expect(button).to_be_focused()


class Plain(Mouse):
    """Without JavaScript."""

    def write_script(self, text: str) -> None:
        self.page.get_by_label("Text", exact=True).fill(text)

    def first_of_lane(self, card: Locator, first: Locator) -> None:
        card.get_by_role("button", name="up").click()


def middle(place: Locator) -> tuple[float, float]:
    box = place.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def top(place: Locator) -> tuple[float, float]:
    box = place.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + 12


def drag_by_touch(page: Page, start: tuple[float, float], to: tuple[float, float]) -> None:
    """A finger, as the browser itself tells of it."""
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *at: float) -> None:
        points = [{"x": at[0], "y": at[1]}] if at else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", *start)
    for step in range(1, 13):
        touch("touchMove", *(begin + (end - begin) * step / 12 for begin, end in zip(start, to, strict=True)))
    touch("touchEnd")
