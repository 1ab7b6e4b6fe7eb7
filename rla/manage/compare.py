"""The difference of two runs: what they were given, where they ran, what came out, and their code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rla.artifacts.code.listing import digest
from rla.core import json_codec
from rla.core.hyperparams import flatten
from rla.core.manifest import Manifest
from rla.manage.compare_code import FileChange, compare_code
from rla.runs.run import Run
from rla.store.rebuild import read_run

_RUN: Final = ("task", "batch", "parent_uid", "origin")
_PLACE: Final = ("host", "user", "cwd", "argv")


class _Absent:
    """What a run does not have; None is a value."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


@dataclass(frozen=True)
class Change:
    """One value that differs; :data:`ABSENT` on the side that does not have it."""

    key: str
    old: Any
    new: Any


@dataclass
class Comparison:
    """What differs between two runs; what is the same in both is not in it.

    Attributes:
        run: Task, state, exit code and the like.
        hyperparameters: By dotted key.
        environment: Machine, command line, git and packages, by dotted key.
        summary: The last values, the time step and the duration.
        code: The files of the two ``code/`` directories, by path.
        remarks: What could not be compared, and why.
    """

    run: list[Change] = field(default_factory=list)
    hyperparameters: list[Change] = field(default_factory=list)
    environment: list[Change] = field(default_factory=list)
    summary: list[Change] = field(default_factory=list)
    code: list[FileChange] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs, as far as it could be compared."""
        return not (self.run or self.hyperparameters or self.environment or self.summary or self.code)


def compare(old: Run, new: Run, *, code: bool = True) -> Comparison:
    """Compare two runs.

    Nothing is raised for a run that is damaged or elsewhere: what cannot be compared is in ``remarks``.

    Args:
        old: One run.
        new: The other.
        code: Also compare the code that was backed up. Files with the same hash are not read.
    """
    found = Comparison(
        run=_changes(_about(old), _about(new)),
        hyperparameters=_changes(dict(flatten(old.hyperparameters)), dict(flatten(new.hyperparameters))),
        summary=_changes(_results(old), _results(new)),
    )
    before, after = _environment(old, found.remarks), _environment(new, found.remarks)
    if before is not None and after is not None:
        found.environment = _changes(before, after)
    if code:
        found.code = compare_code(old, new, found.remarks)
    return found


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """What differs, in the order of the first, then what only the second has."""
    pairs = ((key, old.get(key, ABSENT), new.get(key, ABSENT)) for key in dict.fromkeys([*old, *new]))
    return [Change(*pair) for pair in pairs if not _same(*pair[1:])]


def _same(old: Any, new: Any) -> bool:
    """As a user counts: 1 is 1.0, NaN is NaN, True is not 1, and a missing value is not None."""
    if old is ABSENT or new is ABSENT:
        return False
    if _is_number(old) and _is_number(new) and old == new:
        return True
    return json_codec.dumps(old) == json_codec.dumps(new)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _about(run: Run) -> dict[str, Any]:
    """The columns that are no accident; times and ids differ always."""
    values = {**{name: run.row[name] for name in _RUN}, "state": run.state, "exit_code": run.row["exit_code"]}
    return _given(values)


def _results(run: Run) -> dict[str, Any]:
    return {**_given({"time_step": run.time_step}), **run.summary}


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _environment(run: Run, remarks: list[str]) -> dict[str, Any] | None:
    if run.paths is None:
        remarks.append(f"the files of {run.uid} are not in this data root: environment and code are not compared")
        return None
    try:
        record, _, _ = read_run(run.paths)
    except (OSError, ValueError) as error:
        remarks.append(f"the environment of {run.uid} is not compared: {error}")
        return None
    return dict(_environment_leaves(record))


def _environment_leaves(record: Manifest) -> Iterable[tuple[str, Any]]:
    yield from ((name, getattr(record, name)) for name in _PLACE)
    for name in ("git", "environment"):
        for key, value in flatten(getattr(record, name), f"{name}."):
            yield key, _short(value)


def _short(value: Any) -> Any:
    """A patch, or the text of files, in a few words: ``rla show --diff`` prints it."""
    text = value if isinstance(value, str) else json_codec.dumps(value)
    if "\n" not in text and not (isinstance(value, list) and any(isinstance(item, Mapping) for item in value)):
        return value
    lines = f"{len(text.splitlines())} lines, " if isinstance(value, str) else f"{len(value)} files, "
    return f"{lines}hash {digest(text.encode('utf-8', 'surrogatepass'))[:12]}"
