"""How parameters, variants and output directories are called.

The rules are those that spinningup's users know, and exact: a directory that a script of theirs
looks for is where it was. They are not unique: ``1`` and ``"1"`` read the same.
Two runs never share a directory for that: the later one gets a suffix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final

from rla.core.index_name import shorten
from rla.errors import GridError

SEED: Final = "seed"
"""The parameter that is never in a variant's name: runs that differ in it only are one group."""
_LETTERS: Final = 3
_LONGEST_PART: Final = 200
"""Bytes of one level of an output directory: file systems end at 255, and a suffix must fit."""
ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")
"""Where an object lies, as it shows itself: another place each time."""
_NOT_SAFE: Final = re.compile(r"[^A-Za-z0-9_-]")


def valid_str(value: object) -> str:
    """A value as it stands in a name: lower case, and ``-`` for what is no letter, digit, ``_`` or ``-``.

    A class or function is its name, a list or tuple its items joined by ``-``. An object that shows
    its address shows it here no more: the same grid has the same names tomorrow.
    """
    if hasattr(value, "__name__"):
        return valid_str(value.__name__)
    if isinstance(value, (tuple, list)):
        return "-".join(valid_str(item) for item in value)
    return _NOT_SAFE.sub("-", ADDRESS.sub("", str(value)).lower())


def all_bools(values: Iterable[object]) -> bool:
    """Whether every value is True or False, and not merely equal to one."""
    return all(isinstance(value, bool) for value in values)


def default_shorthand(key: str) -> str:
    """The first three letters of each part between colons, without what is no letter or digit, joined by ``-``."""
    return "-".join(re.sub(r"[^A-Za-z0-9]", "", part[:_LETTERS]) for part in key.split(":"))


def variant_name(
    name: str, declared: Iterable[tuple[str, Sequence[Any], str | None, bool]], variant: Mapping[str, Any]
) -> str:
    """A variant's name: the grid's, then shorthand and value of every parameter that tells variants apart.

    Args:
        name: The grid's name.
        declared: Key, values, shorthand (None for the key itself) and whether it must be in the name.
        variant: The values, nested as :meth:`~rla.sweep.grid.ExperimentGrid.variants` gives them.
    """
    parts = [
        _name_part(key if shorthand is None else shorthand, values, value_at(variant, key))
        for key, values, shorthand, in_name in declared
        if (len(values) > 1 or in_name) and key != SEED
    ]
    return "".join([name, *parts]).lstrip("_")


def _name_part(shorthand: str, values: Sequence[Any], value: object) -> str:
    if all_bools(values):
        return f"_{valid_str(shorthand)}" if value else ""
    return f"_{valid_str(shorthand)}{valid_str(value)}"


def value_at(variant: Mapping[str, Any], key: str) -> Any:
    """The value of a parameter: under its whole key, else nested along its colons.

    Raises:
        GridError: The variant has no such parameter.
    """
    if key in variant:
        return variant[key]
    value: Any = variant
    for part in key.split(":"):
        if not isinstance(value, Mapping) or part not in value:
            raise GridError(f"the variant has no parameter {key!r}; it has {', '.join(map(repr, variant))}", key=key)
        value = value[part]
    return value


def output_place(exp_name: str, seed: object, *, datestamp: bool, now: datetime) -> str:
    """An output directory below its ``data_dir``: ``<name>/<name>_s<seed>``, or with the date before the name.

    Args:
        exp_name: The run's name; a ``/`` in it makes levels.
        seed: The seed, with ``-`` for what is no letter, digit, ``_`` or ``-``; or None for ``<name>`` alone.
        datestamp: Whether to write ``<YYYY-MM-DD>_<name>/<YYYY-MM-DD>_<HH-MM-SS>-<name>_s<seed>``.
        now: The time of the date, one for the whole grid.

    Raises:
        GridError: The name would leave the directory it is for.
    """
    _require_inside(exp_name)
    day, moment = (f"{now:%Y-%m-%d}_", f"{now:%Y-%m-%d_%H-%M-%S}-") if datestamp else ("", "")
    number = _NOT_SAFE.sub("-", str(seed))
    levels = [day + exp_name] if seed is None else [day + exp_name, f"{moment}{exp_name}_s{number}"]
    return _fitting("/".join(filter(None, levels)))


def _require_inside(exp_name: str) -> None:
    path = PurePosixPath(exp_name)
    if path.is_absolute() or ".." in path.parts or "\0" in exp_name or "\\" in exp_name:
        raise GridError(f"the name {exp_name!r} would leave the data directory; give a name without .. and leading /")


def _fitting(place: str) -> str:
    return "/".join(shorten(part, exact=part, limit=_LONGEST_PART) for part in place.split("/"))
