"""``rla restore``: what was deleted or migrated, back where it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rla.core.wording import size_text
from rla_scripts.carrying_out import interruption_told, report_dict, tell
from rla_scripts.confirming import Deed, NothingMatchedError, open_managed
from rla_scripts.options import data_root_option, json_option
from rla_scripts.output import NOTHING_MATCHED, SOME_FAILED, echo_json, echo_table, moment
from rla_scripts.progress import Bar

if TYPE_CHECKING:
    from rla.runs.database import Database

HEADER = ("OPERATION", "WHAT", "WHEN", "RUNS", "SIZE")


@click.command("restore")
@click.argument("operation", required=False)
@click.option("--run", "uids", multiple=True, metavar="UID", help="Only this run of it, by its whole uid; repeatable.")
@click.option("--list", "listing", is_flag=True, help="List what can be undone, newest first.")
@data_root_option
@json_option
def command(operation: str | None, uids: tuple[str, ...], listing: bool, data_root: Path | None, as_json: bool) -> int:
    """Undo a delete or a migrate.

    OPERATION is what `rla delete` or `rla migrate` printed, or the first column of --list; by default the last one.
    Nothing is overwritten. Restoring twice changes nothing.
    """
    database = open_managed(data_root, dry_run=listing)
    return _list(database, as_json=as_json) if listing else _restore(database, operation, uids, as_json=as_json)


def _list(database: Database, *, as_json: bool) -> int:
    from rla.manage.restore import list_operations

    found = list_operations(database)
    if as_json:
        echo_json([vars(operation) for operation in found])
    elif found:
        lines = [(each.id, each.action, moment(each.when), each.runs, size_text(each.bytes)) for each in found]
        echo_table([HEADER, *lines])
    else:
        click.echo("nothing can be undone: the trash is empty", err=True)
    return 0 if found else NOTHING_MATCHED


def _restore(database: Database, operation: str | None, uids: tuple[str, ...], *, as_json: bool) -> int:
    from rla.manage.restore import list_operations, restore

    deed = Deed("restore", "restored")
    known = list_operations(database)
    named = next((each for each in known if operation in {None, each.id}), None)
    with Bar("restore") as bar, interruption_told(database, deed, bar, named.runs if named is not None else 0):
        report = restore(database, operation, uids or None, progress=bar)
    if as_json:
        echo_json({"report": report_dict(report)})
    elif report.done or report.failed:
        tell(report, deed)
    if not (report.done or report.failed):
        raise NothingMatchedError("nothing of it is in the trash any more" if known else "the trash is empty")
    return SOME_FAILED if report.failed else 0
