"""The database itself refuses to change or remove an entry of the audit log, whichever program asks for it.

Triggers on SQLite and PostgreSQL. They hold against slips and against programs of ours; whoever owns the database (its file,
its superuser) can take them away, so an audit log that has to stand against the owner of the machine is exported elsewhere.
"""

from typing import Any

REFUSED = "the audit log is only ever added to"
TABLE = "audit_entries"
SQLITE = [
    f"""CREATE TRIGGER IF NOT EXISTS {TABLE}_no_{deed.lower()} BEFORE {deed} ON {TABLE}
        BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"""
    for deed in ("UPDATE", "DELETE")
]
POSTGRESQL = [
    f"""CREATE OR REPLACE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$""",
    f"DROP TRIGGER IF EXISTS {TABLE}_no_change ON {TABLE}",
    f"""CREATE TRIGGER {TABLE}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE}
        FOR EACH STATEMENT EXECUTE FUNCTION {TABLE}_refuse()""",
]
SEALED = {"sqlite": SQLITE, "postgresql": POSTGRESQL}
OPENED = {
    "sqlite": [f"DROP TRIGGER IF EXISTS {TABLE}_no_{deed}" for deed in ("update", "delete")],
    "postgresql": [f"DROP TRIGGER IF EXISTS {TABLE}_no_change ON {TABLE}"],
}


def seal(connection: Any) -> None:
    """From now on; again at every start, because a migration that rebuilds the table on SQLite drops its triggers."""
    run(connection, SEALED)


def unseal(connection: Any) -> None:
    """For a migration of the table, and for tests that empty it."""
    run(connection, OPENED)


def run(connection: Any, statements: dict[str, list[str]]) -> None:
    with connection.cursor() as cursor:
        for statement in statements.get(connection.vendor, []):
            cursor.execute(statement)
