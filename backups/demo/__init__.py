"""A demonstration that is real: a source tree, services to stop and start, a borg repository, a hook chain."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from backups import repositories
from backups.models import Repository
from scripts_library import assignments, library, manifest
from scripts_library.models import Hook, RepositoryScript, Script, ScriptRevision

FILES = 3000
SERVICES = {"web": "running", "database": "running", "reports": "stopped"}  # the last was off before
CHAIN = [
    ("stop-services.sh", Hook.PRE),
    ("dump-database.sh", Hook.PRE),
    ("start-services.sh", Hook.POST),
    ("tell-failure.sh", Hook.POST),
    ("note-success.sh", Hook.POST),
]


@dataclass(frozen=True)
class Demo:
    """Where everything is; below the data directory, so that it goes when that goes."""

    root: Path
    name: str

    @property
    def source(self) -> Path:
        return self.root / "source"

    @property
    def services(self) -> Path:
        return self.root / "services"

    @property
    def folder(self) -> Path:
        return self.root / "repositories" / self.name.lower().replace(" ", "-")

    def states(self) -> dict[str, str]:
        return {one.name: one.read_text().strip() for one in sorted(self.services.iterdir())}


def prepare(name: str) -> tuple[Demo, Repository]:
    """Make what is not there yet; what is there is used again."""
    demo = Demo(settings.DATA_DIR / "demo", name)
    make_source(demo.source)
    make_services(demo.services)
    repository = Repository.objects.kept().filter(name=name).first() or make_repository(demo)
    assign_chain(demo, repository)
    return demo, repository


def make_source(folder: Path) -> None:
    """A few thousand small files in some fifty folders."""
    if (folder / "complete").exists():
        return
    for number in range(FILES):
        place = folder / f"photos-{number % 50:02d}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:04d}.txt").write_text(f"picture {number}\n" * (1 + number % 40))
    (folder / "complete").touch()


def make_services(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, state in SERVICES.items():
        if not (folder / name).exists():
            (folder / name).write_text(f"{state}\n")


def make_repository(demo: Demo) -> Repository:
    demo.folder.parent.mkdir(parents=True, exist_ok=True)
    return repositories.create(
        {
            "name": demo.name,
            "path": str(demo.folder),
            "source_paths": [str(demo.source)],
            "passphrase": "a demonstration, not a secret",
            "init": True,
        }
    )


def assign_chain(demo: Demo, repository: Repository) -> None:
    if RepositoryScript.objects.filter(repository=repository).exists():
        return
    values = {"SERVICES": str(demo.services), "DUMP": str(demo.source / "database.sql")}
    for file, hook in CHAIN:
        script = script_of(file)
        declared = {entry["name"] for entry in script.manifest["parameters"]}
        chosen = {name: value for name, value in values.items() if name in declared}
        assignments.assign(repository.pk, script, hook, parameters=chosen)


def script_of(file: str) -> Script:
    """The library's script with the name that the file beside this module gives itself; made where there is none."""
    text = (Path(__file__).parent / file).read_text(encoding="utf-8")
    known = Script.objects.kept().filter(name=manifest.parse(text).name).first()
    return known or library.create(None, text, source=ScriptRevision.Source.TEMPLATE)
