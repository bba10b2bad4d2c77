"""Archives by the hundred, with names and times of one's choice: `borg create` would take half a second for each."""

import os
import subprocess
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

# Run by borg's own Python: archives without files, made by borg's own code and written with one commit.
MAKE = """
import sys
from datetime import datetime
from borg.archive import Archive
from borg.cache import Cache
from borg.helpers import Manifest
from borg.logger import setup_logging
from borg.repository import Repository

setup_logging()
with Repository(sys.argv[1], exclusive=True) as repository:
    manifest, key = Manifest.load(repository, Manifest.NO_OPERATION_CHECK)
    with Cache(repository, key, manifest) as cache:
        commits = repository.commit, cache.commit
        repository.commit = cache.commit = lambda **how: None
        for line in sys.stdin.read().splitlines():
            name, _, moment = line.rpartition("\\t")
            archive = Archive(repository, key, manifest, name, cache=cache, create=True)
            archive.save(timestamp=datetime.fromisoformat(moment))
        repository.commit, cache.commit = commits
        repository.commit(compact=False)
        cache.commit()
"""


def make(program: str, repository: str | Path, archives: Iterable[tuple[str, datetime]], base: Path) -> None:
    """Add archives of these names and times (UTC) to an unencrypted repository; `base` is a folder for borg's cache."""
    lines = "".join(f"{name}\t{moment.replace(tzinfo=None).isoformat()}\n" for name, moment in archives)
    python = Path(program).read_text(encoding="utf-8").splitlines()[0].removeprefix("#!").strip()
    subprocess.run(
        [*python.split(), "-c", MAKE, str(repository)],
        input=lines,
        text=True,
        check=True,
        env={
            **os.environ,
            "TZ": "UTC",
            "BORG_BASE_DIR": str(base),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        },
    )
