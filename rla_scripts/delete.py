"""``rla delete``, also ``rla-delete``: runs into the trash."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rla_scripts.carrying_out import carry_out
from rla_scripts.confirming import Deed, Manner, asking_options, frozen, open_managed, usage_of
from rla_scripts.options import data_root_option
from rla_scripts.progress import waiting
from rla_scripts.selecting import all_option, selection_options

if TYPE_CHECKING:
    from rla.core.selection import Selection


@click.command("delete")
@selection_options
@click.option("--small-timestep", type=int, metavar="N", help="Of these only runs that ended at time step N or before.")
@click.option("--kinds", metavar="KIND,...", help="Free only these kinds of data; the runs stay.")
@click.option("--force", is_flag=True, help="Also runs that only seem to go on: whose lock nobody holds.")
@all_option
@asking_options
@data_root_option
def command(
    selection: Selection,
    small_timestep: int | None,
    kinds: str | None,
    force: bool,
    manner: Manner,
    data_root: Path | None,
) -> int:
    """Put runs into the trash.

    RUN is a uid or the beginning of one, a time stamp, or `last`. `rla restore` brings the runs back until `rla gc`
    empties the trash. A run that is being recorded stays. So does an archived copy, unless --archived is given.
    """
    from rla.manage.plan import plan_delete

    database = open_managed(data_root, dry_run=manner.dry_run)
    uids = frozen(database, selection, small_timestep=small_timestep)
    chosen = None if kinds is None else [kind.strip() for kind in kinds.split(",")]
    with usage_of("--kinds"), waiting("measuring"):
        plan = plan_delete(database, uids, kinds=chosen, archived=selection.archived, force=force)
    suffix = "" if chosen is None else f" (only {', '.join(chosen)})"
    return carry_out(database, plan, Deed("delete", "deleted", suffix, undoable=True), manner)
