"""Repositories full of old inline texts, and what really runs around their backups: chains without a borg between."""

import random
from collections.abc import Sequence
from typing import Any

from django.core.management import call_command

from backups.models import Repository
from scripts_library import assignments, library
from scripts_library.models import Script, ScriptExecution
from tests.scripts_library.stage import Stage

BLOCKED = '# /// borgui\n# [[parameters]]\n# name = "HOST"\n# required = true\n# ///\necho "host: ${HOST:-none}"\n'
TOO_LARGE = "#" * (1024 * 1024)  # with its shebang

FIXED = [
    "echo plain $HOOK_TYPE",
    "echo plain $HOOK_TYPE\r\n",  # the same
    "echo plain $HOOK_TYPE  \n\n",  # the same
    "#!/bin/sh\necho ${BASH_VERSION:-no bash}\n",
    "echo ${BASH_VERSION:+bash}; [[ a == a ]] && false | true; echo ${PIPESTATUS[0]}",
    "#!/usr/bin/env python3\nimport os\nprint('python', os.environ['HOOK_TYPE'])\n",
    "#!/usr/bin/env python3\r\nprint('windows python')\r\n",
    "",
    " \n\t\r\n",
    "exit 3",
    "exit 75",
    "kill -9 $$",
    "sleep 1; sleep 1; sleep 1; sleep 1; sleep 1",  # longer than its time limit of a second
    "#!/nonexistent/interpreter\necho never\n",
    "\ufeffecho marked\r\n",
    "cat <<EOF\nhere $REPOSITORY_NAME  \nEOF\n",
    "cat <<EOF\nhere $REPOSITORY_NAME\nEOF\n",  # another one: the blanks count
    "echo \"state: $(cat \"$STATE_DIR/note\" 2>/dev/null)\"; echo kept >> \"$STATE_DIR/note\"",
    "# Stop the web shop\necho shop",
    "echo one\x00 two",
    "echo large # " + "x" * 1_000_000,
    BLOCKED,  # these two stay
    TOO_LARGE,
]  # fmt: skip


def texts(number: int) -> list[str]:
    """`FIXED`, filled up to this many that differ as scripts."""
    distinct = len(FIXED) - 4  # two are the same as another one, two are blank
    return FIXED + [f"echo text number {index}\nexit {index % 3}\n" for index in range(distinct, number)]


def fill(repositories: int, distinct: int, seed: int, make: Any) -> None:
    """`make(name, **fields)`: a repository. Each hook gets a text, settings, and at times scripts of the library."""
    dice, offered = random.Random(seed), texts(distinct)
    scripts = [library_script(number) for number in range(3)]
    for number in range(repositories):
        pre, post = offered[number % len(offered)], offered[dice.randrange(len(offered))]
        row = make(
            f"repository {number:03}",
            pre_backup_script=pre,
            post_backup_script=post,
            pre_hook_timeout=1 if "sleep" in pre else dice.choice((30, 60, 300)),
            post_hook_timeout=1 if "sleep" in post else dice.choice((30, 60, 300)),
            continue_on_hook_failure=dice.random() < 0.3,
            skip_on_hook_failure=dice.random() < 0.3,
        )
        for hook in ("pre-backup", "post-backup"):
            for script in dice.sample(scripts, dice.choice((0, 0, 0, 1, 2))):
                assignments.assign(row.pk, script, hook, enabled=dice.random() < 0.5)


def library_script(number: int) -> Script:
    return library.create(f"library {number}", f"#!/bin/sh\necho library {number}\n", source="editor")


def trace(rows: Sequence[Repository]) -> list[tuple[Any, ...]]:
    """What ran around one backup of each, in order, and how it ended; not how it is called."""
    return [entry for row in rows for entry in trace_of(row)]


def trace_of(row: Repository) -> list[tuple[Any, ...]]:
    stage = Stage(Repository.objects.get(pk=row.pk))
    for note in stage.directory.state.iterdir():
        note.unlink()
    planned = stage.plan()
    verdict = stage.pre(planned)
    outcome = verdict.outcome or "success"
    stage.post(outcome, planned)
    ran = ScriptExecution.objects.filter(pk__in=[one.pk for one in planned]).in_order()
    return [(row.name, verdict.go_on, outcome), *(seen(one) for one in ran)]


def seen(one: ScriptExecution) -> tuple[Any, ...]:
    settings = (one.hook_type, one.timeout, one.run_on if one.hook_type == "post-backup" else "", one.on_failure)
    return (*settings, one.status, one.exit_code, one.signal, one.stdout, bool(one.stderr), one.problem)


def before() -> list[dict[str, Any]]:
    """All that `--undo` has to bring back: marks and texts, assignments in their order, the library."""
    names = ("name", "pre_backup_script", "post_backup_script", "pre_hook_migrated", "post_hook_migrated")
    columns = ("script_id", "hook_type", "execution_order", "enabled", "custom_timeout", "on_failure", "parameters")
    return [
        {name: getattr(row, name) for name in names}
        | {"assigned": list(row.repository_scripts.in_order().values_list(*columns))}
        for row in Repository.objects.order_by("pk")
    ] + [{"library": sorted(Script.objects.kept().values_list("name", "sha256"))}]


def everything() -> list[Repository]:
    return list(Repository.objects.order_by("name"))


def migrate(*arguments: str) -> int:
    """The exit code."""
    try:
        call_command("migrate_inline_scripts", *arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return 0
