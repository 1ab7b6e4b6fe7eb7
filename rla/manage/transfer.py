"""Move runs to another data root: copy, verify, then put the old place into the trash.

An archived copy stays where it is. Recovery looks at each run: where the other root has the whole
copy, its old place goes; where it does not, nothing of the copy stays.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

from rla.core.layout import LOG, MANIFEST_FILE, RootPaths
from rla.errors import ConfigError, StoreError
from rla.fsio.safe_move import Spot, opened, replace_file
from rla.manage.copying import Copier
from rla.manage.delete import finish
from rla.manage.leaf import Standing, leaves, standing
from rla.manage.migrate import Names, give_names
from rla.manage.operation import Progress, refusal
from rla.manage.record import MIGRATE, Item, Record, write_record
from rla.manage.report import Report
from rla.manage.roll import alone, each_run, reason
from rla.manage.rows import (
    Row,
    announce_in_spool,
    forget_in_spool,
    has_own_index,
    item_of,
    places_here,
    places_of,
)
from rla.manage.staging import Twin, discard, discard_stage, twin
from rla.manage.trash import leaves_of, put_in_copy, take_out_copy
from rla.runs.database import Database, open_database
from rla.runs.root import prepare_root, read_root_id
from rla.store.rebuild import read_row
from rla.store.run_row import Place


def open_target(database: Database, data_root: Path) -> Database:
    """The data root that runs go to, made ready if it is new; it has its own index, or shares an INDEX_URL.

    Raises:
        ConfigError: It is the same root.
        OSError: It cannot be written.
        StoreError: Its index cannot be opened.
    """
    root = RootPaths(data_root)
    root_id = prepare_root(root)
    if root_id == database.root_id:
        raise ConfigError(f"{data_root} is the data root that the runs are in already")
    if has_own_index(database):
        return open_database(data_root)
    target = Database(root, database.table, root_id)
    target.introduce()
    return target


def look_at_target(database: Database, data_root: Path) -> Database | None:
    """The same for a plan, which changes nothing: None when the data root is still to be made.

    Raises:
        ConfigError: It is the same root.
        StoreError: Its index cannot be opened.
    """
    return None if read_root_id(RootPaths(data_root)) is None else open_target(database, data_root)


def judge(database: Database, target: Database | None, row: Row, names: Names) -> Item | str:
    """What moving a run to another data root would copy, or why it must not be moved."""
    here = places_here(database, row)
    if isinstance(here, str):
        return here
    live = [place for place in here if not place.archived]
    if len(live) != 1:
        return f"it has {len(live)} live directories in this data root, not one"
    alive = refusal(database.root, live[0].path, row, force=False)
    if alive is not None:
        return alive
    if target is not None and target.root_id in {place.root_id for place in target.table.places_of(row["uid"])}:
        return f"it is in {target.root.root} already"
    item = item_of(row, live)
    try:
        give_names(database.root, item, names)
    except (OSError, ValueError) as error:
        return reason(error) if isinstance(error, OSError) else str(error)
    return item


def run(database: Database, target: Database, record: Record, progress: Progress | None = None) -> Report:
    """Move what the journal says to the other data root.

    Raises:
        OSError: Something could neither be finished nor removed.
        StoreError: The rows could not be moved.
    """
    report = Report(MIGRATE, record.op)
    total = sum(item.bytes for item in record.runs)
    copier = Copier(
        lambda item: _twins(database.root, target.root, record.op, item),
        report,
        lambda item: _write_manifest(database.root, target.root, record.op, item),
        progress,
        total,
    )
    try:
        for _ in copier.copy(record.runs):
            pass
    except BaseException:
        with suppress(OSError, StoreError):  # the journal knows, so that the next command does it
            settle(database, target, record, report)
        raise
    settle(database, target, record, report)
    return report


def settle(database: Database, target: Database, record: Record, report: Report) -> None:
    """End a move, broken off or not: a run whose copy is whole leaves its old place, of others no copy stays.

    Raises:
        OSError: Something could neither be finished nor removed.
        StoreError: The rows could not be moved.
    """
    root = database.root
    copied = [item for item in record.runs if _is_copied(root, target.root, record.op, item)]
    if len(copied) < len(record.runs):
        record.runs = copied
        write_record(root, record)
    _add_rows(target, copied)

    def act(item: Item) -> list[Spot]:
        return alone(root, item, lambda copy: put_in_copy(root, record.op, item, copy), force=True)

    def undo(item: Item) -> list[Spot]:
        changed = [spot for copy in item.copies for spot in take_out_copy(root, record.op, item, copy)]
        target.table.remove_places([Place(item.uid, target.root_id, item.copies[0].target)])
        for pair in reversed(_twins(root, target.root, record.op, item)):
            discard(pair)
        return changed

    done = each_run(root, record, report, act, undo)
    for item in done:
        forget_in_spool(database, item.uid)
    database.table.remove_places(places_of(database, done))
    finish(database, record)


def recover(database: Database, record: Record) -> Report:
    """Finish or drop a move that was broken off.

    Raises:
        OSError: The other root is not there, or something could neither be finished nor removed.
        StoreError: The rows could not be moved.
    """
    report = Report(MIGRATE, record.op)
    if read_root_id(RootPaths(Path(record.root))) != record.root_id:  # nothing may be judged by an empty mount point
        raise OSError(errno.ENODEV, "the data root that runs were moving to is not there: mount it", record.root)
    settle(database, open_target(database, Path(record.root)), record, report)
    return report


def _is_copied(root: RootPaths, other: RootPaths, op: str, item: Item) -> bool:
    """Whether the other root has the whole copy; if not, what there is of it goes."""
    pairs = _twins(root, other, op, item)
    whole = standing(pairs[-1].target) is Standing.OURS
    for pair in pairs:
        (discard_stage if whole else discard)(pair)
    return whole


def _twins(root: RootPaths, other: RootPaths, op: str, item: Item) -> list[Twin]:
    copy = item.copies[0]
    targets = leaves(other, item.uid, copy.target, copy.kinds, archived=False)
    pairs = zip(leaves_of(root, item, copy), targets, strict=True)
    return [twin(source, target, op, copy.slot) for source, target in pairs]


def _write_manifest(root: RootPaths, other: RootPaths, op: str, item: Item) -> None:
    """The copy's own run.json where its task, name or number differs, before anybody can see it."""
    copy = item.copies[0]
    if copy.manifest != copy.before:
        log = next(pair for pair in _twins(root, other, op, item) if pair.target.kind == LOG)
        with opened(log.stage) as directory:
            replace_file(directory, MANIFEST_FILE, copy.manifest.encode())


def _add_rows(target: Database, items: list[Item]) -> None:
    rows = []
    for item in items:
        path = item.copies[0].target
        rows.append((read_row(target.root.run(path)), Place(item.uid, target.root_id, path)))
        announce_in_spool(target, item.uid, path)
    target.table.upsert_many(rows)
