"""An installation of Borg Web UI as tests need it: the tables and columns that its database has, rows of our own."""

import base64
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

SECRET = "a key that is made up for tests, 0123456789"
BORN = "2026-01-02 03:04:05.{:06}"
REPOSITORY = """id name path encryption compression passphrase source_directories source_locations exclude_patterns created_at
    repository_type host port username ssh_key_id connection_id remote_path execution_target executor_type agent_machine_id
    pre_backup_script post_backup_script pre_backup_script_parameters post_backup_script_parameters hook_timeout
    pre_hook_timeout post_hook_timeout continue_on_hook_failure skip_on_hook_failure mode bypass_lock borg_version
    custom_flags upload_ratelimit_kib source_ssh_connection_id check_cron_expression check_schedule_enabled
    restore_check_cron_expression"""
TABLES = {
    "users": "id username password_hash created_at",
    "repositories": REPOSITORY,
    "scripts": "id name description file_path category timeout shell run_on created_at is_template parameters",
    "repository_scripts": """id repository_id script_id hook_type execution_order enabled custom_timeout custom_run_on
        continue_on_error skip_on_failure parameter_values created_at""",
    "scheduled_jobs": """id name cron_expression schedule_mode timezone repository repository_id enabled description
        archive_name_template run_repository_scripts pre_backup_script_id post_backup_script_id run_prune_after
        run_compact_after prune_keep_hourly prune_keep_daily prune_keep_weekly prune_keep_monthly prune_keep_quarterly
        prune_keep_yearly prune_keep_within execution_mode source_ssh_connection_id created_at""",
    "scheduled_job_repositories": "id scheduled_job_id repository_id execution_order",
    "ssh_keys": "id name public_key private_key is_system_key created_at",
    "ssh_connections": "id ssh_key_id host username port use_sudo",
    "backup_plans": "id name source_type source_directories exclude_patterns schedule_enabled cron_expression timezone",
    "backup_plan_repositories": "id backup_plan_id repository_id enabled",
    "agent_machines": "id name",
    "backup_jobs": "id repository_id status",
    "a_table_of_tomorrow": "id name",
}
OLD = {  # of the first versions: no library, no plans
    "users": "id username password_hash",
    "repositories": "id name path encryption passphrase source_directories repository_type host port username "
    "pre_backup_script post_backup_script hook_timeout",
    "scheduled_jobs": "id name cron_expression repository enabled created_at",
}


class OverThere:
    """`add` makes a row and gives its number; texts, numbers and JSON go in as Python values."""

    def __init__(self, folder: Path, tables: dict[str, str] = TABLES) -> None:
        self.folder, self.database, self.tables = folder, folder / "borg.db", tables
        self._numbers = count(1)
        (folder / "scripts" / "library").mkdir(parents=True)
        (folder / ".secret_key").write_text(SECRET)
        with self.connection() as connection:
            for name, columns in tables.items():
                connection.execute(f"CREATE TABLE {name} ({', '.join(columns.split())})")

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.database)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            yield connection
            connection.commit()

    def add(self, table: str, **values: Any) -> int:
        number = next(self._numbers)
        row = {
            "id": number,
            **({"created_at": BORN.format(number)} if "created_at" in self.tables[table] else {}),
            **values,
        }
        plain = {name: json.dumps(value) if isinstance(value, list | dict) else value for name, value in row.items()}
        marks = ", ".join("?" * len(plain))
        with self.connection() as connection:
            connection.execute(f"INSERT INTO {table} ({', '.join(plain)}) VALUES ({marks})", list(plain.values()))
        return int(row["id"])

    def repository(self, name: str, **values: Any) -> int:
        defaults = {"path": f"/backups/{name}", "encryption": "none", "source_directories": ["/srv/data"]}
        return self.add("repositories", name=name, **{**defaults, **values})

    def script(self, name: str, text: str | None, **values: Any) -> int:
        """Without a text its file is missing."""
        file_path = f"library/{name.lower().replace(' ', '_')}.sh"
        if text is not None:
            (self.folder / "scripts" / file_path).write_bytes(text.encode())
        return self.add("scripts", name=name, **{"file_path": file_path, "timeout": 120, "run_on": "always", **values})

    def assign(self, repository: int, script: int, hook: str, **values: Any) -> int:
        return self.add(
            "repository_scripts",
            repository_id=repository,
            script_id=script,
            hook_type=hook,
            **{"execution_order": 1.0, "enabled": 1, **values},
        )

    def state(self) -> dict[str, tuple[str, int]]:
        """Every file with hash and time: to be the same before and after."""
        files = sorted(path for path in self.folder.rglob("*"))
        return {str(path): (_digest(path), path.stat().st_mtime_ns) for path in files}

    def counts(self) -> dict[str, int]:
        with self.connection() as connection:
            names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


