"""A select of many choices looks like Django's own, only quicker."""

from html.parser import HTMLParser

from django import forms

from borgui.long_select import LongSelect

CHOICES = [("", "none"), ("a", "A & B"), ("<b>", "<b>"), (3, "three")]


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[object] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, sorted(attrs, key=str)))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.seen.append(data.strip())


def test_it_says_the_same_as_djangos_select_whatever_is_chosen() -> None:
    for chosen in (None, "", "a", "<b>", "3", 3, "no such choice"):
        ours, theirs = (
            widget(choices=CHOICES, attrs={"class": "form-select"}).render("zone", chosen, {"id": "id_zone"})
            for widget in (LongSelect, forms.Select)
        )

        assert Tags(ours).seen == Tags(theirs).seen, chosen
