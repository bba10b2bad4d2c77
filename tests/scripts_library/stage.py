"""A small stage on which chains really run, in this process: one repository, its scripts, a run directory of their own."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from backups import facts
from backups.models import Repository
from borgui.rundir import RunDirectory
from scripts_library import assignments, chain, library
from scripts_library.environment import HookContext
from scripts_library.models import Hook, RepositoryScript, Script, ScriptExecution, TriggeredBy
from scripts_library.running import Run

PRE, POST = Hook.PRE.value, Hook.POST.value


def block(*lines: str) -> str:
    """The comment by which a script declares itself."""
    return "\n".join(["# /// borgui", *(f"# {line}".rstrip() for line in lines), "# ///"])


REQUIRED = block("[[parameters]]", 'name = "CONTAINERS"', "required = true")
SECRET = block("[[parameters]]", 'name = "TOKEN"', 'type = "secret"')


def make_script(name: str, body: str = "exit 0", *, shebang: str = "#!/bin/sh", **fields: Any) -> Script:
    """A library script; `body` is what comes after the shebang, or a whole text where there is none."""
    text = f"{shebang}\n{body}\n" if shebang else body
    return library.create(name, text, **{"source": "editor", **fields})


def file_of(script: Script) -> Path:
    return settings.LIBRARY_DIR.parent / script.file_path


def edit_outside(script: Script, text: str) -> None:
    """As an editor does it: a new file under the old name."""
    draft = file_of(script).with_suffix(".tmp")
    draft.write_text(text)
    draft.replace(file_of(script))


class Stage:
    """`pre` and `post` run the planned chain with plain writes; nothing but the job around it is missing."""

    def __init__(self, repository: Repository | None = None, **fields: Any) -> None:
        sources = {"path": "/srv/photos", "source_paths": ["/srv/one", "/srv/two"], "encryption": "none"}
        self.repository = repository or Repository.objects.create(**{"name": "photos", **sources, **fields})
        self.directory = RunDirectory(settings.RUN_DIR / "jobs" / "1")
        for folder in (self.directory.path, self.directory.state, self.directory.copies):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.told: list[tuple[str, str]] = []
        self.stop = ""  # what `should_stop` answers
        self.writes: list[dict[str, Any]] = []

    def attach(self, hook: str, name: str, body: str = "exit 0", **fields: Any) -> RepositoryScript:
        """A script and its assignment."""
        of_script = {key: fields.pop(key) for key in ("run_on", "timeout", "shebang") if key in fields}
        script = Script.objects.kept().filter(name=name).first() or make_script(name, body, **of_script)
        return assignments.assign(self.repository.pk, script, hook, **fields)

    def plan(self) -> list[ScriptExecution]:
        rows = chain.plan(facts.of(self.repository), repository_id=self.repository.pk, triggered_by=TriggeredBy.API)
        for row in rows:
            row.save()
        return rows

    def run(self, hook: str, outcome: str = "", **context: Any) -> Run:
        return Run(
            context=HookContext(
                hook_type=hook,
                outcome=outcome,
                moment=timezone.localtime(),
                triggered_by=TriggeredBy.API,
                repository_id=self.repository.pk,
                repository_name=self.repository.name,
                repository_path=self.repository.path,
                source_paths=tuple(self.repository.source_paths),
                **context,
            ),
            directory=self.directory,
            logs=settings.LOGS_DIR / "executions",
            write=self.write,
            should_stop=lambda row: self.stop,
            tell=lambda row, title, text: self.told.append((title, text)),
            claim=1,
            grace=0.3,
        )

    def write(self, row: ScriptExecution, fields: dict[str, Any]) -> None:
        self.writes.append(fields)
        ScriptExecution.objects.filter(pk=row.pk).update(**fields)

    def pre(self, rows: Iterable[ScriptExecution] | None = None, **context: Any) -> chain.PreVerdict:
        planned = self.plan() if rows is None else rows
        return chain.run_pre([row for row in planned if row.hook_type == PRE], self.run(PRE, **context))

    def post(self, outcome: str, rows: Iterable[ScriptExecution] | None = None, **context: Any) -> None:
        planned = self.plan() if rows is None else rows
        chain.run_post([row for row in planned if row.hook_type == POST], self.run(POST, outcome, **context))

    @property
    def rows(self) -> dict[str, ScriptExecution]:
        """What the database says, by script name; the last row of each."""
        return {row.script_name: row for row in ScriptExecution.objects.order_by("pk")}

    @property
    def statuses(self) -> dict[str, str]:
        return {name: row.status for name, row in self.rows.items()}

    def row(self, name: str = "it") -> ScriptExecution:
        return self.rows[name]

    def log(self, name: str = "it") -> str:
        return (settings.LOGS_DIR / "executions" / f"{self.row(name).pk}.log").read_text()
