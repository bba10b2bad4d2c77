"""The documentation is true: its examples run, its tables say what the code does, its links lead somewhere."""

import os
import re
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.management import call_command

from backups.exits import Exit
from borgui import process
from borgui.commands import USAGE
from scripts_library import chain, manifest, parameters, reserved
from scripts_library.models import ExecutionStatus, OnFailure, Outcome, RunOn, ScriptExecution

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "bench" / "README.md",
]


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", read(page), re.MULTILINE | re.DOTALL)


def table(page: str, first: str) -> list[list[str]]:
    """The rows below the head of the table whose head begins with `first`; code marks taken off."""
    lines = iter(read(page).splitlines())
    assert any(line.startswith(f"| {first} |") for line in lines), f"{page} has no table '{first}'"
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
    return rows


# --- examples ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def terminal(tmp_path: Path) -> Iterator["Terminal"]:
    terminal = Terminal(tmp_path)
    try:
        terminal.start_product()
        yield terminal
    finally:
        terminal.close()


class Terminal:
    """A folder that looks like the program's, a home of its own, and the product running."""

    def __init__(self, folder: Path) -> None:
        self.program, self.home, self.token = folder / "program", folder / "home", uuid4().hex
        for place in (self.program, self.home):
            place.mkdir()
        (self.program / ".venv").symlink_to(sys.prefix)
        (self.program / "manage.py").symlink_to(ROOT / "manage.py")
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = str(server.getsockname()[1])
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG", "TZ", "BORGUI_BORG") if name in os.environ},
            "HOME": str(self.home),
            "BORGUI_DATA_DIR": str(self.program / "data"),
            "BORGUI_PORT": self.port,
            "BORGUI_MIN_FREE": "0",
            process.TOKEN_VARIABLE: self.token,
        }

    def start_product(self) -> None:
        self.log = self.home.parent / "product.log"
        self.product = process.spawn([str(ROOT / "bin" / "start")], env=self.environment, log=self.log)
        deadline = time.monotonic() + 120
        while not self.is_healthy():
            assert self.product.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/", timeout=60) as answer:
                return answer.status == 200
        except OSError:
            return False

    def type(self, text: str) -> str:
        """Everything in one bash, which stops at the first line that fails; what it printed."""
        script, printed = self.home.parent / "typed.sh", self.home.parent / "printed"
        script.write_text("set -euo pipefail\n" + text.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}"))
        child = process.spawn(["bash", str(script)], env=self.environment, cwd=self.program, log=printed)
        assert child.wait(timeout=300) == 0, printed.read_text()
        return printed.read_text()

    def close(self) -> None:
        if self.product.poll() is None:
            self.product.send_signal(signal.SIGTERM)
        process.end(lambda: process.carriers(self.token), grace=30)
        self.product.wait(timeout=60)


@pytest.mark.borg
def test_the_examples_of_the_first_backup_of_retention_and_of_restoring_can_be_typed_as_they_stand(
    terminal: Terminal,
) -> None:
    pages = ("docs/first-backup.md", "docs/retention.md", "docs/restoring.md")

    printed = terminal.type("\n".join(block for page in pages for block in blocks(page, "sh")))

    assert printed.count("notes: success") == 2
    assert "exit code 2" in printed
    assert "Would delete none of " in printed
    assert (terminal.home / "service").read_text() == "running\n"
    for restored in ("restored", "restored-by-borg"):
        notes = terminal.home / restored / str(terminal.home / "notes").lstrip("/")
        assert (notes / "list.txt").read_text() == "buy milk\n"


def test_the_block_of_the_example_script_is_valid_and_has_every_key_of_the_table() -> None:
    [script] = blocks("docs/hooks.md", "bash")

    found = manifest.parse(script)

    assert (found.errors, found.warnings) == ((), ())
    assert (found.run_on, found.timeout, found.interrupts) == ("always", 120, "${CONTAINERS}")
    named = {name.strip() for row in table("docs/hooks.md", "key") for name in row[0].split(",")}
    assert named | {"parameters"} == set(manifest.Manifest().to_dict()) - {"errors", "warnings"}


@pytest.mark.borg
@pytest.mark.parametrize(
    "command",
    [
        "chain --scripts 2 --rounds 1",
        "library --files 3 --rounds 1",
        "overhead --files 3 --size 1K --rounds 1",
        "pump --bytes 1M --rounds 1",
    ],
)
def test_each_benchmark_measures_something_and_leaves_nothing_behind(command: str, tmp_path: Path) -> None:
    name, *options = command.split()
    environment, printed = {**os.environ, "TMPDIR": str(tmp_path)}, list[bytes]()

    result = process.run(
        [sys.executable, str(ROOT / "bench" / name), *options],
        env=environment,
        cwd=ROOT,
        timeout=120,
        on_output=lambda stream, data, ms: printed.append(data),
    )

    said = b"".join(printed).decode()
    assert result.ok, said
    assert "ratio" in said or "to reach" in said
    assert list(tmp_path.iterdir()) == []


