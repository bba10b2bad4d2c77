"""Why the library says no. The API and the pages turn these into answers; nothing here knows about either."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class Invalid(Exception):
    """What was given is wrong: `errors` holds one sentence by field name (a parameter's is "parameters.NAME")."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {message}" for field, message in errors.items()))
        self.errors = dict(errors)


class Refused(Exception):
    """What was given is right, and cannot be done as things stand. `field` names the field to point at, if any."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Conflict(Refused):
    """Somebody else was faster. `sha256` names the content that is current now, where content is the matter."""

    def __init__(self, message: str, sha256: str = "", field: str = "") -> None:
        super().__init__(message, field)
        self.sha256 = sha256


class NameTaken(Refused):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is a script named {name!r} already.", "name")
        self.name = name


class AlreadyAssigned(Refused):
    def __init__(self, script_name: str, hook: str, owner: str = "repository") -> None:
        super().__init__(f"{script_name!r} is assigned to {hook} of this {owner} already.", "script_id")


class ReadOnly(Refused):
    """BORGUI_SCRIPTS_READONLY is set."""

    def __init__(self) -> None:
        super().__init__(
            "Script files are read-only here (BORGUI_SCRIPTS_READONLY): change them in their folder.", "content"
        )


@dataclass(frozen=True)
class Use:
    """An assignment that uses a script: of a repository, or of a maintenance window."""

    assignment_id: int
    repository_id: int | None
    repository_name: str  # or that of the window
    hook_type: str
    window_id: int | None = None

    @property
    def place(self) -> str:
        kind = "" if self.window_id is None else "window "
        return f"{kind}{self.repository_name} ({self.hook_type})"


class InUse(Refused):
    def __init__(self, users: Sequence[Use]) -> None:
        names = ", ".join(use.place for use in users)
        super().__init__(f"The script is in use: {names}. Remove it there first.")
        self.users = list(users)
