"""The key of this installation, and the machines it knows."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backups import ssh, target
from backups.models import Repository
from backups.places import Place
from tests import sshd
from tests.sshd import HOST, Sshd

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("data_dir")]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with sshd.running(tmp_path / "sshd") as running:
        yield running


def test_the_key_is_made_on_first_use_and_stays_the_same() -> None:
    first = ssh.public_key()
    assert first.startswith("ssh-ed25519 ")
    assert "PRIVATE" not in first
    assert ssh.public_key() == first


def test_nobody_else_can_read_the_key() -> None:
    ssh.public_key()
    assert stat.S_IMODE(ssh.folder().stat().st_mode) == 0o700
    assert stat.S_IMODE(ssh.key_file().stat().st_mode) == 0o600


def test_before_the_key_is_made_ssh_is_used_as_it_is_configured() -> None:
    assert ssh.remote_shell() == ""
    assert target.of(Repository(path="ssh://nas/backup")).rsh == ""


def test_with_the_key_only_hosts_that_somebody_trusted_are_called() -> None:
    ssh.public_key()
    shell = target.of(Repository(path="ssh://nas/backup")).rsh
    assert str(ssh.key_file()) in shell
    assert "StrictHostKeyChecking=yes" in shell
    assert "IdentitiesOnly=yes" in shell
    assert target.of(Repository(path="/backup")).rsh == ""


def test_the_keys_of_an_agent_that_is_passed_on_are_still_offered(settings: Any) -> None:
    settings.PASS_ENV = ["SSH_AUTH_SOCK"]
    ssh.public_key()
    assert "IdentitiesOnly" not in ssh.remote_shell()


def test_an_ssh_command_that_is_passed_on_wins(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh.public_key()
    monkeypatch.setenv("BORG_RSH", "ssh -F /somewhere")
    assert "/somewhere" not in target.of(Repository(path="ssh://nas/backup")).rsh
    settings.PASS_ENV = ["BORG_RSH"]
    assert target.of(Repository(path="ssh://nas/backup")).rsh == "ssh -F /somewhere"


def test_a_scan_shows_the_fingerprint_that_ssh_keygen_shows(server: Sshd) -> None:
    [key] = ssh.scan(HOST, server.port).keys
    shown = ssh._output(["ssh-keygen", "-lf", str(server.folder / "host_key.pub")])
    assert key.fingerprint in shown
    assert key.name == "ED25519"


def test_a_machine_that_does_not_answer_shows_nothing(server: Sshd) -> None:
    server.stop()
    scan = ssh.scan(HOST, server.port)
    assert (scan.keys, bool(scan.error)) == ((), True)


@pytest.mark.parametrize("host", ["-oProxyCommand=touch /tmp/x", "a b", "", "--"])
def test_a_name_that_would_be_an_option_is_no_name(host: str) -> None:
    assert "no name" in ssh.scan(host, 22).error
    assert ssh.known(host, 22) == []


def test_a_trusted_machine_lets_us_run_borg_there(server: Sshd) -> None:
    server.let_in(ssh.public_key(), only_borg=False)
    place, fingerprints = Place("/", HOST, server.user, server.port), [key.fingerprint for key in scanned(server)]
    assert ssh.probe(place, ["true"], 20).exit_code == 255
    assert ssh.trust(HOST, server.port, fingerprints)
    assert ssh.known(HOST, server.port) == scanned(server)
    assert ssh.probe(place, ["true"], 20).exit_code == 0
    assert ssh.probe(place, ["/nonesuch"], 20).exit_code == 127


def test_a_key_that_came_with_an_import_opens_what_it_opened(server: Sshd, tmp_path: Path) -> None:
    ssh._output(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "theirs")])
    server.let_in((tmp_path / "theirs.pub").read_text().strip(), only_borg=False)
    ssh.import_key((tmp_path / "theirs").read_text())
    ssh.trust(HOST, server.port, [key.fingerprint for key in scanned(server)])
    assert ssh.probe(Place("/", HOST, server.user, server.port), ["true"], 20).exit_code == 0


def test_only_the_keys_that_somebody_saw_are_trusted(server: Sshd) -> None:
    ssh.public_key()
    assert ssh.trust(HOST, server.port, ["SHA256:another"]) == []
    assert ssh.known(HOST, server.port) == []


def test_a_new_key_takes_the_place_of_the_old_one_and_others_stay(server: Sshd) -> None:
    ssh.public_key()
    ssh.trust(HOST, server.port, [key.fingerprint for key in scanned(server)])
    other = ssh.HostKey("nas", "ssh-ed25519", scanned(server)[0].blob)
    ssh._write_known_hosts(ssh._all_known(), [other])
    server.install_again()
    new = scanned(server)
    ssh.trust(HOST, server.port, [key.fingerprint for key in new])
    assert ssh.known(HOST, server.port) == new
    assert ssh.known("nas", None) == [other]


def scanned(server: Sshd) -> list[ssh.HostKey]:
    return list(ssh.scan(HOST, server.port).keys)
