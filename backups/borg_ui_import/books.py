"""Every row of the other database has one fate, and what was left out has a reason."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .rows import Row

IMPORTED, THERE, LEFT_OUT = "imported", "there_already", "left_out"
HISTORY = "What ran there stays there: history begins anew here. The archives themselves are in the repositories."
PEOPLE = "Accounts and their rights stay there: make them anew here."
OURS_ALONE = "It is about Borg Web UI itself."
UNKNOWN = "There is nothing here that would correspond to it."
REASONS = {
    "backup_jobs": HISTORY, "restore_jobs": HISTORY, "check_jobs": HISTORY, "restore_check_jobs": HISTORY,
    "compact_jobs": HISTORY, "prune_jobs": HISTORY, "delete_archive_jobs": HISTORY, "repository_wipe_jobs": HISTORY,
    "script_executions": HISTORY, "backup_plan_runs": HISTORY, "backup_plan_run_repositories": HISTORY,
    "backup_job_retry_lineage": HISTORY, "backup_plan_run_retry_lineage": HISTORY, "agent_jobs": HISTORY,
    "agent_job_logs": HISTORY, "availability_schedule_skips": HISTORY, "package_install_jobs": HISTORY,
    "rclone_sync_jobs": HISTORY, "auth_events": HISTORY,
    "users": PEOPLE, "api_tokens": PEOPLE, "passkey_credentials": PEOPLE, "user_repository_permissions": PEOPLE,
    "notification_settings": "Add the channel under Settings, Notifications. Its address stays there.",
    "repository_notifications": "Every channel here hears of every repository.",
    "backup_plan_repositories": "It belongs to a backup plan, and there are none here.",
    "backup_plan_scripts": "It belongs to a backup plan, and there are none here.",
    "agent_machines": "Agents on other machines: install borgui there, or mount their folders here.",
    "agent_enrollment_tokens": "Agents on other machines: install borgui there, or mount their folders here.",
    "repository_storage": "borg keeps its repositories in folders and over SSH here; rclone is not used.",
    "rclone_remotes": "borg keeps its repositories in folders and over SSH here; rclone is not used.",
    "rclone_oauth_provider_credentials": "borg keeps its repositories in folders and over SSH here; rclone is not used.",
    "remote_backend_clients": "Each installation of borgui stands for itself.",
    "installed_packages": "Install what scripts need on the machine itself.",
    "configurations": "A configuration of borgmatic: enter what it says here, once.",
    "system_settings": OURS_ALONE, "alembic_version": OURS_ALONE, "licensing_state": OURS_ALONE,
    "auth_rate_limit_buckets": OURS_ALONE, "oidc_login_states": OURS_ALONE, "oidc_exchange_grants": OURS_ALONE,
    "mqtt_sync_state": OURS_ALONE,
}  # fmt: skip


@dataclass(frozen=True)
class LeftOut:
    """A row, a part of one, or all rows of a table (`id` None, `count` of them)."""

    table: str
    id: int | None
    name: str
    reason: str
    count: int = 1

    def to_dict(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "id": self.id,
            "name": self.name,
            "reason": self.reason,
            "count": self.count,
        }


@dataclass
class Books:
    counts: Mapping[str, int]  # of all tables
    fates: dict[str, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    left_out: list[LeftOut] = field(default_factory=list)

    def imported(self, row: Row) -> None:
        self.fates[row.table][row.id] = IMPORTED

    def there(self, row: Row) -> None:
        self.fates[row.table][row.id] = THERE

    def leave_out(self, row: Row, name: str, reason: str) -> None:
        self.fates[row.table][row.id] = LEFT_OUT
        self.left_out.append(LeftOut(row.table, row.id, name, reason))

    def leave_part_out(self, row: Row, name: str, reason: str) -> None:
        """Something that the row says; the row itself comes along."""
        self.left_out.append(LeftOut(row.table, row.id, name, reason))

    def close(self) -> None:
        """What nobody has spoken for is left out, table by table."""
        for table, count in self.counts.items():
            rest = count - len(self.fates.get(table, {}))
            if rest > 0:
                name = table.replace("_", " ").capitalize()
                self.left_out.append(LeftOut(table, None, name, REASONS.get(table, UNKNOWN), rest))

    def rows(self) -> dict[str, dict[str, int]]:
        """For every table that is not empty how many rows it has, and what became of them."""
        return {table: self._of(table, count) for table, count in self.counts.items() if count}

    def _of(self, table: str, count: int) -> dict[str, int]:
        fates = list(self.fates.get(table, {}).values())
        told = {fate: fates.count(fate) for fate in (IMPORTED, THERE)}
        return {"rows": count, **told, LEFT_OUT: count - sum(told.values())}
