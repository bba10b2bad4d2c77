"""What an import would make here. Plain values; nothing is written."""

from dataclasses import dataclass, field
from typing import Any

from scripts_library.models import Hook

from .books import Books


@dataclass(frozen=True)
class Difference:
    """Something that people will notice. `about`: the repository, script or schedule; "" where it is about all."""

    about: str
    text: str

    def to_dict(self) -> dict[str, str]:
        return {"about": self.about, "text": self.text}


@dataclass
class Script:
    """A script of the library. `here`: the id of the one that is here already."""

    origin: str
    name: str
    content: str = field(default="", repr=False)
    description: str = ""
    timeout: int = 300
    run_on: str | None = None
    defaults: dict[str, Any] = field(default_factory=dict, repr=False)
    has_new_block: bool = False  # its text got one
    here: int | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "timeout": self.timeout,
            "run_on": self.run_on,
            "there_already": self.here is not None,
        }


@dataclass
class Assignment:
    """A script at a hook of a repository, in the order in which these stand."""

    script: Script
    hook: str
    origin: str
    enabled: bool = True
    custom_timeout: int | None = None
    custom_run_on: str | None = None
    on_failure: str = "abort"
    parameters: dict[str, Any] = field(default_factory=dict, repr=False)
    is_inline: bool = False  # made of an inline text

    def to_dict(self) -> dict[str, Any]:
        return {
            "script": self.script.name,
            "hook_type": self.hook,
            "enabled": self.enabled,
            "custom_timeout": self.custom_timeout,
            "custom_run_on": self.custom_run_on,
            "on_failure": self.on_failure,
            "parameters": sorted(self.parameters),
        }


@dataclass
class Repository:
    """`needs_passphrase`: it is encrypted, and what opens it could not be read. `here`: the id of the one here."""

    origin: str
    id: int  # over there
    name: str
    path: str
    fields: dict[str, Any] = field(default_factory=dict, repr=False)
    assignments: list[Assignment] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    needs_passphrase: bool = False
    here: int | None = None

    def inline(self, hook: str) -> str:
        """Its inline text, as far as it stays one."""
        if any(one.is_inline and one.hook == hook for one in self.assignments):
            return ""
        return str(self.fields.get(f"{hook.partition('-')[0]}_backup_script", ""))

    @property
    def scripts_before(self) -> int:
        return self._count(Hook.PRE)

    @property
    def scripts_after(self) -> int:
        return self._count(Hook.POST)

    def _count(self, hook: str) -> int:
        """Those that run."""
        library = sum(one.enabled for one in self.assignments if one.hook == hook)
        return library or int(bool(self.inline(hook).strip()))

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "path": self.path,
            "source_paths": self.fields.get("source_paths", []),
            "encryption": self.fields.get("encryption"),
            "needs_passphrase": self.needs_passphrase,
            "inline": [hook.value for hook in Hook if self.inline(hook).strip()],
            "assignments": [one.to_dict() for one in self.assignments],
            "warnings": self.warnings,
            "there_already": self.here is not None,
        }


@dataclass
class Schedule:
    origin: str
    name: str
    fields: dict[str, Any] = field(default_factory=dict)
    repositories: list[Repository] = field(default_factory=list)
    in_words: str = ""
    was_enabled: bool = True
    here: int | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "cron_expression": self.fields.get("cron_expression"),
            "timezone": self.fields.get("timezone"),
            "repositories": [one.name for one in self.repositories],
            "was_enabled": self.was_enabled,
            "there_already": self.here is not None,
        }


@dataclass
class Key:
    """A private key of ssh, as a file here."""

    origin: str
    name: str
    text: str = field(repr=False)
    is_here: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "there_already": self.is_here}


@dataclass
class Plan:
    """Everything that an import would do, and what it would not."""

    source: str
    sha256: str
    books: Books
    repositories: list[Repository] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    together: list[str] = field(default_factory=list)  # sentences about what one window could stop once

    def differ(self, about: str, text: str) -> None:
        found = Difference(about, text)
        if found not in self.differences:
            self.differences.append(found)

    @property
    def new_repositories(self) -> list[Repository]:
        return [one for one in self.repositories if one.here is None]

    @property
    def new_scripts(self) -> list[Script]:
        return [one for one in self.scripts if one.here is None]

    @property
    def new_schedules(self) -> list[Schedule]:
        return [one for one in self.schedules if one.here is None]

    @property
    def new_keys(self) -> list[Key]:
        return [one for one in self.keys if not one.is_here]

    @property
    def adds_something(self) -> bool:
        return bool(self.new_repositories or self.new_scripts or self.new_schedules or self.new_keys)

    @property
    def there_already(self) -> list[str]:
        """Names of what is here already."""
        rows: list[Repository | Script | Schedule] = [*self.repositories, *self.scripts, *self.schedules]
        return [one.name for one in rows if one.here is not None] + [key.name for key in self.keys if key.is_here]

    @property
    def asks_for(self) -> list[Repository]:
        """Whose passphrase could not be read."""
        return [one for one in self.new_repositories if one.needs_passphrase]

    def to_dict(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "repositories": [one.to_dict() for one in self.repositories],
            "scripts": [one.to_dict() for one in self.scripts],
            "schedules": [one.to_dict() for one in self.schedules],
            "ssh_keys": [one.to_dict() for one in self.keys],
            "passphrases_needed": [one.name for one in self.asks_for],
            "left_out": [one.to_dict() for one in self.books.left_out],
            "differences": [one.to_dict() for one in self.differences],
            "one_window": self.together,
            "rows": self.books.rows(),
        }
