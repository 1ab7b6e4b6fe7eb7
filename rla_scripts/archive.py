"""``rla archive``, also ``rla-archive``: a verified copy of runs below ``arc``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rla_scripts.carrying_out import carry_out
from rla_scripts.confirming import Deed, Manner, asking_options, frozen, open_managed
from rla_scripts.options import data_root_option
from rla_scripts.progress import waiting
from rla_scripts.selecting import all_option, selection_options

if TYPE_CHECKING:
    from rla.core.selection import Selection


@click.command("archive")
@selection_options
@all_option
@asking_options
@data_root_option
def command(selection: Selection, manner: Manner, data_root: Path | None) -> int:
    """Copy runs below arc/, and verify the copies.

    RUN is a uid or the beginning of one, a time stamp, or `last`. The runs stay where they are. When one is deleted
    later, its copy is left. What is archived already is not copied again. It asks only when --all is given.
    """
    from rla.manage.plan import plan_archive

    database = open_managed(data_root, dry_run=manner.dry_run)
    uids = frozen(database, selection)
    with waiting("measuring"):
        plan = plan_archive(database, uids)
    return carry_out(database, plan, Deed("archive", "archived"), manner, ask=selection.all)
