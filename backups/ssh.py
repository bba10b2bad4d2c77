"""How this installation shows itself to other machines, and how it knows them: its key, and the host keys people trust.

Both are kept in the data directory. The key is ed25519, without a passphrase (nobody is there at night to enter one),
made when somebody first needs it. A host key gets into `known_hosts` only when a person has seen its fingerprint and
said that it is the right one; ssh itself never adds one (ssh_config(5), StrictHostKeyChecking=yes).
"""

import base64
import binascii
import fcntl
import hashlib
import os
import pwd
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from borgui import process

from .host import hostname
from .places import Place

SCAN_SECONDS = 5
HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*|[0-9A-Fa-f:]+(%\w+)?")  # a name, or an address; never an option
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+$-]*")
IMPORTED = "imported-"  # how the names of keys begin that came with an import
DEFAULT_IDENTITIES = ("id_ed25519", "id_ecdsa", "id_rsa")
KINDS = {"ssh-ed25519": "ED25519", "ssh-rsa": "RSA"}


class SshUnavailable(Exception):
    """A tool of OpenSSH is missing or refused; the text says which, and why."""


@dataclass(frozen=True)
class HostKey:
    """The key of a machine, as `known_hosts` and ssh-keyscan write it."""

    host: str  # as in known_hosts: with brackets and port where that is not 22
    kind: str  # ssh-ed25519
    blob: str  # base64

    @property
    def fingerprint(self) -> str:
        """As ssh and ssh-keygen -l show it."""
        digest = hashlib.sha256(base64.b64decode(self.blob)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def name(self) -> str:
        return KINDS.get(self.kind, "ECDSA" if self.kind.startswith("ecdsa") else self.kind)

    @property
    def line(self) -> str:
        return f"{self.host} {self.kind} {self.blob}"


@dataclass(frozen=True)
class Scan:
    """The keys that a machine shows; `error` where it shows none."""

    keys: tuple[HostKey, ...] = ()
    error: str = ""


# --- our key ----------------------------------------------------------------------------------------------------------
def folder() -> Path:
    return settings.DATA_DIR / "ssh"


def key_file() -> Path:
    return folder() / "id_ed25519"


def known_hosts_file() -> Path:
    return folder() / "known_hosts"


def public_key() -> str:
    """The line for `authorized_keys` on the other machine; the key is made where there is none. Raises SshUnavailable."""
    try:
        with _alone():
            if not key_file().exists():
                _make_key()
            return key_file().with_suffix(".pub").read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SshUnavailable(f"The key of this installation cannot be kept in {folder()}: {error.strerror}.") from error


def _make_key() -> None:
    """Under another name first: a half-made key is never used."""
    draft = folder() / "draft"
    for leftover in (draft, draft.with_suffix(".pub")):
        leftover.unlink(missing_ok=True)
    _output(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"borgui@{hostname()}", "-f", str(draft)])
    draft.with_suffix(".pub").replace(key_file().with_suffix(".pub"))
    draft.replace(key_file())


@contextmanager
def _alone() -> Iterator[None]:
    """One at a time, also among processes: two keys for one installation would lock it out of one of them."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(folder() / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# --- keys that came with an import -------------------------------------------------------------------------------------
def imported_keys() -> list[Path]:
    """Private keys of another program, which open what they opened there; offered after our own."""
    return sorted(path for path in folder().glob(f"{IMPORTED}*") if not path.name.endswith(".new"))


def imported_key_file(text: str) -> Path:
    """Where a private key is kept, or would be: the same key has the same name."""
    return folder() / f"{IMPORTED}{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def import_key(text: str) -> Path:
    """Keep a private key without a passphrase. Written whole or not at all. Raises OSError."""
    path = imported_key_file(text)
    with _alone():
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    return path


# --- the ssh command --------------------------------------------------------------------------------------------------
def remote_shell() -> str:
    """The ssh command with our keys and our known hosts; empty (plain ssh, as it is configured) where we have no key.

    What worked before the key was made goes on working: keys in the usual places and those of an agent are offered
    too, and hosts that this user knows are known.
    """
    ours = [key for key in (key_file(), *imported_keys()) if key.exists()]
    if not ours:
        return ""
    identities = [*ours, *_own_identities()]
    hosts = f'UserKnownHostsFile="{known_hosts_file()}" {_home() / "known_hosts"}'
    words = ["ssh", *(word for path in identities for word in ("-i", str(path))), "-o", hosts]
    if "SSH_AUTH_SOCK" not in settings.PASS_ENV:
        words += ["-o", "IdentitiesOnly=yes"]
    return shlex.join([*words, "-o", "StrictHostKeyChecking=yes"])


def _home() -> Path:
    """ssh goes by the account, not by HOME."""
    return Path(pwd.getpwuid(os.getuid()).pw_dir) / ".ssh"


def _own_identities() -> list[Path]:
    return [path for name in DEFAULT_IDENTITIES if os.access(path := _home() / name, os.R_OK)]


# --- the keys of other machines ---------------------------------------------------------------------------------------
def scan(host: str, port: int | None) -> Scan:
    """Ask a machine for its keys. They prove nothing: a person compares the fingerprints."""
    if not HOST.fullmatch(host):
        return Scan(error=f"{host!r} is no name of a machine.")
    words = ["ssh-keyscan", "-T", str(SCAN_SECONDS), "-p", str(port or 22), "-t", "ed25519,ecdsa,rsa", "--", host]
    try:
        keys = _parse(_output(words, may_fail=True))
    except SshUnavailable as problem:
        return Scan(error=str(problem))
    return Scan(tuple(keys)) if keys else Scan(error=f"{host} showed no key on port {port or 22}.")


def known(host: str, port: int | None) -> list[HostKey]:
    """The keys that are trusted for a machine: those people said so here, and those of this user's ssh."""
    return [
        key
        for file in (known_hosts_file(), _home() / "known_hosts")
        if file.exists() and HOST.fullmatch(host)
        for key in _parse(_output(["ssh-keygen", "-F", _entry(host, port), "-f", str(file)], may_fail=True))
    ]


