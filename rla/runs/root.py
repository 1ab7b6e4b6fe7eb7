"""One data root: made ready for its first run, and known by its own id."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from rla.core.layout import RootPaths, user_cache_dir
from rla.fsio.atomic_write import TEMP_MARK, atomic_write
from rla.fsio.claim_dir import make_dirs
from rla.fsio.filesystem import is_local
from rla.fsio.journal import keep_reserve


def prepare_root(paths: RootPaths) -> str:
    """Make a data root's own directories unless they are there; safe in many processes at once.

    Returns:
        The root's id.

    Raises:
        OSError: The root cannot be written.
    """
    if not paths.spool.is_dir():
        make_dirs(paths.spool)
    return read_root_id(paths) or _give_id(paths)


def read_root_id(paths: RootPaths) -> str | None:
    """The id in ``root.json``, or None before the first run."""
    try:
        found = msgspec.json.decode(paths.root_json.read_bytes())["root_id"]
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None


def index_location(paths: RootPaths, index_url: str | None) -> str | Path:
    """Where this machine keeps the index of a root.

    SQLite is never opened on a network file system: each machine then has an index of its own
    in the user's cache directory, brought up to date from the root's files.
    """
    if index_url:
        return index_url
    if is_local(paths.root):
        return paths.database
    return user_cache_dir() / "index" / f"{read_root_id(paths) or 'unknown'}.db"


def is_shared_by_files(paths: RootPaths, index_url: str | None) -> bool:
    """Whether machines meet in the files of this root only, each with an index of its own."""
    return not index_url and not is_local(paths.root)


def _give_id(paths: RootPaths) -> str:
    """Of many processes that give an id at once, the first link wins."""
    content = msgspec.json.encode({"root_id": os.urandom(8).hex(), "schema_version": 1}) + b"\n"
    own = paths.state_dir / f".root.{os.urandom(4).hex()}{TEMP_MARK}"
    atomic_write(own, content)
    try:
        os.link(own, paths.root_json)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links: there the last of two first runs wins
        atomic_write(paths.root_json, content)
    own.unlink()
    found = read_root_id(paths)
    if found is None:
        message = f"{paths.root_json} is damaged: it holds no root_id; remove it, and the next command makes it anew"
        raise OSError(message)
    keep_reserve(paths.reserve)
    return found
