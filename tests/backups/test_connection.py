"""What is found at the place of a repository, with the real borg; and with a real sshd for other machines."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from backups import borg, connection, ssh, target
from backups.connection import Finding, Kind
from backups.models import Repository
from tests import sshd
from tests.sshd import Sshd

pytestmark = [pytest.mark.borg, pytest.mark.usefixtures("data_dir")]

PASSPHRASE = "correct horse battery"


def at(path: Path | str, **fields: str) -> Repository:
    return Repository(**{"path": str(path), "passphrase": PASSPHRASE, "encryption": "repokey-blake2", **fields})


def made(path: Path | str, **fields: str) -> Repository:
    """A repository that borg made there."""
    repository = at(path, **fields)
    answer = borg.init(borg.find(""), target.of(repository), repository.encryption)
    assert answer.ok, answer.sentence
    return repository


# --- on this machine --------------------------------------------------------------------------------------------------
def test_a_free_place_and_an_empty_folder_are_ready_for_a_new_repository(tmp_path: Path) -> None:
    assert connection.test(at(tmp_path / "new")).kind == Kind.NOTHING
    (tmp_path / "empty").mkdir()
    assert connection.test(at(tmp_path / "empty")).kind == Kind.NOTHING


def test_a_repository_that_is_there_is_found(tmp_path: Path) -> None:
    finding = connection.test(made(tmp_path / "repository"))
    assert (finding.kind, finding.archives, finding.is_there) == (Kind.REPOSITORY, 0, True)


def test_a_wrong_passphrase_is_told_at_the_passphrase(tmp_path: Path) -> None:
    made(tmp_path / "repository")
    finding = connection.test(at(tmp_path / "repository", passphrase="something else"))
    assert (finding.kind, finding.field) == (Kind.WRONG_PASSPHRASE, "passphrase")


def test_an_unencrypted_repository_is_not_taken_for_an_encrypted_one(tmp_path: Path) -> None:
    made(tmp_path / "repository", encryption="none", passphrase="")
    finding = connection.test(at(tmp_path / "repository"))
    assert (finding.kind, finding.field) == (Kind.UNENCRYPTED, "encryption")
    assert connection.test(at(tmp_path / "repository", encryption="none", passphrase="")).kind == Kind.REPOSITORY


def test_a_folder_that_is_missing_can_be_made(tmp_path: Path) -> None:
    repository = at(tmp_path / "a" / "b" / "repository")
    finding = connection.test(repository)
    assert (finding.kind, finding.missing) == (Kind.NO_FOLDER, str(tmp_path / "a" / "b"))
    assert connection.make_folder(repository).kind == Kind.NOTHING


def test_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one").write_text("dear all")
    assert connection.test(at(tmp_path / "letters")).kind == Kind.SOMETHING_ELSE
    assert connection.test(at(tmp_path / "letters" / "one")).kind == Kind.SOMETHING_ELSE


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    assert connection.test(at(tmp_path / "closed" / "repository")).kind == Kind.NOT_ALLOWED


# --- on another one ---------------------------------------------------------------------------------------------------
@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with sshd.running(tmp_path / "sshd") as running:
        yield running


@pytest.fixture
def trusted(server: Sshd) -> Sshd:
    """It lets us in, and we know it."""
    server.let_in(ssh.public_key())
    assert ssh.trust(sshd.HOST, server.port, [key.fingerprint for key in ssh.scan(sshd.HOST, server.port).keys])
    return server


@pytest.mark.services
def test_an_unknown_machine_is_called_only_after_somebody_has_trusted_it(server: Sshd) -> None:
    server.let_in(ssh.public_key())
    repository = at(server.address("photos"))
    finding = connection.test(repository)
    assert finding.kind == Kind.UNKNOWN_HOST
    assert ssh.known(sshd.HOST, server.port) == []
    assert connection.trust(repository, [finding.shown[0].fingerprint]).kind == Kind.NOTHING


@pytest.mark.services
def test_another_host_key_than_before_is_an_alarm(trusted: Sshd) -> None:
    [before] = ssh.known(sshd.HOST, trusted.port)
    trusted.install_again()
    finding = connection.test(at(trusted.address("photos")))
    assert (finding.kind, finding.trusted) == (Kind.CHANGED_HOST, (before,))
    assert finding.shown != finding.trusted
    assert connection.trust(at(trusted.address("photos")), [finding.shown[0].fingerprint]).kind == Kind.NOTHING


@pytest.mark.services
def test_what_goes_wrong_on_the_way_is_told_apart(trusted: Sshd) -> None:
    found: dict[str, Finding] = {
        "no folder": connection.test(at(trusted.address("none/photos"))),
        "elsewhere": connection.test(at(f"ssh://{trusted.user}@{sshd.HOST}:{trusted.port}/elsewhere")),
        "repository": connection.test(made(trusted.address("photos"))),
        "passphrase": connection.test(at(trusted.address("photos"), passphrase="something else")),
    }
    trusted.let_in(ssh.public_key(), only_borg=False)
    found["no borg"] = connection.test(at(trusted.address("photos"), remote_path="/nonesuch/borg"))
    trusted.let_in("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGfakefakefakefakefakefakefakefakefakefakefakefa other")
    found["no login"] = connection.test(at(trusted.address("photos")))
    trusted.stop()
    found["no answer"] = connection.test(at(trusted.address("photos")))
    assert {name: finding.kind for name, finding in found.items()} == {
        "no folder": Kind.NO_FOLDER,
        "elsewhere": Kind.NOT_ALLOWED,
        "repository": Kind.REPOSITORY,
        "passphrase": Kind.WRONG_PASSPHRASE,
        "no borg": Kind.NO_BORG,
        "no login": Kind.NO_LOGIN,
        "no answer": Kind.REFUSED,
    }
