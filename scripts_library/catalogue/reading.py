"""Templates as they are shipped: the script with its block, and a description in words. Plain Python.

What the block says (name, hooks, condition, parameters) is not said again in the description. Its keys: `problem`,
`words`, `before`, `after`, `tested_against`, `explanation`, `restore`, and `[[needs]]` with `programs`, `why`, `unless`.
"""

import re
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from scripts_library import manifest as manifests
from scripts_library.manifest import Manifest
from scripts_library.store import digest

TEXTS = ("problem", "before", "after", "explanation", "restore")
LISTS = ("words", "tested_against")
NEED = {"programs": list, "why": str, "unless": str}


class BrokenTemplate(Exception):
    """A shipped template cannot be used: one sentence that names the file. A fault of whoever wrote it."""


@dataclass(frozen=True)
class Need:
    """Any one of `programs` has to be there, unless the parameter `unless` has a value."""

    programs: tuple[str, ...]
    why: str = ""
    unless: str = ""

    def is_met(self, path: str) -> bool:
        """`path`: as in the variable PATH, the one that scripts get."""
        return any(shutil.which(program, path=path) for program in self.programs)

    def is_void(self, values: Mapping[str, str]) -> bool:
        return bool(values.get(self.unless, "").strip())


@dataclass(frozen=True)
class Template:
    """One template. `script_id`: the library script that somebody offers as one; None for those that are shipped."""

    file: str
    content: str
    manifest: Manifest
    problem: str = ""
    words: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    needs: tuple[Need, ...] = ()
    tested_against: tuple[str, ...] = ()
    explanation: str = ""
    restore: str = ""
    title: str = ""
    script_id: int | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)  # of a library script; no secrets

    @property
    def stem(self) -> str:
        return self.file.removesuffix(".sh")

    @property
    def version(self) -> str:
        return self.manifest.version or ""

    @property
    def sha256(self) -> str:
        return digest(self.content)

    @property
    def address(self) -> str:
        """What stands in the address of its page."""
        return f"own-{self.script_id}" if self.script_id else self.stem

    @property
    def explained(self) -> list[tuple[str, str]]:
        """The explanation in pieces, each "text" or "command": lines that begin with four spaces are commands."""
        pieces: list[tuple[str, str]] = []
        for paragraph in re.split(r"\n\s*\n", self.explanation.strip("\n")):
            for is_command, lines in groupby(paragraph.split("\n"), lambda line: line.startswith("    ")):
                text = "\n".join(line[4:] if is_command else line.strip() for line in lines)
                pieces.append(("command" if is_command else "text", text))
        return [(kind, text) for kind, text in pieces if text.strip()]

    def missing(self, path: str, values: Mapping[str, str]) -> list[Need]:
        """What it needs and this machine does not have, used with these values."""
        return [need for need in self.needs if not need.is_void(values) and not need.is_met(path)]

    def mentions(self, search: str) -> bool:
        """Every word of `search` stands somewhere in what is said about it."""
        said = [self.file, self.title, self.manifest.description or "", self.problem, self.before, self.after]
        text = " ".join([*said, *self.words, *self.tested_against]).casefold()
        return all(word in text for word in search.casefold().split())


def load(folder: Path) -> tuple[Template, ...]:
    """The templates of a folder, by title. Files are read once while they stay as they are. Raises BrokenTemplate."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".sh", ".toml"))
    return _load(folder, tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files))


@lru_cache(maxsize=8)
def _load(folder: Path, stamps: tuple[tuple[str, int, int], ...]) -> tuple[Template, ...]:
    names = {name for name, *_ in stamps}
    for name in sorted(names):
        other = name.removesuffix(".sh") + ".toml" if name.endswith(".sh") else name.removesuffix(".toml") + ".sh"
        if other not in names:
            raise BrokenTemplate(f"The template {name} comes without its {other}.")
    scripts = [folder / name for name in names if name.endswith(".sh")]
    return tuple(sorted((_read(path) for path in scripts), key=lambda one: (one.title.casefold(), one.file)))


def _read(path: Path) -> Template:
    content = path.read_text(encoding="utf-8")
    manifest = manifests.parse(content)
    if problems := (*manifest.errors, *manifest.warnings, *_lacking(manifest)):
        raise BrokenTemplate(f"The block of the template {path.name}: {'; '.join(problems)}.")
    described = _description(path.with_suffix(".toml"), manifest)
    return Template(path.name, content, manifest, title=manifest.name or path.name, **described)


def _lacking(manifest: Manifest) -> list[str]:
    """A script may leave these out, a template may not."""
    return [f"{name} is missing" for name in ("name", "description", "version", "hooks") if not getattr(manifest, name)]


# --- the description --------------------------------------------------------------------------------------------------
def _description(path: Path, manifest: Manifest) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BrokenTemplate(f"The description {path.name}: {error}.") from error
    problems = [*_problems(table), *_needs_problems(table.get("needs", []), manifest)]
    if not table.get("problem"):
        problems.append("problem is missing: one sentence in a user's words")
    if problems:
        raise BrokenTemplate(f"The description {path.name}: {'; '.join(problems)}.")
    texts = {name: table.get(name, "").strip("\n") for name in TEXTS}
    silent = [name for name, hook in (("before", "pre-backup"), ("after", "post-backup")) if hook not in manifest.hooks]
    texts.update(dict.fromkeys(silent, ""))  # where it does not run it does nothing, whatever is said
    lists = {name: tuple(table.get(name, ())) for name in LISTS}
    needs = [Need(tuple(one["programs"]), one.get("why", ""), one.get("unless", "")) for one in table.get("needs", ())]
    return {**texts, **lists, "needs": tuple(needs)}


def _problems(table: Mapping[str, Any]) -> list[str]:
    known = (*TEXTS, *LISTS, "needs")
    unknown = [f"{name} is not known" for name in table if name not in known]
    texts = [f"{name}: a text is expected" for name in TEXTS if not isinstance(table.get(name, ""), str)]
    lists = [f"{name}: a list of texts is expected" for name in LISTS if not _is_list(table.get(name, []))]
    return unknown + texts + lists


def _needs_problems(tables: Any, manifest: Manifest) -> list[str]:
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        return ["needs: [[needs]] tables are expected"]
    names = {entry.name for entry in manifest.parameters}
    found = []
    for one in tables:
        if not _is_list(one.get("programs")) or not one["programs"]:
            found.append("needs: programs is a list of names, of which one suffices")
        found += [f"needs: {name} is not known" for name in one if name not in NEED]
        found += [f"needs: {name}: a text is expected" for name in ("why", "unless") if not _is_text(one.get(name))]
        if one.get("unless", "") and one["unless"] not in names:
            found.append(f"needs: unless names {one['unless']}, which is no parameter")
    return found


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(one, str) for one in value)


def version_key(version: str | None) -> tuple[tuple[int, str], ...]:
    """For comparing: "1.10" is newer than "1.9"; nothing is older than anything."""
    parts = re.findall(r"\d+|[A-Za-z]+", version or "")
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)
