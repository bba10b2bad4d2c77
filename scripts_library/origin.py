"""From which template a script was made, as its row keeps it: the template, its version, and the exact text of it."""

from dataclasses import dataclass
from typing import Any

from .models import Script, ScriptContent
from .store import digest


@dataclass(frozen=True)
class Origin:
    """`name`: the file of a shipped template; `script_id`: the script that somebody offers as one."""

    content: str
    name: str = ""
    version: str = ""
    script_id: int | None = None


def columns(origin: Origin | None) -> dict[str, Any]:
    """What the row of a script says about it; nothing where there is none. Inside the transaction that saves the row."""
    if origin is None:
        return {}
    kept, _ = ScriptContent.objects.get_or_create(sha256=digest(origin.content), defaults={"content": origin.content})
    return {
        "category": Script.Category.TEMPLATE.value,
        "template_name": origin.name,
        "template_version": origin.version or None,
        "template_script_id": origin.script_id,
        "template_content_id": kept.pk,
        "template_ignored": "",
    }
