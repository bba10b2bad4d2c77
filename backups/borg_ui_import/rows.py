"""One row of the other database. Columns may be missing (an older version) and hold anything (SQLite has no types)."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    table: str
    values: dict[str, Any] = field(repr=False)  # there are secrets among them

    @property
    def id(self) -> int:
        return self.number("id", 0) or 0

    @property
    def name(self) -> str:
        return self.text("name").strip() or f"{self.table} {self.id}"

    @property
    def origin(self) -> str:
        """Names this row wherever its database was copied to. Ids alone would meet those of another installation."""
        born = self.text("created_at") or self.text("path") or self.text("name")
        return hashlib.sha256(f"{self.table}\0{self.id}\0{born}".encode()).hexdigest()

    def has(self, column: str) -> bool:
        return self.values.get(column) is not None

    def text(self, column: str) -> str:
        """An empty text where there is nothing."""
        value = self.values.get(column)
        if value is None:
            return ""
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def number(self, column: str, default: int | None = None) -> int | None:
        try:
            return int(float(self.text(column)))
        except (ValueError, OverflowError):
            return default

    def order(self, column: str) -> float:
        """A place in an order, which people have made fractions of."""
        try:
            found = float(self.text(column))
        except ValueError:
            return 0.0
        return found if found == found else 0.0

    def flag(self, column: str, default: bool = False) -> bool:
        """`default` counts where nothing is said."""
        said = self.text(column).strip().lower()
        return said not in ("0", "0.0", "false", "f", "no") if said else default

    def json(self, column: str) -> Any:
        """None where there is nothing, or no JSON."""
        try:
            return json.loads(self.text(column) or "null")
        except (ValueError, RecursionError):
            return None

    def texts(self, column: str) -> list[str]:
        """A list of texts; a plain text is one a line, as the oldest versions have it."""
        found = self.json(column)
        if isinstance(found, list):
            return [one.strip() for one in found if isinstance(one, str) and one.strip()]
        lines = [] if found is not None else self.text(column).splitlines()
        return [line.strip() for line in lines if line.strip()]

    def mapping(self, column: str) -> dict[str, Any]:
        found = self.json(column)
        return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}

    def mappings(self, column: str) -> list[dict[str, Any]]:
        found = self.json(column)
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
