"""Which values a field of a body may have, for the OpenAPI document, as far as a schema can say it.

The rules themselves, with the sentence for who breaks them, are those of the apps (`repository_rules` and its like). A
test sends what is just inside and just outside of each limit.
"""

from typing import Any

DAY, MONTH, LARGEST = 24 * 3600, 30 * 24 * 3600, 2**31 - 1
Limit = dict[str, Any]


def between(least: int, most: int) -> Limit:
    return {"minimum": least, "maximum": most}


LIMITS: dict[str, Limit] = {
    "timeout": between(1, DAY),
    "custom_timeout": between(1, DAY),
    "upload_rate_limit": between(1, LARGEST),
    "lock_wait": between(0, 7 * DAY),
    "backup_timeout": between(1, MONTH),
    "max_downtime": between(1, MONTH),
    "pre_hook_timeout": between(1, DAY),
    "post_hook_timeout": between(1, DAY),
    **dict.fromkeys(["keep_hourly", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly"], between(0, 100_000)),
    "check_every_days": between(1, 3650),
    "keep_within": {"pattern": "^([1-9][0-9]{0,5}[Hdwmy])?$"},
    "jitter": between(0, DAY),
    "catch_up": between(0, MONTH),
    "max_parallel": between(1, 100),
    "max_duration": between(60, 7 * DAY),
    "WindowIn.description": {"maxLength": 10_000},
    "WindowChange.description": {"maxLength": 10_000},
    "source_paths": {"maxItems": 2000},
    "exclude_patterns": {"maxItems": 2000},
    "exclude_if_present": {"maxItems": 2000},
    "ping_url": {"maxLength": 1000},
}


def add(details: dict[str, Any], schema: str, field: str) -> None:
    """To the field's own type; null stays allowed where it is."""
    limit = LIMITS.get(f"{schema}.{field}") or LIMITS.get(field)
    if limit:
        types = [one for one in details.get("anyOf", [details]) if one.get("type") != "null"]
        types[0].update(limit)
