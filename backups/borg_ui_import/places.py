"""Where a repository of Borg Web UI is, and with which connection and key it was reached."""

from collections.abc import Sequence

from backups.models import Encryption
from backups.places import Place
from backups.repository_rules import normal_path, path_problem

from .reading import Installation
from .rows import Row
from .scripts import LeaveOut

BORG_2 = ("aes-ocb", "aes256-ocb", "chacha20")
SSH_PORT = 22


def path_of(row: Row, installation: Installation) -> str:
    """As borg takes it. Raises LeaveOut."""
    path = row.text("path").strip()
    if path.startswith("rclone:"):
        raise LeaveOut("It is reached by rclone, which borg 1 cannot do.")
    if row.text("repository_type") == "ssh" and path.startswith("/"):  # as the oldest versions have it
        path = _composed(row, path, connection_of(row, installation))
    if "://" in path and not path.startswith(("ssh://", "file://")):
        raise LeaveOut(f"borg cannot reach {path.partition('://')[0]}:// places.")
    path = normal_path(installation.here(path.removeprefix("file://")))
    if problem := path_problem(path):
        raise LeaveOut(f"Its path cannot be used: {problem}")
    return path


def _composed(row: Row, path: str, connection: Row | None) -> str:
    said = connection or row
    host, user = said.text("host").strip(), said.text("username").strip()
    if not host:
        raise LeaveOut("It is on another machine, and the name of that machine is missing.")
    port = said.number("port", SSH_PORT)
    return Place(path, host, user, None if port == SSH_PORT else port).path


def refuse_other_borg(row: Row, installation: Installation) -> None:
    """Raises LeaveOut for what this borg, or this machine, cannot have."""
    encryption = row.text("encryption").lower()
    if row.number("borg_version", 1) == 2 or any(word in encryption for word in BORG_2):
        raise LeaveOut("It was made by Borg 2, which is not supported here.")
    if "agent" in (row.text("executor_type"), row.text("execution_target")):
        agents = {one.id: one for one in installation.rows("agent_machines")}
        agent = agents.get(row.number("agent_machine_id", 0) or 0)
        where = f" '{agent.name}'" if agent else ""
        raise LeaveOut(f"An agent on the machine{where} backs it up: install borgui there.")


def encryption_of(row: Row) -> str:
    """borg's own answer counts as soon as the repository is tried; "" where what is said is not known."""
    said = row.text("encryption").strip().lower() or Encryption.REPOKEY.value
    return said if said in Encryption.values else ""


# --- connections and keys ---------------------------------------------------------------------------------------------
def connection_of(row: Row, installation: Installation) -> Row | None:
    """The one it names, else the one to the same machine."""
    connections = installation.rows("ssh_connections")
    if row.has("connection_id"):
        return next((one for one in connections if one.id == row.number("connection_id")), None)
    place = Place.of(row.text("path").strip())
    wanted = (place.host or row.text("host"), place.user or row.text("username"))
    if not wanted[0]:
        return None
    port = place.port or row.number("port", SSH_PORT)
    same = (one for one in connections if (one.text("host"), one.text("username")) == wanted)
    return next((one for one in same if one.number("port", SSH_PORT) == port), None)


def key_of(row: Row, installation: Installation) -> Row | None:
    """The key that opened it: of its connection, its own, else the one of the whole system."""
    keys: Sequence[Row] = installation.rows("ssh_keys")
    connection = connection_of(row, installation)
    wanted = (
        connection.number("ssh_key_id") if connection and connection.has("ssh_key_id") else row.number("ssh_key_id")
    )
    named = next((key for key in keys if key.id == wanted), None)
    return named or next((key for key in keys if key.flag("is_system_key")), None)
