"""Runs by what they have in common: which of them are one curve, and what to call it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rla.core.hyperparams import flatten, value_text
from rla.errors import PlotDataError
from rla.runs.run import Run
from rla.runs.unknown import nearest

MISSING: Final = "missing"
"""What a run reads as for a hyperparameter that it does not have. Nothing is written into the run."""

_COLUMNS: Final = ("task", "batch", "state", "host", "user", "git_commit", "origin", "uid")
"""Columns of the table of runs that a key may name when no run has a hyperparameter of that name."""


@dataclass(frozen=True)
class Group:
    """Runs that have the same values of some keys.

    Attributes:
        by_key: Key -> the value as text, in the order of the keys.
        label: What tells it from the other groups; empty when there is no other.
        runs: The runs.
    """

    by_key: Mapping[str, str]
    label: str
    runs: tuple[Run, ...]


def group_runs(runs: Sequence[Run], keys: Sequence[str] | None, apart: Collection[str] = ()) -> list[Group]:
    """The runs by their values of some keys; numbers that are equal are one value: 1 and 1.0.

    Args:
        runs: At least one.
        keys: Hyperparameters, dotted for nested ones, or columns of the table of runs; None means every
            hyperparameter that is not the same in all runs.
        apart: Keys that None does not mean: the seed, which runs of a group may differ in.

    Returns:
        The groups in rising order of their values; numbers come before texts, missing ones last.
        A label names only the keys that differ between the groups.

    Raises:
        PlotDataError: No run has one of the keys.
    """
    flat = [dict(flatten(run.hyperparameters)) for run in runs]
    chosen = _differing(flat, apart) if keys is None else list(dict.fromkeys(keys))
    columns = {key: values_of(runs, key, flat) for key in chosen}
    texts = {key: _texts(column) for key, column in columns.items()}
    places: dict[tuple[str, ...], list[int]] = {}
    for place in range(len(runs)):
        places.setdefault(tuple(texts[key][place] for key in chosen), []).append(place)
    order = sorted(places, key=lambda group: [_rank(columns[key][places[group][0]]) for key in chosen])
    telling = [index for index in range(len(chosen)) if len({group[index] for group in order}) > 1]
    return [
        Group(
            dict(zip(chosen, group, strict=True)),
            ", ".join(f"{chosen[index]}={group[index]}" for index in telling),
            tuple(runs[place] for place in places[group]),
        )
        for group in order
    ]


def merge_alike(groups: Sequence[Group]) -> list[Group]:
    """The groups, those with the same label as one; it keeps the keys that they agree in, and each run once."""
    by_label: dict[str, list[Group]] = {}
    for group in groups:
        by_label.setdefault(group.label, []).append(group)
    return [several[0] if len(several) == 1 else _merged(several) for several in by_label.values()]


def _merged(several: Sequence[Group]) -> Group:
    first = several[0]
    shared = {key: text for key, text in first.by_key.items() if all(each.by_key.get(key) == text for each in several)}
    runs = {run.uid: run for each in several for run in each.runs}
    return Group(shared, first.label, tuple(runs.values()))


def check_seeds(runs: Sequence[Run], seeds: str | None) -> None:
    """That the key of the seeds is one. Runs without ``seed`` are no mistake; any other name that none has, is.

    Raises:
        PlotDataError: No run has it.
    """
    if seeds not in {None, "seed"}:
        values_of(runs, str(seeds))


def values_of(runs: Sequence[Run], key: str, flat: Sequence[Mapping[str, Any]] | None = None) -> list[Any]:
    """Each run's value of a key; ``None`` in place of :data:`MISSING` never stands for a value that is None.

    Raises:
        PlotDataError: No run has it.
    """
    flat = [dict(flatten(run.hyperparameters)) for run in runs] if flat is None else flat
    name = key.removeprefix("hp.")
    if any(name in each for each in flat):
        return [each.get(name, _Missing) for each in flat]
    if key in _COLUMNS:
        return [run.row.get(key) for run in runs]
    known = list(dict.fromkeys(name for each in flat for name in each))
    raise PlotDataError(f"no run has a hyperparameter {key!r}; {nearest(key, known)}", name=key)


def having(runs: Sequence[Run], wanted: Mapping[str, Any]) -> list[Run]:
    """The runs that have, for every key, one of the values; a run without the key has none of them.

    Args:
        runs: The runs.
        wanted: Key -> a value or a list of values. They are equal when their texts are, too: 1 and "1".
    """
    kept = []
    for run in runs:
        flat = dict(flatten(run.hyperparameters))
        if all(key in flat and _is_one_of(flat[key], values) for key, values in wanted.items()):
            kept.append(run)
    return kept


def seed_notes(group: Group, seeds: str | None) -> list[str]:
    """What is odd about the seeds of a group: the same one twice counts twice, and is no new evidence."""
    if seeds is None:
        return []
    held = [dict(flatten(run.hyperparameters)).get(seeds, _Missing) for run in group.runs]
    counts = Counter(_texts([value for value in held if value is not _Missing]))
    of = f" of {group.label}" if group.label else ""
    return [
        f"{count} runs{of} have {seeds}={text}, and each counts" for text, count in sorted(counts.items()) if count > 1
    ]


class _Missing:
    """The value of a key that a run does not have."""


def _differing(flat: Sequence[Mapping[str, Any]], apart: Collection[str]) -> list[str]:
    keys = [key for key in dict.fromkeys(key for each in flat for key in each) if key not in apart]
    return [key for key in keys if len(set(_texts([each.get(key, _Missing) for each in flat]))) > 1]


def _texts(values: Sequence[Any]) -> list[str]:
    """Each value as text; equal numbers all as the shortest text that one of them has."""
    shortest: dict[Hashable, str] = {}
    for value in values:
        texts = {_text(value), shortest.get(_by_number(value), _text(value))}
        shortest[_by_number(value)] = min(texts, key=lambda text: (len(text), text))
    return [shortest[_by_number(value)] for value in values]


def _by_number(value: Any) -> Hashable:
    """What is the same for equal numbers, in lists too; a truth value is no number, and NaN is text."""
    if isinstance(value, list):
        return tuple(map(_by_number, value))
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - NaN
    return value if is_number else _text(value)


def _text(value: Any) -> str:
    return MISSING if value is _Missing else value_text(value)


def _rank(value: Any) -> tuple[int, float, str]:
    """Where a value stands among others: numbers, then texts, then missing ones."""
    if value is _Missing or value is None:
        return (2, 0.0, "")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return (0, float(value), "")
    return (1, 0.0, value_text(value))


def _is_one_of(value: Any, wanted: Any) -> bool:
    several = wanted if isinstance(wanted, (list, tuple, set, frozenset)) else [wanted]
    return any(value == each or value_text(value) == value_text(each) for each in several)
