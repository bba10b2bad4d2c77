"""An example of every body that the API takes, and one made from its schema for every answer."""

from typing import Any

SCRIPT = "#!/bin/sh\nexec docker stop nextcloud\n"
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
BODIES: dict[str, dict[str, Any]] = {
    "create_script": {"name": "Stop Nextcloud", "content": SCRIPT, "timeout": 120},
    "change_script": {"content": SCRIPT, "sha256": SHA, "description": "Before the backup."},
    "settle_drift": {"action": "keep"},
    "decide_about_script": {"action": "approve", "sha256": SHA},
    "upgrade_script": {"action": "merge", "sha256": SHA},
    "try_script": {"repository_id": 1, "hook_type": "pre-backup"},
    "assign": {"script_id": 1, "hook_type": "pre-backup", "on_failure": "abort"},
    "change_assignment": {"enabled": True, "custom_timeout": 60, "parameters": {"CONTAINERS": "nextcloud"}},
    "reorder": {"hook_type": "pre-backup", "order": [2, 1]},
    "create_repository": {
        "name": "photos",
        "path": "/srv/backup/photos",
        "source_paths": ["/home/anna/photos"],
        "passphrase": "correct horse battery staple",
    },
    "change_repository": {"keep_daily": 14, "compression": "zstd,6"},
    "close_promise": {"note": "Started the containers by hand."},
    "confirm_pruning": {"fingerprint": "3b5d5c3712955042"},
    "create_schedule": {"name": "nightly", "repositories": [1], "cron_expression": "30 2 * * *"},
    "change_schedule": {"enabled": False},
    "create_window": {
        "name": "Night",
        "cron_expression": "17 2 * * *",
        "pre_scripts": [1],
        "post_scripts": [{"script_id": 2, "custom_run_on": "always"}],
    },
    "change_window": {"max_parallel": 2},
    "pause_schedule": {"until": "2026-12-01T08:00:00Z"},
    "pause_everything": {"until": None},
    "create_channel": {"name": "phone", "url": "ntfys://ntfy.example.org/backups"},
    "change_channel": {"enabled": False},
}
SAMPLES: dict[str, Any] = {
    "name": "photos",
    "script_name": "Stop Nextcloud",
    "path": "/srv/backup/photos",
    "source_paths": ["/home/anna/photos"],
    "content": SCRIPT,
    "sha256": SHA,
    "status": "success",
    "outcome": "success",
    "data": "good",
    "services": "up",
    "hook_type": "pre-backup",
    "run_on": "always",
    "on_failure": "abort",
    "triggered_by": "api",
    "encryption": "repokey-blake2",
    "compression": "lz4",
    "archive_name_template": "{name}-{now}",
    "archive_name": "photos-2026-11-22T03:00:00",
    "cron_expression": "30 2 * * *",
    "timezone": "Europe/Berlin",
    "timeout": 300,
    "file_path": "library/stop-nextcloud_1a2b3c.sh",
    "category": "custom",
    "stream": "o",
    "kind": "ntfy",
}
MOMENT = "2026-11-22T03:00:00Z"


def add(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Where there is none yet."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if body and operation["operationId"] in BODIES:
        body.setdefault("example", BODIES[operation["operationId"]])
    for answer in operation["responses"].values():
        content = answer.get("content", {}).get("application/json")
        if content:
            content.setdefault("example", made(content["schema"], schemas))


def made(schema: dict[str, Any], schemas: dict[str, Any], name: str = "") -> Any:
    """A value that fits `schema`; `name` is that of the field."""
    if "$ref" in schema:
        return made(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        return made(schema["anyOf"][0], schemas, name)
    kind = schema.get("type")
    if kind == "array":
        return SAMPLES[name] if isinstance(SAMPLES.get(name), list) else [made(schema.get("items", {}), schemas)]
    if kind == "object" or "properties" in schema:
        return {field: made(details, schemas, field) for field, details in schema.get("properties", {}).items()}
    if name in SAMPLES:
        return SAMPLES[name]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "date-time":
        return MOMENT
    return {"integer": schema.get("minimum", 1), "number": 1.5, "boolean": True}.get(str(kind), "")
