"""Keys are rotated: nothing is lost, nobody is disturbed, and a killed rotation is finished by the next call."""

import json
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.management import call_command

from backups.models import Channel, Repository
from borgui import rotation, vault
from borgui.accounts.models import Installation
from borgui.commands import Refused
from borgui.encryption import KEY_FILE, NoKey, Vault, is_sealed, read_keys
from borgui.fields import EncryptedTextField

PHRASE = "correct horse battery"


@pytest.fixture
def keys(settings: Any, data_dir: Path) -> Path:
    """A folder of keys of this test alone, with one key."""
    folder = data_dir / "keys"
    folder.unlink()  # the link to the session's
    settings.KEYS_DIR = folder
    vault.make_key(folder)
    return folder


def rows(count: int = 1) -> list[Repository]:
    Installation.objects.filter(pk=1).delete()
    vault.seal_canary()
    return [Repository.objects.create(name=f"r{n}", path=f"/r{n}", passphrase=f"{PHRASE} {n}") for n in range(count)]


def is_whole(count: int = 1) -> bool:
    found = list(Repository.objects.order_by("id").values_list("passphrase", flat=True))
    return found == [f"{PHRASE} {n}" for n in range(count)] and vault.key_problem() == ""


@pytest.mark.django_db
def test_everything_is_under_the_new_key_and_the_old_one_is_gone(keys: Path) -> None:
    rows(250)
    Channel.objects.create(name="phone", url="json://localhost/secret", kind="x")
    old = read_keys(keys)
    report = rotation.rotate(settle=0)
    assert (report.new_key, report.removed, report.unreadable) == (True, True, [])
    assert report.changed == 252  # and the canary
    assert [path.name for path in keys.glob(f"{KEY_FILE}*")] == [KEY_FILE]
    assert read_keys(keys) != old
    assert (keys / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert is_whole(250)
    assert Channel.objects.get().url == "json://localhost/secret"
    assert rotation.encrypt_again(rotation.Report()) == 0


def test_no_encrypted_column_is_forgotten() -> None:
    fields = [
        field for model in apps.get_models() for field in model._meta.fields if isinstance(field, EncryptedTextField)
    ]
    assert {(one.model._meta.db_table, one.column) for one in fields} <= {
        (column.table, column.name) for column in rotation.columns()
    }
    assert len(rotation.columns()) == len(fields) + 1


@pytest.mark.django_db
@pytest.mark.parametrize("done", ["next", "linked", "replaced", "half"])
def test_it_goes_on_where_it_was_killed(keys: Path, done: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows(3)
    new = Fernet.generate_key().decode()
    (keys / rotation.NEXT).write_text(new)
    if done != "next":
        (keys / rotation.RETIRING).hardlink_to(keys / KEY_FILE)
    if done in ("replaced", "half"):
        (keys / rotation.NEXT).replace(keys / KEY_FILE)
    if done == "half":
        Repository.objects.get(name="r1").save()
    assert is_whole(3)
    report = rotation.rotate(settle=0)
    assert (report.new_key, report.removed) == (False, True)
    assert read_keys(keys) == [new]
    assert is_whole(3)


@pytest.mark.django_db
def test_what_somebody_changes_meanwhile_is_theirs(keys: Path) -> None:
    (repository,) = rows()
    column = next(one for one in rotation.columns() if one.table == "repositories")
    ((pk, token),) = rotation.stored(column, 0)
    Repository.objects.filter(pk=pk).update(passphrase="another phrase")
    assert rotation.replace(column, pk, token, "gAAAAAnonsense") == 0
    repository.refresh_from_db()
    assert repository.passphrase == "another phrase"


@pytest.mark.django_db
def test_a_late_write_under_the_old_key_keeps_the_old_key(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that began before the switch, and ends while the command waits."""
    rows()
    old = Vault(read_keys(keys))
    waits = []

    def late(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            column = next(one for one in rotation.columns() if one.table == "repositories")
            ((pk, token),) = rotation.stored(column, 0)
            rotation.replace(column, pk, token, old.encrypt(f"{PHRASE} 0"))

    monkeypatch.setattr(time, "sleep", late)
    assert rotation.rotate().removed
    assert len(waits) == 2
    assert is_whole()


@pytest.mark.django_db
def test_a_value_that_no_key_opens_is_named_and_left(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows(2)
    sealed = Vault([Fernet.generate_key().decode()]).encrypt("lost")
    column = next(one for one in rotation.columns() if one.table == "repositories")
    (pk, token), _ = rotation.stored(column, 0)
    rotation.replace(column, pk, token, sealed)
    with pytest.raises(SystemExit) as ended:
        call_command("rotate_keys", "--settle=0", "--json")
    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["unreadable"] == [f"repositories.passphrase of row {pk}"]
    assert rotation.stored(column, 0)[0][1] == sealed
    assert is_sealed(Repository.objects.get(pk=pk).passphrase)


@pytest.mark.django_db
def test_keys_of_the_environment_are_used_and_never_changed(
    keys: Path, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    rows()
    (old,) = read_keys(keys)
    (keys / KEY_FILE).unlink()
    settings.ENCRYPTION_KEYS = [old]
    with pytest.raises(Refused, match="in front of the others"):
        call_command("rotate_keys", "--settle=0")
    call_command("rotate_keys", "--new-key")
    new = capsys.readouterr().out.strip()
    settings.ENCRYPTION_KEYS = [new, old]
    call_command("rotate_keys", "--settle=0")
    assert "take them out" in capsys.readouterr().out
    settings.ENCRYPTION_KEYS = [new]
    assert is_whole()
    assert not (keys / KEY_FILE).exists()


@pytest.mark.django_db
def test_without_a_key_there_is_nothing_to_rotate(keys: Path) -> None:
    (keys / KEY_FILE).unlink()
    with pytest.raises(NoKey):
        rotation.rotate(settle=0)


@pytest.mark.django_db
def test_two_at_once_are_one(keys: Path) -> None:
    rows()
    with rotation.alone(keys), pytest.raises(Refused, match="another process"):
        call_command("rotate_keys", "--settle=0")


@pytest.mark.faults
def test_killed_at_any_moment_it_is_finished_by_the_next_call(
    keys: Path, installation: Any, data_dir: Path, make_repository: Callable[..., Any]
) -> None:
    """A process that reads and writes all the while, as a job does, never meets a secret that it cannot open."""
    rows(400)
    for _ in range(4):
        rotating = installation.start(
            "rotate_keys", "--settle=5"
        )  # longer than a look at the rows: it holds old values
        deadline = time.monotonic() + random.uniform(0.5, 3)
        while rotating.poll() is None and time.monotonic() < deadline:
            assert is_whole(400)
            Repository.objects.get(name="r7").save()
        rotating.send_signal(signal.SIGKILL)
        rotating.communicate()
        assert is_whole(400)
    assert installation.json("rotate_keys", "--settle=0")["unreadable"] == []
    assert [path.name for path in keys.glob(f"{KEY_FILE}*")] == [KEY_FILE]
    assert is_whole(400)
