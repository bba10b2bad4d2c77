"""How a poke is written into the queue: as JSON.

huey's own way is pickle, which runs what it reads. The queue may be a file or a Redis that others can write to; what
they could do by it is to poke, and rows decide what follows.
"""

import json
from datetime import datetime
from typing import Any

from huey.registry import Message
from huey.serializer import Serializer

MOMENTS = ("eta", "expires", "expires_resolved")
NOT_USED = ("on_complete", "on_error", "chord_config")  # tasks behind tasks: rows say what comes next


class JsonSerializer(Serializer):
    """Tasks with plain arguments. Raises TypeError for another one, ValueError for what is not ours."""

    def _serialize(self, data: Any) -> bytes:
        value = {"task": _fields(data)} if isinstance(data, Message) else {"data": data}
        return json.dumps(value).encode()

    def _deserialize(self, data: bytes) -> Any:
        value = json.loads(data)
        if not isinstance(value, dict) or not isinstance(value.get("task", {}), dict):
            raise ValueError("This is no message of ours.")
        return _message(value["task"]) if "task" in value else value.get("data")


def _fields(message: Message) -> dict[str, Any]:
    found = {name: value for name, value in message._asdict().items() if value is not None}
    if unknown := [name for name in NOT_USED if name in found]:
        raise TypeError(f"{unknown[0]} is not written into the queue.")
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in found.items()}


def _message(fields: dict[str, Any]) -> Message:
    known = {name: fields[name] for name in Message._fields if name in fields and name not in NOT_USED}
    moments = {name: datetime.fromisoformat(known[name]) for name in MOMENTS if isinstance(known.get(name), str)}
    arguments = {"args": tuple(known.get("args") or ()), "kwargs": dict(known.get("kwargs") or {})}
    return Message(**{**known, **moments, **arguments})
