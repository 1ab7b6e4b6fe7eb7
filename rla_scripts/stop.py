"""``rla stop``: end running runs of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rla.core.wording import counted
from rla_scripts.confirming import NothingMatchedError, agreed, frozen
from rla_scripts.options import data_root_option, json_option, open_named
from rla_scripts.output import SOME_FAILED, echo_json, echo_table, printable
from rla_scripts.selecting import all_option, selection_options

if TYPE_CHECKING:
    from rla.core.selection import Selection
    from rla.manage.stop import Stopped
    from rla.runs.run import Run


@click.command("stop")
@selection_options
@click.option("--timeout", type=click.FloatRange(min=0), default=30.0, show_default=True, help="Seconds to wait.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before several runs are stopped.")
@all_option
@data_root_option
@json_option
def command(selection: Selection, timeout: float, yes: bool, data_root: Path | None, as_json: bool) -> int:
    """Stop running runs of this machine.

    RUN is a uid or the beginning of one, a time stamp, or `last`. Each run's process gets SIGTERM, once it is certain
    that it is the run's. The run keeps what it has recorded, and is killed by its state.
    """
    from rla.manage.stop import stop

    database = open_named(data_root)
    uids = frozen(database, selection)
    runs = [database.find(uid) for uid in uids]
    if not selection.uids:
        runs = [run for run in runs if run.is_open]
    if not runs:
        raise NothingMatchedError("none of these runs is running")
    if len(runs) > 1:
        _preview(runs)
        if not agreed(f"Stop {counted(len(runs), 'run')}?", yes=yes):
            return 1
    stopped = stop(database, runs, timeout)
    _tell(stopped, as_json=as_json)
    failed = [each for each in stopped if each.reason is not None]
    return 0 if not failed else SOME_FAILED if len(failed) < len(stopped) else 1


def _preview(runs: list[Run]) -> None:
    lines = ((run.uid[:8], run.state, run.task, run.time_step, run.tracked.replace("&", " ")) for run in runs)
    echo_table([("RUN", "STATE", "TASK", "STEP", "TRACKED"), *lines], err=True)


def _tell(stopped: list[Stopped], *, as_json: bool) -> None:
    if as_json:
        echo_json([vars(each) for each in stopped])
        return
    for each in stopped:
        if each.reason is None:
            click.echo(f"stopped {each.uid[:8]}: {each.state}")
        else:
            click.echo(f"rla: {each.uid[:8]} was not stopped: {printable(each.reason)}", err=True)
