"""Fields that people find easier than what the database holds."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from borgui.templatetags.ui import duration

PLAIN = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false", "class": "mono"}
_PART = re.compile(r"(\d+)\s*(h|min|s)\s*")
_SECONDS = {"h": 3600, "min": 60, "s": 1}


class Lines(forms.CharField):
    """A list of texts, one a line."""

    def __init__(self, *, rows: int = 3, **options: Any) -> None:
        attrs = {**PLAIN, "rows": rows, **options.pop("attrs", {})}
        super().__init__(widget=forms.Textarea(attrs=attrs), strip=False, **options)

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (super().to_python(value) or "").splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value


class Duration(forms.CharField):
    """Seconds, written as `2 h 30 min`; None where nothing is written."""

    def to_python(self, value: Any) -> Any:
        text = (super().to_python(value) or "").strip()
        if not text:
            return None
        if not re.fullmatch(rf"(?:{_PART.pattern})+", text):
            raise ValidationError("Write it like 2 h, 90 min or 45 s.")
        return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(text))

    def prepare_value(self, value: Any) -> Any:
        return duration(value) if isinstance(value, int) else value


def plain(**attrs: Any) -> forms.TextInput:
    """An input for a path, a name of a machine, a pattern: nothing is corrected or completed."""
    return forms.TextInput(attrs={**PLAIN, **attrs})
