from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from borgui.encryption import CannotDecrypt, KeyProblem, NoKey, Vault, make_key, read_keys

KEY, OLDER = "A" * 43 + "=", "B" * 43 + "="


def test_what_was_encrypted_is_decrypted_and_is_not_readable_before() -> None:
    token = Vault([KEY]).encrypt("größer ✓")
    assert "größer" not in token
    assert Vault([KEY]).decrypt(token) == "größer ✓"


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    old = Vault([OLDER]).encrypt("secret")
    both = Vault([KEY, OLDER])
    assert both.decrypt(old) == "secret"
    assert Vault([KEY]).decrypt(both.encrypt("secret")) == "secret"


def test_rotation_moves_a_secret_under_the_first_key() -> None:
    old = Vault([OLDER]).encrypt("secret")
    assert Vault([KEY]).decrypt(Vault([KEY, OLDER]).rotate(old)) == "secret"


@pytest.mark.parametrize(
    "token", ["", "nonsense", "gAAAAA", "ä", pytest.param(Fernet(OLDER).encrypt(b"x").decode(), id="another key")]
)
def test_what_no_key_opens_cannot_be_decrypted(token: str) -> None:
    with pytest.raises(CannotDecrypt):
        Vault([KEY]).decrypt(token)


def test_no_key_and_a_malformed_key_are_refused_and_the_key_is_not_in_the_message() -> None:
    with pytest.raises(NoKey):
        Vault([])
    with pytest.raises(KeyProblem, match="malformed") as caught:
        Vault(["my-short-key"])
    assert "my-short-key" not in str(caught.value)


def test_a_key_is_made_once_with_rights_for_its_owner_alone(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    key = make_key(keys)
    assert make_key(keys) == key == read_keys(keys)[0]
    assert (keys / "encryption_key").stat().st_mode & 0o777 == 0o600
    assert keys.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in keys.iterdir()] == ["encryption_key"]


def test_older_keys_stand_behind_the_first(tmp_path: Path) -> None:
    (tmp_path / "encryption_key.2025").write_text(OLDER)
    (tmp_path / "encryption_key").write_text(KEY + "\n")
    assert read_keys(tmp_path) == [KEY, OLDER]


def test_a_key_file_that_holds_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "encryption_key").write_text(KEY)
    (tmp_path / "encryption_key.old").write_text("not a key")
    with pytest.raises(KeyProblem, match=r"encryption_key\.old: .*malformed"):
        read_keys(tmp_path)


def test_a_directory_without_keys_has_none(tmp_path: Path) -> None:
    assert read_keys(tmp_path / "not there") == []


def test_an_empty_key_file_is_told_and_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "encryption_key").touch()
    with pytest.raises(KeyProblem, match="is empty"):
        read_keys(tmp_path)
    with pytest.raises(KeyProblem):
        make_key(tmp_path)
    assert (tmp_path / "encryption_key").read_bytes() == b""