def trust(host: str, port: int | None, fingerprints: Collection[str]) -> list[HostKey]:
    """Store those keys of a machine whose fingerprints a person has approved, in the place of all that was known here.

    The machine is asked again, so nothing that a browser sent gets into the file. Returns the keys stored: none where
    the machine shows others by now.
    """
    approved = [key for key in scan(host, port).keys if key.fingerprint in fingerprints]
    if approved:
        with _alone():
            _write_known_hosts([key for key in _all_known() if key.host != _entry(host, port)], approved)
    return approved


def _write_known_hosts(others: list[HostKey], approved: list[HostKey]) -> None:
    draft = folder() / ".known_hosts"
    draft.write_text("".join(f"{key.line}\n" for key in [*others, *approved]), encoding="utf-8")
    draft.chmod(0o600)
    draft.replace(known_hosts_file())


def _all_known() -> list[HostKey]:
    file = known_hosts_file()
    return _parse(file.read_text(encoding="utf-8")) if file.exists() else []


def _entry(host: str, port: int | None) -> str:
    return f"[{host}]:{port}" if port and port != 22 else host


def _parse(text: str) -> list[HostKey]:
    """Lines `HOST KIND BLOB`; comments, marked lines and what is no key are passed over."""
    found = [line.split() for line in text.splitlines() if line.strip() and line[0] not in "#@"]
    return [HostKey(*words[:3]) for words in found if len(words) >= 3 and _is_blob(words[2])]


def _is_blob(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False


@dataclass(frozen=True)
class Said:
    """How a tool ended. `exit_code` is None where it was stopped or killed."""

    exit_code: int | None
    out: str
    err: str


def probe(place: Place, command: list[str], seconds: float) -> Said:
    """Run a command on the other machine. Exit code 255 is ssh's own, and `err` says why. Raises SshUnavailable."""
    words = [*shlex.split(remote_shell() or "ssh"), "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
    port = ["-p", str(place.port)] if place.port else []
    passed = {name: os.environ[name] for name in settings.PASS_ENV if name in os.environ}
    return _run([*words, *port, "--", place.login, shlex.join(command)], seconds, passed)


def _output(argv: list[str], *, may_fail: bool = False) -> str:
    """What a tool of OpenSSH printed. Raises SshUnavailable."""
    said = _run(argv, 4 * SCAN_SECONDS)
    if said.exit_code != 0 and not may_fail:
        raise SshUnavailable(said.err.strip() or f"{argv[0]} failed.")
    return said.out


def _run(argv: list[str], seconds: float, passed: Mapping[str, str] | None = None) -> Said:
    printed: dict[str, bytearray] = {"o": bytearray(), "e": bytearray()}
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}
    result = process.run(
        argv,
        env={**(passed or {}), **environment},
        cwd="/",
        timeout=seconds,
        on_output=lambda stream, data, _ms: printed[stream].extend(data),
    )
    if result.error:
        raise SshUnavailable(result.error)
    return Said(result.exit_code, *(printed[stream].decode("utf-8", "replace") for stream in "oe"))
