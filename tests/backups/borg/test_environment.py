import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from backups.borg import Borg, Target, environment
from backups.borg.environment import SSH_OPTIONS, remote_shell

BORG = Borg("/usr/bin/borg", (1, 2, 4))
TARGET = Target(path="/r", base_dir=Path("/base"), host_id="here@1", passphrase="top secret", encryption="repokey")


def test_nothing_of_the_server_passes_but_what_is_named(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/some/bin")
    monkeypatch.setenv("HOME", "/some/home")
    monkeypatch.setenv("BORGUI_SECRET_KEY", "x")
    monkeypatch.setenv("BORG_REPO", "/elsewhere")
    monkeypatch.setenv("LC_ALL", "de_DE")
    given = environment(BORG, replace(TARGET, pass_env={"SSH_AUTH_SOCK": "/agent", "HOME": "/other"}))
    assert set(given) == {
        "PATH",
        "HOME",
        "LANG",
        "TZ",
        "BORG_BASE_DIR",
        "BORG_CACHE_DIR",
        "BORG_HOST_ID",
        "BORG_EXIT_CODES",
        "BORG_RSH",
        "BORG_RELOCATED_REPO_ACCESS_IS_OK",
        "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK",
        "SSH_AUTH_SOCK",
    }
    assert (given["PATH"], given["HOME"]) == ("/some/bin", "/some/home")


def test_the_passphrase_is_not_in_the_environment() -> None:
    assert "top secret" not in str(environment(BORG, TARGET))


def test_versions_share_keys_and_never_a_cache() -> None:
    old, new = environment(BORG, TARGET), environment(Borg("/opt/borg", (1, 4, 5)), TARGET)
    assert old["BORG_BASE_DIR"] == new["BORG_BASE_DIR"] == "/base"
    assert old["BORG_CACHE_DIR"] != new["BORG_CACHE_DIR"]


@pytest.mark.parametrize(
    ("encryption", "passphrase", "answer"),
    [
        ("none", "", "yes"),
        ("authenticated-blake2", "x", "yes"),
        ("repokey", "x", "no"),
        ("repokey", "", "no"),
        ("", "x", "no"),
        ("", "", "yes"),
    ],
)
def test_an_unknown_unencrypted_repository_is_only_used_where_none_was_asked_for(
    encryption, passphrase, answer
) -> None:
    given = environment(BORG, replace(TARGET, encryption=encryption, passphrase=passphrase))
    assert given["BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK"] == answer


def test_ssh_notices_a_dead_connection_and_asks_nobody() -> None:
    words = shlex.split(remote_shell(""))
    assert words[0] == "ssh"
    assert "BatchMode=yes" in words
    assert any(word.startswith("ServerAliveInterval=") for word in words)
    assert "StrictHostKeyChecking" not in SSH_OPTIONS


def test_a_configured_ssh_keeps_its_options_first() -> None:
    assert remote_shell("ssh -i /key") == f"ssh -i /key {SSH_OPTIONS}"


def test_a_program_that_is_not_ssh_gets_no_options_of_ssh() -> None:
    assert remote_shell("/opt/tunnel --fast") == "/opt/tunnel --fast"
