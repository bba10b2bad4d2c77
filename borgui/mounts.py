"""On which file system a path is, and whether that one is fit for locks and a database. Plain Python, Linux."""

import re
from dataclasses import dataclass
from pathlib import Path

# flock and SQLite's locks do not hold between hosts there, or not at all.
NETWORK = re.compile(
    r"(nfs\d?|cifs|smb\d?|smbfs|ncpfs|afs|coda|ceph|glusterfs|lustre|beegfs|gpfs|ocfs2|gfs2|orangefs|"
    r"fuse\.(sshfs|rclone|s3fs|s3ql|glusterfs|ceph|ceph-fuse|cephfs|davfs2?|smbnetfs|curlftpfs|gcsfuse|blobfuse2?|"
    r"goofys|juicefs|seaweedfs|mount_davfs)|davfs2?)"
)


@dataclass(frozen=True)
class Mount:
    point: Path
    kind: str

    @property
    def is_network(self) -> bool:
        return NETWORK.fullmatch(self.kind) is not None


def mount_of(path: Path, mountinfo: str | None = None) -> Mount | None:
    """The mount that holds `path`; None where the system does not tell. `mountinfo`: as in /proc/self/mountinfo."""
    text = _mountinfo() if mountinfo is None else mountinfo
    mounts = [mount for line in text.splitlines() if (mount := _parse(line))]
    holders = [mount for mount in mounts if path.is_relative_to(mount.point)]
    # the longest point holds it; of two mounts at one point the later one hides the other
    return max(reversed(holders), key=lambda mount: len(mount.point.parts), default=None)


def _mountinfo() -> str:
    try:
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _parse(line: str) -> Mount | None:
    """proc(5): the fifth field is the mount point, the type follows a lone dash; spaces are written as \\040."""
    before, dash, after = line.partition(" - ")
    fields = before.split(" ")
    if not dash or len(fields) < 5:
        return None
    point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[4])
    return Mount(Path(point), after.split(" ", 1)[0])
