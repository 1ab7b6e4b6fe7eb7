"""Every exception of rla. Each one also is the standard error a caller would guess.

The tree::

    RlaError(Exception)
    ├── ConfigError(ValueError)            a setting, or an argument that sets one
    ├── NotConfiguredError(RuntimeError)   no run is being recorded
    ├── RunNotFoundError(LookupError)      no stored run has that name
    ├── AmbiguousRunError(LookupError)     several stored runs have that name
    ├── SelectionError(ValueError)         what says which runs cannot be read or used
    ├── RunStartError(OSError)             the run's directory could not be made
    ├── ResumeError(RuntimeError)          a stored run cannot be continued now
    ├── ReproduceError(RuntimeError)       a stored run's code or command cannot be had again
    ├── StoreError                         the index cannot do what was asked
    │   ├── StoreBusyError                 others hold the index longer than we may wait
    │   └── SchemaVersionError             the index was written by another version
    ├── CheckpointError                    a checkpoint cannot be saved or loaded
    │   └── CheckpointNotFoundError(FileNotFoundError)  no checkpoint has that name and step
    ├── PlotDataError(ValueError)          values that cannot be drawn or compared
    ├── GridError(ConfigError, AssertionError)  a grid, or a function to run, that cannot be run
    ├── HermesFileError(ValueError)        a hermes file, or a settings file of hermes, cannot be read
    ├── JobsFailedError(RuntimeError)      some jobs of a batch did not succeed
    ├── ResultNotFoundError(RuntimeError)  an experiment directory holds no result
    └── MissingDependencyError(ImportError)  an extra is not installed

A message tells what happened, where, and what to do. Attributes carry the same as data.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

_TOLD_AT_ONCE: Final = 20
"""Errors of a file beyond these are only counted."""


class RlaError(Exception):
    """The base of every error that rla raises on purpose."""


class ConfigError(RlaError, ValueError):
    """A setting is unknown, of the wrong type or missing.

    Attributes:
        path: The file that holds the setting, or None for an argument or a variable.
        key: The dotted name of the setting, or None when the whole file is meant.
        allowed: What would have been accepted.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | None = None,
        key: str | None = None,
        allowed: Sequence[str] = (),
    ) -> None:
        """Keep where the setting stands beside the one-line message."""
        super().__init__(message)
        self.path = path
        self.key = key
        self.allowed = tuple(allowed)


class GridError(ConfigError, AssertionError):
    """A grid cannot be declared as it is given, or a function cannot be run with its parameters.

    ``key`` is the parameter that is wrong. It is an ``AssertionError`` too: that is what scripts
    for the grids of spinningup catch.
    """


class NotConfiguredError(RlaError, RuntimeError):
    """A recording call came before a run was started."""


class RunNotFoundError(RlaError, LookupError):
    """No stored run has the name that was given."""

    def __init__(self, name: str, *, hint: str = "") -> None:
        """Name what was looked for."""
        advice = hint or "`rla ls` lists the runs"
        super().__init__(f"no run is named {name!r}; {advice}")
        self.name = name


class AmbiguousRunError(RlaError, LookupError):
    """Several stored runs have the name that was given.

    Attributes:
        name: What was asked for.
        candidates: The uids it could mean.
    """

    def __init__(self, name: str, candidates: Sequence[str]) -> None:
        """List the first candidates."""
        shown = ", ".join(candidates[:5]) + (", ..." if len(candidates) > 5 else "")  # noqa: PLR2004 - five fit a line
        super().__init__(f"{name!r} names {len(candidates)} runs ({shown}); give more of the name")
        self.name = name
        self.candidates = tuple(candidates)


class SelectionError(RlaError, ValueError):
    """What says which runs, in which order or which of their values, cannot be read or used.

    Attributes:
        expression: The text that is wrong, or None when none is.
        position: Where in it, in characters from 0, or None.
    """

    def __init__(self, message: str, *, expression: str | None = None, position: int | None = None) -> None:
        """Show the text below the message, and a caret below the place."""
        if expression is not None and position is not None:
            message = f"{message}\n{_marked(expression, position)}"
        super().__init__(message)
        self.expression = expression
        self.position = position


class RunStartError(RlaError, OSError):
    """The directories of a new run could not be made; nothing of it is left behind."""


class ResumeError(RlaError, RuntimeError):
    """A stored run cannot be continued, or not by this run.

    Attributes:
        uid: The run that was to be continued.
    """

    def __init__(self, message: str, *, uid: str = "") -> None:
        """Keep the run beside the message."""
        super().__init__(message)
        self.uid = uid


