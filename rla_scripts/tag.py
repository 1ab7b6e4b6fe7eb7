"""``rla tag``: give tags to runs, take them away, list them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rla_scripts.confirming import frozen, open_managed, usage_of
from rla_scripts.options import data_root_option, json_option, open_named
from rla_scripts.output import NOTHING_MATCHED, SOME_FAILED, echo_json, echo_table, printable
from rla_scripts.selecting import all_option, selection_options

if TYPE_CHECKING:
    from rla.core.selection import Selection


@click.command("tag")
@selection_options
@click.option("--add", multiple=True, metavar="TAG", help="Give them this tag. May be given several times.")
@click.option("--remove", multiple=True, metavar="TAG", help="Take this tag away. May be given several times.")
@all_option
@data_root_option
@json_option
def command(
    selection: Selection, add: tuple[str, ...], remove: tuple[str, ...], data_root: Path | None, as_json: bool
) -> int:
    """Tag runs, or list their tags.

    RUN is a uid or the beginning of one, a time stamp, or `last`. Without --add and --remove the tags are printed.
    """
    if not (add or remove):
        return _list(selection, data_root, as_json=as_json)
    from rla.manage.annotate import tag

    database = open_managed(data_root, dry_run=False)
    uids = frozen(database, selection)
    with usage_of("tag"):
        report = tag(database, uids, add=add, remove=remove)
    tags = {uid: notes.tags for uid, notes in report.done.items()}
    _print(tags, tags, as_json=as_json)
    for uid, reason in report.failed:
        click.echo(f"failed: {uid}: {printable(reason)}", err=True)
    return 0 if not report.failed else SOME_FAILED if report.done else 1


def _list(selection: Selection, data_root: Path | None, *, as_json: bool) -> int:
    from rla.runs.query import select_runs

    runs = select_runs(open_named(data_root), selection)
    tags = {run.uid: run.tags for run in runs}
    shown = [uid for uid, its_tags in tags.items() if its_tags or selection.uids]
    _print(tags, shown, as_json=as_json)
    if not tags:
        click.echo("no runs", err=True)
    return 0 if tags else NOTHING_MATCHED


def _print(tags: Mapping[str, Sequence[str]], shown: Sequence[str] | Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        echo_json([{"uid": uid, "tags": tags[uid]} for uid in shown])
    else:
        echo_table((uid[:8], ", ".join(tags[uid])) for uid in shown)
