"""Archive runs: a second place below ``arc``, copied whole and verified.

A copy gets its names only when it is verified and on disk, the log's last: an archived log means a
whole copy. Then its place enters the index. Recovery drops every copy that has no log yet. The
source is only read.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from rla.core.layout import RootPaths
from rla.errors import StoreError
from rla.fsio.copy_tree import differences
from rla.fsio.safe_move import opened
from rla.fsio.tree_walk import open_directory
from rla.manage.copying import Copier
from rla.manage.leaf import Leaf, Standing, leaves, standing
from rla.manage.operation import Progress, refusal
from rla.manage.record import ARCHIVE, Item, Record, journal_of
from rla.manage.report import Report
from rla.manage.roll import reason
from rla.manage.rows import Row, item_of, places_here
from rla.manage.staging import Twin, check_free, discard, discard_stage, links_within, twin
from rla.manage.trash import leaves_of
from rla.runs.database import Database
from rla.store.rebuild import read_row
from rla.store.run_row import Place

ALREADY: Final = "it is archived already"


def judge(database: Database, row: Row) -> Item | str:
    """What archiving a run would copy, or why it must not be; :data:`ALREADY` when there is nothing to do."""
    here = places_here(database, row)
    if isinstance(here, str):
        return here
    live = [place for place in here if not place.archived]
    if not live:
        return ALREADY if here else "it has no directory in this data root"
    alive = refusal(database.root, live[0].path, row, force=False)
    if alive is not None:
        return alive
    try:
        return _judge_copy(database.root, item_of(row, live[:1]))
    except OSError as error:
        return reason(error)


def run(database: Database, record: Record, progress: Progress | None = None) -> Report:
    """Archive what the journal says.

    Raises:
        OSError: Something could neither be finished nor removed.
        StoreError: A place could not be put into the index.
    """
    report = Report(ARCHIVE, record.op)
    root = database.root
    total = sum(item.bytes for item in record.runs)
    copier = Copier(lambda item: _twins(root, record.op, item), report, lambda _item: None, progress, total)
    try:
        for archived in copier.copy(record.runs):
            _add_places(database, archived)
            report.done += [item.uid for item in archived]
            report.bytes += sum(item.bytes for item in archived)
    except BaseException:
        with suppress(OSError, StoreError):  # the journal knows, so that the next command does it
            drop(database, record)
        raise
    drop(database, record)
    return report


def drop(database: Database, record: Record) -> list[str]:
    """End an archiving, broken off or not: a copy with a log is whole, of any other nothing stays.

    Returns:
        The uids of the runs that are archived.

    Raises:
        OSError: A copy could not be removed.
        StoreError: A place could not be put into the index.
    """
    archived = []
    for item in record.runs:
        pairs = _twins(database.root, record.op, item)
        whole = standing(pairs[-1].target) is Standing.OURS
        if whole:
            archived.append(item)
        for pair in pairs:
            (discard_stage if whole else discard)(pair)
    _add_places(database, archived)
    journal_of(database.root).drop(record.op)
    return [item.uid for item in archived]


def _judge_copy(root: RootPaths, item: Item) -> Item | str:
    sources, targets = leaves_of(root, item, item.copies[0]), _targets(root, item)
    if standing(sources[-1]) is Standing.ABSENT:
        return "its log directory is gone"
    if standing(targets[-1]) is Standing.ABSENT:
        for target in targets:
            check_free(target)
        return item
    pairs = zip(sources, targets, strict=True)
    different = [f"{one.tree}: {path}" for one, other in pairs for path in _differences(one, other)]
    if not different:
        return ALREADY
    more = f" and {len(different) - 1} more" if len(different) > 1 else ""
    return f"it is archived, and differs from its copy in {different[0]}{more}; the copy is left as it is"


def _differences(source: Leaf, target: Leaf) -> list[str]:
    found = [standing(leaf) is Standing.OURS for leaf in (source, target)]
    if not all(found):
        return ["everything"] if any(found) else []
    with opened(source.spot) as one, opened(target.spot) as other:
        return differences(open_directory(".", one), open_directory(".", other), links_within(source))


def _twins(root: RootPaths, op: str, item: Item) -> list[Twin]:
    copy = item.copies[0]
    pairs = zip(leaves_of(root, item, copy), _targets(root, item), strict=True)
    return [twin(source, target, op, copy.slot) for source, target in pairs]


def _targets(root: RootPaths, item: Item) -> list[Leaf]:
    copy = item.copies[0]
    return leaves(root, item.uid, copy.path, copy.kinds, archived=True)


def _add_places(database: Database, items: Sequence[Item]) -> None:
    new = [Place(item.uid, database.root_id, item.copies[0].path, archived=True) for item in items]
    for place in database.table.add_places(new) if new else ():  # its row has gone: the copy brings it back
        database.table.upsert(read_row(database.root.copy(place.path, archived=True)), place)