class ReproduceError(RlaError, RuntimeError):
    """The code of a stored run cannot be given back, or its command cannot be run again.

    Attributes:
        uid: The run.
    """

    def __init__(self, message: str, *, uid: str = "") -> None:
        """Keep the run beside the message."""
        super().__init__(message)
        self.uid = uid


class StoreError(RlaError):
    """The index could not be read or written.

    Attributes:
        url: The index, without a password.
    """

    def __init__(self, message: str, *, url: str = "") -> None:
        """Keep the address of the index beside the message."""
        super().__init__(message)
        self.url = url


class StoreBusyError(StoreError):
    """Another process holds the index for longer than this one may wait."""


class SchemaVersionError(StoreError):
    """The index was written by a version of rla that this one does not know."""


class CheckpointError(RlaError):
    """A checkpoint cannot be saved as it is given, or loaded as it lies there.

    Attributes:
        path: The checkpoint's file, or None when there is none yet.
        key: Where in the saved values the trouble is, as ``model['actor'][0]``, or None.
    """

    def __init__(self, message: str, *, path: Path | None = None, key: str | None = None) -> None:
        """Keep the place beside the message."""
        super().__init__(message)
        self.path = path
        self.key = key


class CheckpointNotFoundError(CheckpointError, FileNotFoundError):
    """No complete checkpoint has the name and step that were asked for."""


class PlotDataError(RlaError, ValueError):
    """Values cannot be drawn or compared as they are.

    Attributes:
        name: The metric, group or environment they belong to, or None.
    """

    def __init__(self, message: str, *, name: str | None = None) -> None:
        """Keep whose values they are beside the message."""
        super().__init__(message)
        self.name = name


class HermesFileError(RlaError, ValueError):
    """A hermes file, or a settings file of hermes, cannot be read.

    Attributes:
        path: The file, or None for a command line.
        line: Which line of it, from 1.
        column: Which character of the line, from 1.
    """

    def __init__(self, message: str, *, path: Path | None, line: int, column: int, text: str) -> None:
        """Show the line below the message, and a caret below the place.

        Args:
            message: What is wrong, and what to write instead.
            path: The file, or None for a command line.
            line: Which line of it, from 1.
            column: Which character of the line, from 1.
            text: The line as it stands.
        """
        where = "command line" if path is None else f"{path}:{line}:{column}"
        super().__init__(f"{where}: {message}" + (f"\n{_marked(text, column - 1)}" if text.strip() else ""))
        self.path = path
        self.line = line
        self.column = column

    @classmethod
    def together(cls, errors: Sequence[HermesFileError]) -> HermesFileError:
        """The first of some errors, which tells of the others, too."""
        first, more = errors[0], len(errors) - _TOLD_AT_ONCE
        told = [str(error) for error in errors[:_TOLD_AT_ONCE]]
        first.args = ("\n".join([*told, *([f"and {more} more lines are wrong"] if more > 0 else [])]),)
        return first


class JobsFailedError(RlaError, RuntimeError):
    """Some jobs of a batch did not succeed.

    Attributes:
        failures: A line for each of them.
        report: For a grid its :class:`~rla.sweep.report.GridReport`, else None.
    """

    def __init__(self, message: str, failures: Sequence[str] = (), *, report: Any = None) -> None:
        """Keep the failures beside the message."""
        super().__init__(message)
        self.failures = tuple(failures)
        self.report = report


class ResultNotFoundError(RlaError, RuntimeError):
    """An experiment directory holds no result."""


class MissingDependencyError(RlaError, ImportError):
    """A feature needs a package that only an extra installs.

    Attributes:
        package: The package that is missing.
        extra: The extra that brings it.
    """

    def __init__(self, package: str, extra: str, feature: str) -> None:
        """Name the command that mends it."""
        super().__init__(f'{feature} needs {package}: run  pip install "rla[{extra}]"')
        self.package = package
        self.extra = extra


class RlaWarning(UserWarning):
    """Something went on without a part of it. While a run is recorded it is said once, and counted after that."""


def _marked(text: str, position: int, width: int = 70) -> str:
    """The part of a text around a place, on one line, and a caret on the next."""
    line = "".join(char if char.isprintable() else "?" for char in text)
    start = max(0, min(position - width // 2, len(line) - width))
    before, after = "..." if start else "", "..." if start + width < len(line) else ""
    caret = " " * (len(before) + position - start) + "^"
    return f"  {before}{line[start : start + width]}{after}\n  {caret}"
