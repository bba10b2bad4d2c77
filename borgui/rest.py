"""What the endpoints of both apps share: strict bodies, lists in pages, and the columns of a row as an answer."""

import json
import re
from typing import Annotated, Any, Generic, Self, TypeVar

from django.db.models import Model, QuerySet
from django.utils.crypto import salted_hmac
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

PAGE_SIZE, MAX_PAGE_SIZE = 50, 200
DATE = re.compile(r"\d{4}-\d\d-\d\d")
T = TypeVar("T")
Rows = TypeVar("Rows", bound=QuerySet[Any])


def plain_text(value: str) -> str:
    """Text that every database can hold. Raises ValueError."""
    if "\0" in value:
        raise ValueError("It holds a NUL character, which cannot be kept.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("It holds half a character (a lone surrogate), which cannot be kept.") from None
    return value


Text = Annotated[str, AfterValidator(plain_text)]
Seconds = Annotated[int, Field(ge=1, le=2**31 - 1)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]


def written_out(value: object) -> object:
    """A number is not guessed to be seconds since 1970. Raises ValueError."""
    if not isinstance(value, str) or not DATE.match(value):
        raise ValueError("Write a date and a time with a zone: 2026-11-23T00:00:00Z.")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(written_out), Field(strict=False)]


class In(BaseModel):
    """A request's body. A field of the wrong type or a name that nobody knows is refused, never guessed at."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def given(self) -> dict[str, Any]:
        """Only the fields that the request holds: an absent field stays as it is, `None` clears it."""
        return self.model_dump(exclude_unset=True)


class Out(BaseModel):
    """An answer. Most fields are columns of one row."""

    @classmethod
    def of_row(cls, row: Model, **others: Any) -> Self:
        """Every field from the attribute of the same name, but those given."""
        columns = {name: getattr(row, name) for name in cls.model_fields if name not in others}
        return cls(**columns, **others)


class Period(BaseModel):
    """Query of what happens at a time: from `since` on, before `until`. A moment without a zone is refused."""

    since: Moment | None = None
    until: Moment | None = None

    def of(self, rows: Rows) -> Rows:
        """Those that were made then."""
        rows = rows.filter(created_at__gte=self.since) if self.since else rows
        return rows.filter(created_at__lt=self.until) if self.until else rows


def mark_of(*values: object) -> str:
    """A short text that changes with these values and tells nothing about them, for they may be secrets."""
    return salted_hmac("borgui.rest.mark", json.dumps(values, sort_keys=True, default=str)).hexdigest()[:16]


class Page(BaseModel):
    """Query of a list."""

    search: Text = ""
    page: int = Field(1, ge=1, le=10**9)
    page_size: int = Field(PAGE_SIZE, ge=1, le=MAX_PAGE_SIZE)

    def cut(self, rows: QuerySet[Any] | list[Any]) -> list[Any]:
        start = (self.page - 1) * self.page_size
        return list(rows[start : start + self.page_size])


class Listing(BaseModel, Generic[T]):
    """The answer of every list."""

    count: int
    items: list[T]
