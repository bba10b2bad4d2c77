"""Old inline texts as links of a chain (behaviour.md, section 12): the same engine, no second one."""

import hashlib

from .facts import RepositoryFacts
from .models import Hook, RepositoryScript, RunOn, ScriptContent, ScriptRevision

SHELL = "/bin/bash"  # what ran inline texts without a shebang, always
NAMES = {Hook.PRE: "Inline text before the backup", Hook.POST: "Inline text after the backup"}


def is_dormant(facts: RepositoryFacts, hook: str) -> bool:
    """There is a text, and it does not run, because the hook was migrated or has an enabled library script."""
    inline = facts.inline(hook)
    return bool(inline.text.strip()) and not is_in_force(facts, hook)


def is_in_force(facts: RepositoryFacts, hook: str) -> bool:
    """The text is the chain of its hook."""
    inline = facts.inline(hook)
    if not inline.text.strip() or inline.migrated:
        return False
    return not RepositoryScript.objects.filter(repository_id=facts.id or 0, hook_type=hook, enabled=True).exists()


def run_on(hook: str) -> str:
    return RunOn.ALWAYS if hook == Hook.POST else RunOn.SUCCESS


def revision(text: str) -> ScriptRevision:
    """The revision of an inline text; the same text has one, whichever repositories hold it."""
    text = text.replace("\0", "")
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    content, _ = ScriptContent.objects.get_or_create(sha256=sha256, defaults={"content": text})
    found = ScriptRevision.objects.filter(script=None, content=content).first()
    return found or ScriptRevision.objects.create(script=None, content=content, source=ScriptRevision.Source.INLINE)
