"""The options that several commands share, and what they stand for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rla.runs.database import Database

_Command = TypeVar("_Command", bound=Callable[..., Any])


def read_as(setting: str) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """Reads a value as hermes reads the setting of that kind: ``count``, ``gpu_slots``, ``size``, ``span``."""

    def convert(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
        from rla.hermes import settings

        read: Callable[[str], Any] = getattr(settings, setting)
        try:
            return None if value is None else read(value)
        except ValueError as error:
            raise click.BadParameter(f"{error}, not {value!r}", context, parameter) from None

    return convert


def not_empty(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuses an empty text: a variable of the shell that was not set."""
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty: write a name, or leave the option out", context, parameter)
    return value


def once(_context: click.Context, parameter: click.Parameter, values: tuple[Any, ...]) -> Any:
    """The value of an option that may not be repeated; without this, all but the last would be dropped in silence."""
    if len(values) > 1:
        raise click.UsageError(f"{parameter.opts[0]} is given {len(values)} times: give it once")
    return values[0] if values else None


def data_root_option(command: _Command) -> _Command:
    """``--data-root``: which database."""
    return click.option(
        "--data-root",
        type=click.Path(path_type=Path),
        help="The database's directory; else RLA_DATA_ROOT, rla_config.yaml or the nearest .rla/ upward.",
    )(command)


def json_option(command: _Command) -> _Command:
    """``--json``: for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def run_argument(command: _Command) -> _Command:
    """``RUN``: which run."""
    return click.argument("run", metavar="RUN")(command)


def named_database(data_root: Path | None, otherwise: Callable[[], Path] | None = None) -> tuple[Path, str | None]:
    """The data root that a command means, and the address of its index when that is elsewhere.

    Args:
        data_root: What ``--data-root`` names.
        otherwise: Where to look when nothing names a database and none is found upward.

    Raises:
        ConfigError: There is none.
    """
    from rla.core.config import load_config
    from rla.core.find_database import find_data_root
    from rla.core.layout import RootPaths
    from rla.errors import ConfigError

    here = Path.cwd()
    config = load_config(None)
    found = find_data_root(data_root, config, os.environ, here)
    if found is None and otherwise is not None and RootPaths(near := otherwise()).state_dir.is_dir():
        found = near
    if found is None:
        raise ConfigError(f"no database was found from {here} upward; name one with --data-root or RLA_DATA_ROOT")
    return found, config.index_url


def open_named(data_root: Path | None, otherwise: Callable[[], Path] | None = None) -> Database:
    """The database a command means, brought up to date; the arguments are those of :func:`named_database`.

    Raises:
        ConfigError: There is none.
        StoreError: Its index cannot be opened.
    """
    from rla.runs.database import open_database

    return open_database(*named_database(data_root, otherwise))