# --- tables -----------------------------------------------------------------------------------------------------------
def test_the_table_of_run_conditions_is_that_of_the_chain() -> None:
    outcomes = [Outcome(name) for name in ("success", "warning", "failure", "cancelled", "skipped")]

    found = {row[0]: [cell == "runs" for cell in row[1:]] for row in table("docs/hooks.md", "`run_on`")}

    assert found == {one.value: [chain.matches(one, outcome) for outcome in outcomes] for one in RunOn}


def test_the_table_of_failing_pre_backup_scripts_is_that_of_the_chain() -> None:
    rows = {row[0].removesuffix(" (default)"): row[1:] for row in table("docs/hooks.md", "`on_failure`")}

    assert set(rows) == {one.value for one in OnFailure}
    for on_failure, (next_step, outcome) in rows.items():
        failed = ScriptExecution(script_name="stop", status=ExecutionStatus.FAILED, exit_code=1, on_failure=on_failure)
        verdict = chain.after_pre(failed, chain.PreVerdict(go_on=True))
        assert verdict.outcome == outcome.removesuffix(" at best")
        assert verdict.go_on == (next_step == "the chain goes on")


def test_the_table_of_variables_names_all_that_a_script_finds() -> None:
    named = {name.strip() for row in table("docs/hooks.md", "variable") for name in row[0].split(",")}

    assert named == reserved.VARIABLES


def test_the_table_of_parameter_types_names_all_of_them() -> None:
    assert [row[0] for row in table("docs/hooks.md", "type")] == list(parameters.TYPES)


def test_the_table_of_exit_codes_is_that_of_the_commands() -> None:
    assert {int(row[0]) for row in table("docs/first-backup.md", "exit code")} == {*Exit, USAGE}


def test_the_table_of_settings_names_every_variable_that_is_read() -> None:
    read_there = set(re.findall(r'env\.\w+\("(BORGUI_\w+)"', read("borgui/settings.py")))

    assert {row[0] for row in table("docs/settings.md", "variable")} == read_there


# --- schema -----------------------------------------------------------------------------------------------------------
INTERFACE = {
    "scripts": "id name description file_path category timeout run_on created_at updated_at created_by_user_id "
    "is_template template_version usage_count last_used_at sha256 deleted_at parameters",
    "repository_scripts": "id repository_id script_id hook_type execution_order enabled custom_timeout custom_run_on "
    "created_at on_failure parameters",
    "script_executions": "id script_id repository_id backup_job_id hook_type status started_at completed_at "
    "execution_time exit_code stdout stderr error_message triggered_by triggered_by_user_id position script_name "
    "revision_id timeout run_on on_failure parameters attempt signal pid log_bytes window_run_id",
    "backup_jobs": "id repository_id status outcome phase phases data services archive_name borg_exit_code message "
    "triggered_by created_at started_at completed_at",
    "repositories": "id name path source_paths exclude_patterns one_file_system exclude_caches exclude_if_present "
    "encryption passphrase compression archive_name_template upload_rate_limit lock_wait remote_path backup_timeout "
    "max_downtime pre_backup_script post_backup_script pre_hook_timeout post_hook_timeout continue_on_hook_failure "
    "skip_on_hook_failure keep_within keep_hourly keep_daily keep_weekly keep_monthly keep_yearly prune_after "
    "prune_confirmed_at compact_after check_every_days",
    "scheduled_jobs": "cron_expression timezone maintenance_window_id enabled last_run next_run",
    "maintenance_windows": "id name description cron_expression enabled last_run next_run",
    "window_scripts": "id window_id script_id hook_type execution_order enabled custom_timeout custom_run_on created_at "
    "on_failure parameters",
    "window_runs": "id window_id due_at status started_at completed_at message triggered_by",
    "workers": "host_id last_seen",
}


def test_the_schema_reference_is_up_to_date(tmp_path: Path) -> None:
    with open(tmp_path / "schema.md", "w+", encoding="utf-8") as file:
        call_command("schema_reference", stdout=file)
        file.seek(0)
        assert file.read() == read("docs/development/schema.md"), "run manage.py schema_reference again"


@pytest.mark.parametrize("name", INTERFACE)
def test_the_tables_and_columns_that_others_rely_on_exist(name: str) -> None:
    [model] = [model for model in apps.get_models() if model._meta.db_table == name]

    assert set(INTERFACE[name].split()) <= {field.column for field in model._meta.concrete_fields}


# --- words ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_the_readme_says_why_each_dependency_is_there(file: str) -> None:
    packages = re.findall(r"^([\w-]+)", read(file), re.MULTILINE)

    assert [name for name in packages if not name.startswith("-") and f"`{name}`" not in read("README.md")] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", ["files", "floors"])
def test_every_file_that_the_developer_pages_name_exists(page: str) -> None:
    named = re.findall(r"`((?:borgui|backups|scripts_library|tests|bin|bench|docs|static)/[\w./-]*)`", read_page(page))

    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def read_page(name: str) -> str:
    return read(f"docs/development/{name}.md")
