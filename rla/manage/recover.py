"""Finish or drop what a command began and could not end. Doing it again changes nothing."""

from __future__ import annotations

from pathlib import Path

from rla.core.layout import RootPaths
from rla.core.wording import counted
from rla.errors import StoreBusyError, StoreError
from rla.fsio.journal import RESERVE_BYTES, free_bytes, keep_reserve, release
from rla.manage import archive, delete, migrate, put_back, transfer
from rla.manage.operation import operation
from rla.manage.record import ARCHIVE, DELETE, TRANSFER, Record, decode, journal_of
from rla.manage.report import Report
from rla.manage.roll import reason
from rla.runs.database import Database, open_database


def open_to_change(data_root: Path, index_url: str | None = None) -> Database:
    """Open a data root for a command that changes runs; on a full disk the reserve makes room for that.

    SQLite needs a little space even to read. The reserve is taken again when the command is done.

    Raises:
        ConfigError: There is no database.
        StoreError: The index cannot be opened.
    """
    try:
        return open_database(data_root, index_url)
    except StoreError as error:
        reserve = RootPaths(data_root).reserve
        if release(reserve):
            return open_database(data_root, index_url)
        if free_bytes(reserve.parent) < RESERVE_BYTES:
            raise StoreError(
                f"{error}; its disk is full: remove or move a file of a few megabytes, then try again"
            ) from error
        raise


def recover(database: Database) -> list[str]:
    """Finish what commands that were killed have begun: called first by every command that changes runs.

    A delete, a restore or a migration is carried on; an archived copy that is not whole is dropped.
    Another command that is at work is left alone, and so is everything when this account may not
    write.

    Returns:
        One sentence for each operation, for the user.
    """
    return [sentence for home in database.everywhere() for sentence in _recover_in(home)]


def _recover_in(database: Database) -> list[str]:
    if journal_of(database.root).is_clean():
        keep_reserve(database.root.reserve)
        return []
    try:
        with operation(database, patience=0.0):
            return recover_alone(database)
    except StoreBusyError:
        return []
    except StoreError as error:
        return [str(error)]


def recover_alone(database: Database) -> list[str]:
    """The same for a command that holds the operation lock."""
    journal = journal_of(database.root)
    journal.clear()
    told = []
    for entry in journal.pending():
        try:
            record = decode(journal.read(entry))
            told.append(_finish(database, record))
        except OSError as error:
            told.append(f"the operation {entry} could not be finished yet: {reason(error)}")
        except (StoreError, ValueError) as error:
            told.append(f"the operation {entry} could not be finished yet: {error}")
    return told


def _finish(database: Database, record: Record) -> str:
    begun = len(record.runs)
    if record.action == ARCHIVE:
        archived = archive.drop(database, record)
        return f"an archiving that was broken off is settled: {len(archived)} of {counted(begun, 'run')} are archived"
    report = _roll_forward(database, record)
    failures = "".join(f"; {uid}: {why}" for uid, why in report.failed)
    return f"a {report.action} that was broken off is finished: {len(report.done)} of {counted(begun, 'run')}{failures}"


def _roll_forward(database: Database, record: Record) -> Report:
    if record.of:
        return put_back.roll_forward(database, record)
    if record.action == DELETE:
        return delete.roll_forward(database, record)
    if record.action == TRANSFER:
        return transfer.recover(database, record)
    return migrate.roll_forward(database, record)
