"""docs/scripts-folder.md says what happens: its hook is pushed to with a real git, its helper is found, its figures exist."""

import os
import sys
from dataclasses import fields
from pathlib import Path

from pytest_django import Settings

from backups.library_figures import Figures
from borgui import process
from scripts_library import difference, environment, manifest, merging
from tests.test_docs import ROOT, blocks, read, table

PAGE = "docs/scripts-folder.md"
PROGRAM = "/opt/borgui"


def test_the_figures_are_those_of_the_status() -> None:
    named = [row[0] for row in table(PAGE, "figure")]

    assert named == [field.name for field in fields(Figures) if field.name != "scripts"]


def test_the_limits_and_marks_are_those_of_the_code() -> None:
    assert f"shows {difference.MOST:,} rows, and of a line {difference.WIDEST:,} characters" in read(PAGE)
    assert f"`{merging.BEGIN}` and `{merging.END}`" in read(PAGE)


# --- git --------------------------------------------------------------------------------------------------------------
class Machine:
    """The program in a folder of its own, a bare repository with the hook of the page, and somebody who pushes."""

    def __init__(self, folder: Path) -> None:
        self.program, self.bare, self.clone = (folder / name for name in ("borgui", "scripts.git", "clone"))
        self.library = self.program / "data" / "scripts" / "library"
        self.library.mkdir(parents=True)
        (self.program / ".venv").symlink_to(sys.prefix)
        (self.program / "manage.py").symlink_to(ROOT / "manage.py")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "BORGUI_DATA_DIR": str(self.program / "data"),
            **{
                f"GIT_{who}_{what}": f"{who}@example.org"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        }
        self.manage("migrate", "--verbosity=0")

    def run(self, *argv: str, cwd: Path) -> str:
        printed = list[bytes]()
        result = process.run(
            list(argv),
            env=self.environment,
            cwd=cwd,
            timeout=60,
            on_output=lambda stream, data, ms: printed.append(data),
        )
        said = b"".join(printed).decode()
        assert result.ok, said
        return said

    def manage(self, *arguments: str) -> str:
        return self.run(sys.executable, str(ROOT / "manage.py"), *arguments, cwd=self.program)

    def type(self, text: str) -> None:
        """Lines of the page, in one shell."""
        self.run("sh", "-euc", self.here(text), cwd=self.program)

    def here(self, text: str) -> str:
        return text.replace("/srv/scripts.git", str(self.bare)).replace(PROGRAM, str(self.program))

    def push(self, name: str, text: str) -> str:
        (self.clone / name).write_text(text)
        self.run("git", "add", ".", cwd=self.clone)
        self.run("git", "commit", "-qm", f"Change {name}", cwd=self.clone)
        return self.run("git", "push", cwd=self.clone)


def test_a_push_is_checked_out_registered_and_shown_with_its_commit(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (machine.library / "stop.sh").write_text("#!/bin/sh\necho stop\n")
    [set_up] = blocks(PAGE, "text")
    [hook] = blocks(PAGE, "sh")
    machine.type(set_up)
    (machine.bare / "hooks" / "post-receive").write_text(machine.here(hook))
    (machine.bare / "hooks" / "post-receive").chmod(0o755)
    machine.run("git", "clone", "-q", str(machine.bare), str(machine.clone), cwd=tmp_path)

    first = machine.push("dump.sh", "#!/bin/sh\necho dump\n")
    second = machine.push("dump.sh", "#!/bin/sh\necho dump all\n")

    assert "2 registered." in first
    assert "changed outside: library/dump.sh" in second
    remarks = machine.manage(
        "shell", "-c", "from scripts_library.models import *; print([r.remark for r in ScriptRevision.objects.all()])"
    )
    assert "AUTHOR@example.org: Change dump.sh" in remarks


# --- helpers ----------------------------------------------------------------------------------------------------------
def test_the_script_with_a_helper_runs_as_it_stands(data_dir: Path, settings: Settings) -> None:
    [text] = blocks(PAGE, "bash")
    assert manifest.parse(text).errors == ()
    helper = make_helper(settings.LIBRARY_DIR)
    printed = list[bytes]()
    (helper.parent.parent / "where.sh").write_text(text)

    result = process.run(
        ["bash", str(helper.parent.parent / "where.sh")],
        env={**environment.inherited(), "LIBRARY_DIR": str(settings.LIBRARY_DIR), "REPOSITORY_NAME": "photos"},
        cwd=data_dir,
        timeout=10,
        on_output=lambda stream, data, ms: printed.append(data),
    )

    assert result.ok
    assert b"".join(printed) == b"before the backup of photos\n"


def make_helper(library: Path) -> Path:
    helper = library / "lib" / "say.sh"
    helper.parent.mkdir(parents=True, exist_ok=True)
    helper.write_text('say() { printf "%s\\n" "$1"; }\n')
    return helper
