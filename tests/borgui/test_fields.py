import copy
import pickle
from pathlib import Path

import pytest
from django.core import serializers
from django.core.exceptions import FieldError
from django.db import connection
from pytest_django import Settings

from backups.models import Repository
from borgui import vault
from borgui.accounts.models import Installation
from borgui.encryption import NoKey, make_key
from borgui.fields import EncryptedJSONField, EncryptedTextField, is_sealed
from scripts_library.models import Script

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def keys(settings: Settings, tmp_path: Path) -> Path:
    settings.KEYS_DIR = tmp_path / "keys"
    settings.ENCRYPTION_KEYS = []
    return tmp_path / "keys"


def lose_key(keys: Path) -> None:
    (keys / "encryption_key").rename(keys / "lost")
    vault.forget_keys()


def stored(model: type, column: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {model._meta.db_table}")
        return str(cursor.fetchone()[0])


def repository(passphrase: str = "correct horse") -> Repository:
    return Repository.objects.create(name="home", path="/r", source_paths=["/s"], passphrase=passphrase)


def script(**parameters: object) -> Script:
    return Script.objects.create(name="s", file_path="library/s.sh", sha256="0" * 64, parameters=parameters)


def test_a_text_is_encrypted_in_the_database_and_plain_when_loaded() -> None:
    repository()
    assert "horse" not in stored(Repository, "passphrase")
    assert Repository.objects.get().passphrase == "correct horse"


def test_a_dict_is_encrypted_in_the_database_and_plain_when_loaded() -> None:
    script(TOKEN={"secret": "s3cret"}, COUNT=3, ON=True)
    assert "s3cret" not in stored(Script, "parameters")
    assert Script.objects.get().parameters == {"TOKEN": {"secret": "s3cret"}, "COUNT": 3, "ON": True}


def test_empty_values_are_stored_empty_and_need_no_key(keys: Path) -> None:
    repository("")
    script()
    assert stored(Repository, "passphrase") == stored(Script, "parameters") == ""
    assert Repository.objects.get().passphrase == ""
    assert Script.objects.get().parameters == {}
    assert not keys.exists()


def test_an_update_of_rows_encrypts_too() -> None:
    repository()
    Repository.objects.update(passphrase="another one")
    assert "another" not in stored(Repository, "passphrase")
    assert Repository.objects.get().passphrase == "another one"


def test_a_value_under_a_lost_key_is_loaded_sealed_and_written_back_unchanged(keys: Path) -> None:
    repository()
    script(A="b")
    before = stored(Repository, "passphrase"), stored(Script, "parameters")
    lose_key(keys)
    row, entry = Repository.objects.get(), Script.objects.get()
    assert is_sealed(row.passphrase)
    assert row.passphrase == ""
    assert is_sealed(entry.parameters)
    assert entry.parameters == {}
    row.save()
    entry.save()
    assert (stored(Repository, "passphrase"), stored(Script, "parameters")) == before


def test_a_sealed_value_survives_copying_and_pickling(keys: Path) -> None:
    repository()
    script(A="b")
    lose_key(keys)
    for value in (Repository.objects.get().passphrase, Script.objects.get().parameters):
        for twin in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
            assert is_sealed(twin)
            assert twin.token == value.token


def test_a_sealed_value_opens_again_when_the_key_is_back(keys: Path) -> None:
    repository()
    lose_key(keys)
    Repository.objects.get().save()
    (keys / "lost").rename(keys / "encryption_key")
    vault.forget_keys()
    assert Repository.objects.get().passphrase == "correct horse"


def test_a_damaged_value_does_not_keep_the_row_from_loading() -> None:
    repository()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE repositories SET passphrase = 'nonsense'")
    assert is_sealed(Repository.objects.get().passphrase)


def test_a_new_value_replaces_a_sealed_one(keys: Path) -> None:
    row = repository()
    lose_key(keys)
    make_key(keys)
    row = Repository.objects.get()
    row.passphrase = "entered again"
    row.save()
    assert Repository.objects.get().passphrase == "entered again"


def test_no_new_key_is_made_while_secrets_wait_for_the_old_one(keys: Path) -> None:
    vault.seal_canary()
    lose_key(keys)
    with pytest.raises(NoKey, match="missing"):
        repository()
    assert not (keys / "encryption_key").exists()


def test_the_canary_is_sealed_once_and_beside_what_the_row_holds() -> None:
    Installation.objects.create(time_zone="Europe/Berlin")
    vault.seal_canary()
    first = Installation.objects.get().key_canary
    vault.seal_canary()
    installation = Installation.objects.get()
    assert installation.key_canary == first != ""
    assert installation.time_zone == "Europe/Berlin"


def test_only_emptiness_can_be_asked_for() -> None:
    repository()
    assert Repository.objects.filter(passphrase="").count() == 0
    assert Repository.objects.exclude(passphrase="").count() == 1
    assert Repository.objects.filter(passphrase__isnull=True).count() == 0
    for lookup in ({"passphrase": "correct horse"}, {"passphrase__contains": "c"}, {"passphrase__in": ["c"]}):
        with pytest.raises(FieldError):
            Repository.objects.filter(**lookup).count()


def test_a_dump_holds_no_plain_secret_and_loads_again() -> None:
    repository()
    dump = serializers.serialize("json", Repository.objects.all())
    assert "horse" not in dump
    Repository.objects.all().delete()
    for entry in serializers.deserialize("json", dump):
        entry.save()
    assert Repository.objects.get().passphrase == "correct horse"


def test_a_form_of_the_model_never_offers_the_field() -> None:
    assert EncryptedTextField().formfield() is None
    assert EncryptedJSONField().formfield() is None
