"""One experiment that hermes ran: its directory, and what is in it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from rla.errors import ResultNotFoundError
from rla.hermes.command import arguments_of, value_of
from rla.hermes.files import copy_in, move_in
from rla.hermes.info import INFO_FILE, append_info, argument_words, parse_time, read_arguments, read_info_file

if TYPE_CHECKING:
    from rla.hermes.experiment_list import ExperimentList
    from rla.hermes.result import Result

_STDOUT: Final = "stdout.log"
_STDERR: Final = "stderr.log"


class Experiment:
    """An experiment: its directory, from which everything is read when it is asked for.

    Attributes:
        path: The directory.
        commit_hash: What was checked out when it started.
        start_time: When it started, in local time; None where nobody wrote it down.
        comments: Remarks that are stored by :meth:`store_comments`.
    """

    def __init__(
        self,
        identifier: str,
        path_to_experiment: str | os.PathLike[str],
        commit_hash: str,
        start_time: datetime | None,
    ) -> None:
        """Describe an experiment; :meth:`load` does it from a directory.

        Args:
            identifier: Its unique name.
            path_to_experiment: Its directory.
            commit_hash: What was checked out when it started.
            start_time: When it started, in local time.
        """
        self.path = Path(path_to_experiment)
        self.commit_hash = commit_hash
        self.start_time = start_time
        self.comments: list[str] = []
        self._identifier = identifier

    # --- finding experiments

    @classmethod
    def load(cls, path_to_experiment: str | os.PathLike[str]) -> Experiment:
        """The experiment in a directory.

        Raises:
            FileNotFoundError: There is no ``hermes.info`` in it.
        """
        path = Path(path_to_experiment)
        info = cls.read_info(path)
        started = parse_time(info.get("start_time", "")) or _time_of(path.absolute().name)
        return cls(path.absolute().name, path, info.get("commit_hash", "").strip(), started)

    @staticmethod
    def load_all(path: str | os.PathLike[str]) -> ExperimentList:
        """Every experiment below a directory, however deep, by their identifiers; what cannot be read is left out.

        Raises:
            FileNotFoundError: There is no such directory.
        """
        from rla.hermes.experiment_list import ExperimentList  # noqa: PLC0415 - it is made of these

        if not Path(path).is_dir():
            raise FileNotFoundError(f"there is no directory {path}")
        found = []
        for directory, inner, files in os.walk(path):
            inner[:] = [name for name in inner if not name.startswith(".")]
            if INFO_FILE in files:
                with contextlib.suppress(OSError):
                    found.append(Experiment.load(directory))
        return ExperimentList(sorted(found, key=Experiment.get_identifier))

    @staticmethod
    def is_experiment(path: str | os.PathLike[str]) -> bool:
        """Whether a directory is one of an experiment."""
        return (Path(path) / INFO_FILE).is_file()

    @staticmethod
    def read_info(path_to_experiment: str | os.PathLike[str]) -> dict[str, str]:
        """What ``hermes.info`` says.

        Raises:
            FileNotFoundError: There is none.
        """
        if not Experiment.is_experiment(path_to_experiment):
            raise FileNotFoundError(f"{path_to_experiment} is no directory of an experiment: it has no {INFO_FILE}")
        return read_info_file(Path(path_to_experiment))

    # --- what is known of it

    def get_identifier(self) -> str:
        """Its unique name."""
        return self._identifier

    @property
    def info_dict(self) -> dict[str, str]:
        """What its ``hermes.info`` says now."""
        return self.read_info(self.path)

    @cached_property
    def exec_args(self) -> set[str]:
        """Its arguments, as ``{"-lr 0.001", "--gradclip"}``; empty where nobody wrote them down."""
        try:
            return set(read_arguments(self.path))
        except FileNotFoundError:
            return set()

    @property
    def exec_args_dict(self) -> dict[str, Any]:
        """Its arguments by name, dashes included: True, a number, a text, or a list of these."""
        found: dict[str, Any] = {}
        for line in sorted(self.exec_args):
            positionals, options = arguments_of(argument_words(line))
            found.update(dict.fromkeys(positionals, True))
            found.update({option: _plain(values) for option, values in options.items()})
        return found

    # --- its files

    def file(self, file: str | os.PathLike[str]) -> Path:
        """The path of a file of its directory."""
        return self.path / file

    def copy_file(self, path_to_file: str | os.PathLike[str], new_file_name: str | None = None) -> None:
        """Copy a file or directory into its directory; a name that is taken gets a number.

        Args:
            path_to_file: What to copy.
            new_file_name: What the copy is called; as before by default.

        Raises:
            OSError: It could not be copied.
        """
        copy_in(Path(path_to_file), self.file(new_file_name or Path(path_to_file).name))

    def move_file(self, path_to_file: str | os.PathLike[str], new_file_name: str | None = None) -> None:
        """Move a file or directory into its directory; a name that is taken gets a number.

        Args:
            path_to_file: What to move.
            new_file_name: What it is called there; as before by default.

        Raises:
            OSError: It could not be moved.
        """
        move_in(Path(path_to_file), self.file(new_file_name or Path(path_to_file).name))

    @contextlib.contextmanager
    def open_log_files(self, mode: str = "r+") -> Iterator[tuple[IO[Any], IO[Any]]]:
        """Open what the job printed: stdout and stderr, closed at the end of the ``with``.

        Raises:
            OSError: One of them cannot be opened.
        """
        with self._open(_STDOUT, mode) as stdout, self._open(_STDERR, mode) as stderr:
            yield stdout, stderr

    @contextlib.contextmanager
    def open_stderr_file(self, mode: str = "r") -> Iterator[IO[Any]]:
        """Open what the job printed to stderr, closed at the end of the ``with``.

        Raises:
            OSError: It cannot be opened.
        """
        with self._open(_STDERR, mode) as stderr:
            yield stderr

    def store_comments(self) -> None:
        """Add :attr:`comments` to ``hermes.info``.

        Raises:
            OSError: It cannot be written.
        """
        if self.comments:
            before = self.info_dict.get("comments")
            append_info(self.path, {"comments": ",".join(filter(None, (before, *self.comments)))})
            self.comments = []

    # --- its results

    @property
    def scores_file(self) -> Path:
        """The file of its scores, ``<identifier>.scores``, whether it is there or not."""
        return self.file(f"{self._identifier}.scores")

    def scores(self) -> NDArray[np.float64]:
        """Its scores, one number a line.

        Returns:
            A float64 array of shape (episodes,).

        Raises:
            FileNotFoundError: It has none.
            ValueError: A line is no number.
        """
        if not self.scores_file.exists():
            told = f"its script writes them into {self.scores_file.name}, one a line, in its working directory"
            raise FileNotFoundError(f"{self!r} has no scores: {told}")
        return np.array(self.scores_file.read_text(encoding="utf-8").split(), dtype=np.float64)

    @property
    def result(self) -> Result:
        """Its result, the first by name of several.

        Raises:
            ResultNotFoundError: It has none; this also is a RuntimeError.
        """
        from rla.hermes.result import Result  # noqa: PLC0415 - loads torch

        files = sorted(self.path.glob("*.result"))
        if not files:
            raise ResultNotFoundError(f"there is no result in {self.path}: store one with Result.save")
        return Result.load(files[0])

    def list_pth_files(self) -> list[str]:
        """The names of its files of weights, sorted."""
        return sorted(path.name for path in self.path.glob("*.pth"))

    def load_state_dict(self, pth_name: str, net: Any = None) -> Any:
        """Load weights; files that would run code are refused.

        Args:
            pth_name: The file's name, with or without ``.pth``.
            net: A ``torch.nn.Module`` that gets the weights.

        Returns:
            ``net``, ready to evaluate; without one, the weights, on the CPU.

        Raises:
            FileNotFoundError: There is no such file.
            MissingDependencyError: torch is not installed.
            CheckpointError: The file is not one of plain weights.
        """
        from rla.hermes.torch_adapter import load_plain  # noqa: PLC0415 - loads torch

        file = self.file(pth_name)
        state = load_plain(file if file.exists() else file.with_name(f"{file.name}.pth"))
        if net is None:
            return state
        net.load_state_dict(state)
        net.eval()
        return net

    def __repr__(self) -> str:
        return f"<experiment {self._identifier} of {self.path.parent}>"

    def _open(self, name: str, mode: str) -> IO[Any]:
        return self.file(name).open(mode, encoding=None if "b" in mode else "utf-8")


def _time_of(identifier: str) -> datetime | None:
    """An identifier begins with its time."""
    return parse_time("_".join(identifier.split("_")[:4]))


def _plain(values: tuple[str, ...]) -> Any:
    parsed = [value_of(value) for value in values]
    return True if not parsed else parsed[0] if len(parsed) == 1 else parsed
