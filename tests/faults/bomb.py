"""manage.py with a bomb: counts commits, spawns and waits from outside and ends this process with SIGKILL at the n-th.

    BOMB_AT=17 python bomb.py run_job 3        BOMB_AT=0 BOMB_LOG=file: only list the events

Nothing in the product knows of this: what is counted are calls of the standard library and of Django.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
WRITES = ("UPDATE", "INSERT", "DELETE")


@dataclass
class Bomb:
    """Goes off at the `at`-th event (0: never); notes every event in the file `log`, if there is one.

    `number`: the signal that it sends, for a process may also be asked to stop, or be suspended, at any moment.
    """

    at: int = 0
    log: str = ""
    number: int = signal.SIGKILL
    count: int = 0

    def event(self, name: str) -> None:
        self.count += 1
        if self.log:
            with open(self.log, "a") as file:
                file.write(f"{self.count} {name}\n")
        if self.count == self.at:
            os.kill(os.getpid(), self.number)


bomb = Bomb()


def event(name: str) -> None:
    bomb.event(name)


def arm(chosen: Bomb) -> None:
    """From here on this process counts."""
    global bomb
    bomb = chosen
    count_commits()
    subprocess.Popen = CountingPopen  # type: ignore[misc]
    select.poll = CountingPoll  # type: ignore[assignment, misc]
    os.fsync = around("fsync", os.fsync)  # type: ignore[assignment]


def around(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        event(f"before {name}")
        result = call(*args, **kwargs)
        event(f"after {name}")
        return result

    return wrapped


def count_commits() -> None:
    from django.db.backends.sqlite3 import base

    execute = base.SQLiteCursorWrapper.execute

    def counted(self: Any, sql: str, params: Any = None) -> Any:
        is_write = sql.startswith(WRITES)
        alone = is_write and not self.connection.in_transaction
        name = " ".join(sql.split()[:3])
        if alone:
            event(f"before commit of {name}")
        result = execute(self, sql, params)
        if is_write:
            event(f"after commit of {name}" if alone else f"inside a transaction, after {name}")
        return result

    base.SQLiteCursorWrapper.execute = counted
    base.DatabaseWrapper._commit = around("COMMIT", base.DatabaseWrapper._commit)


class CountingPoll:
    """select.poll, each wait an event: once before it blocks, once a moment into it."""

    def __init__(self) -> None:
        self._poll = real_poll()
        self._waits = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._poll, name)

    def poll(self, timeout: float | None = None) -> Any:
        self._waits += 1
        if self._waits <= 2:  # every child has at least these; how many more follow is chance
            event("before a wait")
        return self._poll.poll(timeout)


real_poll = select.poll
real_popen = subprocess.Popen


class CountingPopen(real_popen):  # type: ignore[type-arg]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        event("before spawn")
        super().__init__(*args, **kwargs)
        event("after spawn")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "borgui.settings")
    sys.path.insert(0, str(ROOT))
    import django

    django.setup()
    arm(Bomb(int(os.environ.get("BOMB_AT", "0")), os.environ.get("BOMB_LOG", "")))
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", *sys.argv[1:]])


if __name__ == "__main__":
    main()
