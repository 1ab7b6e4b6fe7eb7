"""Remove what was made of a run that is not to be."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from rla.core.layout import KINDS, LOG, RunPaths
from rla.fsio.atomic_write import remove_temporaries


def undo(paths: RunPaths) -> None:
    """Remove what this process has just made, what tells whose it is last: till then it can be found."""
    import shutil  # noqa: PLC0415 - 6 ms that a start that succeeds need not pay

    for kind in reversed(KINDS):
        if kind == LOG:
            _remove_but_identity(paths)
        shutil.rmtree(paths.directory(kind), ignore_errors=True)
        remove_empty_parents(paths.directory(kind).parent, paths.root / kind)


def clear_claim(paths: RunPaths, uid: str) -> None:
    """Remove a claimed directory that never became a run, and the dates it leaves empty.

    Args:
        paths: The place that was claimed.
        uid: What the run was to be called. Directories that carry another uid stay.
    """
    remove_temporaries(paths.log)
    if _was_being_filled(paths, uid):
        undo(paths)
    with contextlib.suppress(OSError):
        paths.log.rmdir()
    remove_empty_parents(paths.log.parent, paths.root / LOG)


def remove_empty_parents(directory: Path, stop: Path) -> None:
    """Remove a directory and those above it as long as they are empty, up to and with ``stop``."""
    while directory.is_relative_to(stop):
        try:
            directory.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            return
        directory = directory.parent


def _was_being_filled(paths: RunPaths, uid: str) -> bool:
    """Whether everything at the place was put there for a run that has no manifest yet."""
    if os.path.lexists(paths.manifest) or not uid:
        return False
    owners = {kind: _owner(paths, kind) for kind in KINDS if paths.directory(kind).is_dir()}
    return owners.get(LOG) == uid and set(owners.values()) <= {uid, ""}


def _owner(paths: RunPaths, kind: str) -> str:
    """The uid in the marker of a kind; empty when a kill came before it was written."""
    try:
        return paths.marker(kind).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return "" if not os.listdir(paths.directory(kind)) else "?"  # noqa: PTH208 - names are enough
    except (OSError, ValueError):
        return "?"


def _remove_but_identity(paths: RunPaths) -> None:
    import shutil  # noqa: PLC0415 - as in undo

    kept = {paths.manifest, paths.marker(LOG)}
    with contextlib.suppress(OSError):
        for left in paths.log.iterdir():
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            elif left not in kept:
                left.unlink()
