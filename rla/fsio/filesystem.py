"""Tell a local disk from a network file system."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path
from typing import Final

_LOCAL: Final = frozenset(
    "apfs bcachefs btrfs exfat ext2 ext3 ext4 f2fs hfs jfs ntfs overlay reiserfs tmpfs vfat xfs zfs".split()  # noqa: SIM905
)
_MOUNTS: Final = Path("/proc/self/mountinfo")


@cache
def is_local(path: Path) -> bool:
    """Whether SQLite's locks can be trusted where a path lies.

    On Linux the type of the file system decides; one that is not known counts as a network.
    Elsewhere there is no such table, and the disk counts as local. Asked once per path and process.

    Args:
        path: A file or directory; it need not exist yet.
    """
    if not sys.platform.startswith("linux"):
        return True
    kind = filesystem_type(path)
    return kind is None or kind in _LOCAL


def filesystem_type(path: Path, mounts: Path = _MOUNTS) -> str | None:
    """The type of the file system that holds a path, as Linux names it; None when unknown."""
    try:
        lines = mounts.read_bytes().decode("utf-8", "surrogateescape").split("\n")
    except OSError:
        return None
    target = os.path.realpath(path)
    best, kind = "", None
    for line in lines:
        left, separator, right = line.partition(" - ")
        if not separator:
            continue
        mount = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), left.split(" ")[4])
        inside = target == mount or target.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, right.split(" ")[0]
    return kind
