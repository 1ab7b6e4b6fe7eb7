"""Where the disk space of a data root is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rla.core.layout import ARCHIVED, KINDS, LOG
from rla.fsio.safe_move import Spot, opened
from rla.fsio.tree_walk import open_directory, tree_bytes
from rla.manage.record import Copy, Item
from rla.manage.rows import item_of, kind_bytes
from rla.runs.database import Database

TRASH = ".rla/trash"
CODE_STORE = ".rla/code-store"
CURVE_CACHE = ".rla/cache/curves"


@dataclass
class Usage:
    """One line of ``rla du``.

    Attributes:
        key: The task, the uid, or the tree (``checkpoint``, ``arc/log``, ``.rla/trash``).
        name: For a run: its task and name.
        runs: How many runs it has something of.
        bytes: Disk space. A file with several links, such as backed-up code, counts where it is met first.
    """

    key: str
    name: str = ""
    runs: int = 0
    bytes: int = 0


def usage(database: Database, by: Literal["task", "run", "kind"] = "task") -> list[Usage]:
    """The disk space that the runs below this root take, the largest first.

    ``kind`` adds what the trash holds, the code that no run links any more, and the cache of curves.
    """
    lines: dict[str, Usage] = {}
    counted: set[tuple[int, int]] = set()
    runs: defaultdict[str, set[str]] = defaultdict(set)
    for home, item, copy, kind in _leaves(database):
        size = kind_bytes(home.root, item.uid, copy, kind, counted)
        tree = f"{ARCHIVED}/{kind}" if copy.archived else kind
        key = {"task": item.task, "run": item.uid, "kind": tree}[by]
        line = lines.setdefault(key, Usage(key, f"{item.task}/{item.name}" if by == "run" else ""))
        line.bytes += size
        if size:
            runs[key].add(item.uid)
    if by == "kind":
        _add_own(database, lines, counted)
    for key, line in lines.items():
        line.runs = len(runs[key])
    return sorted(
        (line for line in lines.values() if line.bytes or line.runs), key=lambda line: (-line.bytes, line.key)
    )


def _leaves(database: Database) -> Iterator[tuple[Database, Item, Copy, str]]:
    """The directories of every kind; those inside a job's directory, which is its log, count with it."""
    for row in database.table.rows(columns=["uid", "task", "name", "places"]):
        home = database.home_of(row)
        item = item_of(row, [place for place in row["places"] if place.root_id == home.root_id])
        for copy in item.copies:
            for kind in sorted(KINDS, key=lambda kind: kind == LOG):
                yield home, item, copy, kind


def _add_own(database: Database, lines: dict[str, Usage], counted: set[tuple[int, int]]) -> None:
    roots = [home.root for home in database.everywhere()]
    own = [
        *((CODE_STORE, root.code_store) for root in roots),
        *((TRASH, root.trash) for root in roots),
        *((CURVE_CACHE, root.curve_cache) for root in roots),
    ]
    for key, directory in own:
        try:
            with opened(Spot(directory.parent, directory.name)) as found:
                size = tree_bytes(open_directory(".", found), counted)
                lines[key] = Usage(key, bytes=size + (lines[key].bytes if key in lines else 0))
        except OSError:
            continue
