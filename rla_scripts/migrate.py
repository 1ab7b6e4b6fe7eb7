"""``rla migrate``: runs to another task or another data root."""

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


@click.command("migrate")
@selection_options
@click.option("--to", "to_task", metavar="TASK", help="The task that they are to belong to.")
@click.option("--to-root", metavar="DIR", type=click.Path(path_type=Path), help="The data root that they move to.")
@all_option
@asking_options
@data_root_option
def command(
    selection: Selection,
    to_task: str | None,
    to_root: Path | None,
    manner: Manner,
    data_root: Path | None,
) -> int:
    """Move runs to another task or data root.

    RUN is a uid or the beginning of one, a time stamp, or `last`. A run keeps its uid and its name. To another data
    root it is copied and verified first. `rla restore` moves the runs back.
    """
    from rla.manage.plan import plan_migrate

    if to_task is None and to_root is None:
        raise click.UsageError("say where to: --to TASK, --to-root DIR, or both")
    database = open_managed(data_root, dry_run=manner.dry_run)
    uids = frozen(database, selection)
    with usage_of("--to" if to_root is None else "--to-root"), waiting("measuring"):
        plan = plan_migrate(database, uids, task=to_task, data_root=to_root)
    targets = [f" to the task {to_task}"] * (to_task is not None) + [f" to {to_root}"] * (to_root is not None)
    deed = Deed("migrate", "migrated", "".join(targets), undoable=True)
    return carry_out(database, plan, deed, manner)
