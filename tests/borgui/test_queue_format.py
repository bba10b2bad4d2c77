"""What stands in the queue is JSON: a pickle in it is not opened, and takes no worker down."""

import os
import pickle
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from huey import SqliteHuey
from huey.registry import Message

from borgui.queue_format import JsonSerializer


class Bomb:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.fixture
def huey(tmp_path: Path) -> SqliteHuey:
    return SqliteHuey(filename=str(tmp_path / "huey.db"), results=False, serializer=JsonSerializer())


def test_the_product_uses_it() -> None:
    from huey.contrib.djhuey import HUEY

    assert isinstance(HUEY.serializer, JsonSerializer)
    assert settings.HUEY["results"] is False


def test_a_task_comes_out_as_it_went_in(huey: SqliteHuey) -> None:
    ran = []

    @huey.task()
    def poke(*words: Any, **more: Any) -> None:
        ran.append((words, more))

    poke(7, "ä", repeat=True)
    huey.execute(huey.dequeue())
    poke.schedule((8,), delay=timedelta(seconds=60))
    assert ran == [((7, "ä"), {"repeat": True})]
    (waiting,) = huey.scheduled() or [huey.dequeue()]
    assert isinstance(waiting.eta, datetime)


def test_a_pickle_in_the_queue_is_not_opened(huey: SqliteHuey, tmp_path: Path) -> None:
    trace = tmp_path / "was opened"
    huey.storage.enqueue(pickle.dumps(Bomb(trace)))
    with pytest.raises(ValueError):
        huey.dequeue()
    assert not trace.exists()
    assert huey.dequeue() is None


@pytest.mark.parametrize("data", [b"", b"\x80\x04", b"[]", b"3", b'{"task": 3}', b'{"task": {"eta": "never"}}'])
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        JsonSerializer().deserialize(data)


def test_what_json_cannot_hold_is_not_put_in() -> None:
    with pytest.raises(TypeError):
        JsonSerializer().serialize(Message("1", "x", args=(Path("/"),), kwargs={}))
    with pytest.raises(TypeError):
        JsonSerializer().serialize(Message("1", "x", args=(), kwargs={}, on_complete=Message("2", "y")))