def sealed(text: str, secret: str = SECRET, *, old: bool = False) -> str:
    """As that product encrypts it; older releases took the first 32 bytes."""
    key = secret.encode()[:32] if old else hashlib.sha256(secret.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key)).encrypt(text.encode()).decode()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def usual(folder: Path) -> OverThere:
    """Something of everything."""
    there = OverThere(folder)
    there.add("users", username="admin", password_hash="x")
    web = there.repository(
        "web", pre_backup_script="#!/bin/bash\ndocker stop web db\n", post_backup_script="docker start db web"
    )
    away = there.repository(
        "web off-site",
        path="ssh://u1@backup.example.net:23/./web",
        encryption="repokey-blake2",
        passphrase="made up 1",
        pre_backup_script="#!/bin/bash\r\ndocker stop -t 5 web db\r\n",
    )
    photos = there.repository("photos", encryption="repokey", passphrase=sealed("made up 2"), compression="zstd,3")
    dumps = there.repository(
        "dumps",
        pre_backup_script='mysqldump -u "$DB_USER" -p"${DB_PASSWORD}" -h "${DB_HOST:-localhost}" shop > /dumps/shop.sql',
        pre_backup_script_parameters={"DB_USER": "backup", "DB_PASSWORD": "made up 3"},
        pre_hook_timeout=900,
        continue_on_hook_failure=1,
    )
    containers = [{"name": "CONTAINERS", "type": "text", "default": "", "required": True}]
    token = [
        {"name": "API_TOKEN", "type": "password", "required": True},
        {"name": "URL", "default": "http://127.0.0.1"},
    ]
    stop = there.script("Stop", "#!/bin/bash\ndocker stop ${CONTAINERS}\n", parameters=containers)
    start = there.script("Start", "docker start ${CONTAINERS}\n", parameters=containers)
    ping = there.script(
        "Ping", '#!/bin/sh\ncurl -H "$API_TOKEN" "$URL" "$HOSTNAME_THERE"\n', parameters=token, run_on="failure"
    )
    gone = there.script("Gone", None)
    there.assign(
        photos, stop, "pre-backup", parameter_values={"CONTAINERS": "immich"}, continue_on_error=0, skip_on_failure=1
    )
    there.assign(
        photos,
        ping,
        "post-backup",
        execution_order=1.5,
        custom_run_on="always",
        parameter_values={"API_TOKEN": sealed("made up 4")},
    )
    there.assign(
        photos,
        start,
        "post-backup",
        execution_order=1.25,
        custom_timeout=600,
        parameter_values={"CONTAINERS": "immich"},
    )
    there.assign(photos, gone, "post-backup", execution_order=3, enabled=0)
    there.add(
        "scheduled_jobs",
        name="nightly",
        cron_expression="15 3 * * *",
        timezone="Europe/Berlin",
        repository_id=photos,
        enabled=1,
        run_prune_after=1,
        prune_keep_daily=9,
        prune_keep_quarterly=2,
    )
    weekly = there.add(
        "scheduled_jobs", name="weekly", cron_expression="0 4 * * 0", enabled=0, pre_backup_script_id=stop
    )
    for place, repository in enumerate((away, web, dumps), 1):
        there.add(
            "scheduled_job_repositories", scheduled_job_id=weekly, repository_id=repository, execution_order=place
        )
    plan = there.add(
        "backup_plans", name="everything", source_directories=["/srv"], schedule_enabled=1, cron_expression="0 1 * * *"
    )
    there.add("backup_plan_repositories", backup_plan_id=plan, repository_id=web, enabled=1)
    there.add("backup_jobs", repository_id=web, status="completed")
    there.add("a_table_of_tomorrow", name="?")
    return there
