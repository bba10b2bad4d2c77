"""The database as a page: every table of this project with its columns, from the models (docs/development/schema.md)."""

import json
from collections.abc import Iterable, Iterator
from inspect import getdoc
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db.models import CASCADE, PROTECT, SET_NULL, CheckConstraint, Field, ForeignKey, Model, Q, UniqueConstraint
from django.db.models.fields import NOT_PROVIDED

from borgui.fields import EncryptedJSONField, EncryptedTextField

APPS = ("accounts", "scripts_library", "backups")
HEAD = """# Database schema

Written by `manage.py schema_reference > docs/development/schema.md` from the models; a test fails when it is out of date.
Table and column names are part of the interface: adding is easy, renaming is not.

"Encrypted" columns hold text that the keys in the data directory open; an empty value is kept as an empty text. Every
instant is stored in UTC. Django's own tables (sessions, groups, permissions, migrations, the admin's log) are left out.
"""
TYPES = {
    "BigAutoField": "integer",
    "BigIntegerField": "integer",
    "BooleanField": "boolean",
    "DateTimeField": "instant",
    "FloatField": "number",
    "IntegerField": "integer",
    "JSONField": "JSON",
    "PositiveBigIntegerField": "integer, 0 or more",
    "PositiveIntegerField": "integer, 0 or more",
    "PositiveSmallIntegerField": "small integer, 0 or more",
    "TextField": "text",
}
ON_DELETE: dict[Any, str] = {
    CASCADE: "goes with it",
    PROTECT: "keeps it from being deleted",
    SET_NULL: "null once that is deleted",
}
DEFAULTS = {"now": "now", "list": "`[]`", "dict": "`{}`"}


class Command(BaseCommand):
    help = "Print the reference of the database schema, as docs/development/schema.md holds it."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        tables = [part for model in models() for part in section(model)]
        self.stdout.write("\n".join([HEAD, *tables]).rstrip())


def models() -> Iterator[type[Model]]:
    """The models of our own apps, in the order in which they are written down."""
    for label in APPS:
        yield from apps.get_app_config(label).get_models()


def section(model: type[Model]) -> Iterator[str]:
    meta = model._meta
    yield f"## {meta.db_table}\n"
    if (text := getdoc(model)) and not text.startswith(f"{model.__name__}("):
        yield f"{text}\n"
    yield "| column | type | null | default | what it holds |"
    yield "|---|---|---|---|---|"
    yield from (row(field) for field in meta.concrete_fields)
    yield ""
    if rules := list(rules_of(model)):
        yield "\n".join(f"- {rule}" for rule in rules) + "\n"


def row(field: "Field[Any, Any]") -> str:
    cells = [f"`{field.column}`", kind(field), "yes" if field.null else "", default(field), "; ".join(remarks(field))]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def kind(field: "Field[Any, Any]") -> str:
    if isinstance(field, ForeignKey):
        return f"`{field.target_field.column}` of `{field.remote_field.model._meta.db_table}`"
    if isinstance(field, EncryptedTextField):
        return "JSON, encrypted" if isinstance(field, EncryptedJSONField) else "text, encrypted"
    name = field.get_internal_type()
    return f"text, at most {field.max_length}" if name == "CharField" else TYPES.get(name, name)


def default(field: "Field[Any, Any]") -> str:
    if field.default is NOT_PROVIDED:
        return ""
    if callable(field.default):
        return DEFAULTS.get(field.default.__name__, "made")
    value = getattr(field.default, "value", field.default)
    return f"`{json.dumps(value)}`"


def remarks(field: "Field[Any, Any]") -> Iterator[str]:
    if field.primary_key:
        yield "primary key"
    elif field.unique:
        yield "unique"
    if field.choices:
        yield "one of " + ", ".join(f"`{value}`" for value, _ in field.flatchoices)
    if isinstance(field, ForeignKey):
        yield ON_DELETE[field.remote_field.on_delete]
    if field.help_text:
        yield str(field.help_text)


def rules_of(model: type[Model]) -> Iterator[str]:
    """What the database itself sees to."""
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueConstraint):
            only = f", where {condition(constraint.condition)}" if constraint.condition else ""
            yield f"`{constraint.name}`: unique {columns(model, constraint.fields)}{only}"
        elif isinstance(constraint, CheckConstraint):
            yield f"`{constraint.name}`: {condition(constraint.condition)}"
    for index in model._meta.indexes:
        only = f", where {condition(index.condition)}" if index.condition else ""
        yield f"index `{index.name}`: {columns(model, index.fields)}{only}"


def columns(model: type[Model], names: Iterable[str]) -> str:
    found = [(name.lstrip("-"), " descending" if name.startswith("-") else "") for name in names]
    return ", ".join(f"`{column_of(model, name)}`{order}" for name, order in found)


def column_of(model: type[Model], name: str) -> str:
    field = model._meta.get_field(name)
    assert isinstance(field, Field)
    return str(field.column)


def condition(query: Any) -> str:
    """Comparisons with constants, joined: all that our constraints have."""
    word = f" {query.connector.lower()} "
    return word.join(condition(part) if isinstance(part, Q) else comparison(*part) for part in query.children)


def comparison(name: str, value: Any) -> str:
    value = getattr(value, "value", value)
    if name.endswith("__isnull"):
        return f"`{name.removesuffix('__isnull')}` is {'' if value else 'not '}null"
    return f"`{name}` is null" if value is None else f"`{name}` is `{json.dumps(value)}`"
