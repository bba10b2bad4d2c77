"""Choices as HTML. Written here, not in a template: a select may offer hundreds of repositories."""

from collections.abc import Iterable

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag
def options(choices: Iterable[tuple[int, str]], selected: int | None = None) -> SafeString:
    """{% options names chosen %}: an option for each number and name, escaped."""
    drawn = (
        f'<option value="{number}"{" selected" if number == selected else ""}>{escape(name)}</option>'
        for number, name in choices
    )
    return mark_safe("".join(drawn))
