from pathlib import Path

import pytest

from borgui.mounts import Mount, mount_of

INFO = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:40 / /srv rw,relatime shared:1 - nfs4 nas:/srv rw
31 30 8:2 / /srv/local\\040disk rw,relatime - xfs /dev/sdb1 rw
32 22 0:41 / /mnt rw - ext4 /dev/sdc1 rw
33 22 0:42 / /mnt rw - fuse.sshfs me@host:/ rw
nonsense
"""


@pytest.mark.parametrize(
    ("path", "point", "kind"),
    [
        ("/", "/", "ext4"),
        ("/var/lib/borgui", "/", "ext4"),
        ("/srv/data", "/srv", "nfs4"),
        ("/srvdata", "/", "ext4"),
        ("/srv/local disk/data", "/srv/local disk", "xfs"),
        ("/mnt/data", "/mnt", "fuse.sshfs"),
    ],
)
def test_the_longest_and_latest_mount_point_holds_a_path(path: str, point: str, kind: str) -> None:
    assert mount_of(Path(path), INFO) == Mount(Path(point), kind)


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "ceph", "fuse.sshfs", "fuse.glusterfs", "fuse.rclone"])
def test_network_file_systems_are_known(kind: str) -> None:
    assert Mount(Path("/"), kind).is_network


@pytest.mark.parametrize(
    "kind", ["ext4", "xfs", "btrfs", "zfs", "overlay", "tmpfs", "f2fs", "fuse.mergerfs", "fuseblk"]
)
def test_local_file_systems_are_accepted(kind: str) -> None:
    assert not Mount(Path("/"), kind).is_network


def test_the_real_mount_of_the_root_is_found() -> None:
    mount = mount_of(Path("/"))
    assert mount is not None
    assert mount.point == Path("/")


def test_a_system_that_does_not_tell_is_no_error() -> None:
    assert mount_of(Path("/"), "") is None
