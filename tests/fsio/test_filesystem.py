"""Which file system holds a path."""

import os
import subprocess
from pathlib import Path

import pytest

from rla.fsio.filesystem import filesystem_type, is_local

SAMPLE = b"""\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
40 22 0:40 / /net rw,relatime shared:9 master:2 - nfs4 server:/export rw,vers=4.2
41 40 0:41 / /net/scratch rw - lustre ost@tcp:/fs rw
42 22 0:42 / /with\\040blank\\011tab\\134slash rw - xfs /dev/sdb rw
43 22 0:43 / /M\xe9\x0c\xe2\x80\xa8x rw - btrfs /dev/sdc rw
44 22 0:44 / /twice rw - ext4 /dev/sdd rw
45 44 0:45 / /twice rw - cifs //server/share rw
not a line of this file

"""


@pytest.fixture
def mounts(tmp_path):
    path = tmp_path / "mountinfo"
    path.write_bytes(SAMPLE)
    return path


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/user/x", "ext4"),
        ("/", "ext4"),
        ("/net", "nfs4"),
        ("/net/home", "nfs4"),
        ("/network", "ext4"),
        ("/net/scratch/deep/er", "lustre"),
        ("/with blank\ttab\\slash/x", "xfs"),
        (os.fsdecode(b"/M\xe9\x0c\xe2\x80\xa8x/y"), "btrfs"),
        ("/twice/x", "cifs"),
        ("/net/../home", "ext4"),
    ],
)
def test_the_nearest_mount_above_a_path_decides(mounts, path, kind):
    assert filesystem_type(Path(path), mounts) == kind


def test_a_link_is_followed(mounts, tmp_path):
    (tmp_path / "link").symlink_to("/net/scratch")
    assert filesystem_type(tmp_path / "link/x", mounts) == "lustre"


def test_without_a_table_the_type_is_unknown(tmp_path):
    assert filesystem_type(tmp_path, tmp_path / "gone") is None


def test_a_mounted_tmpfs_is_told_by_this_kernel(tiny_disk):
    assert filesystem_type(tiny_disk / "not/yet/there") == "tmpfs"
    assert is_local(tiny_disk)


def test_a_file_system_that_is_not_known_counts_as_a_network(tmp_path):
    mount = tmp_path / "proc"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "proc", "rla-test", mount], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is refused: {done.stderr.strip()}")
    try:
        assert not is_local(mount)
    finally:
        subprocess.run(["umount", mount], check=True)
