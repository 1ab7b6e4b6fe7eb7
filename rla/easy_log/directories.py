"""The directories of the current run, as scripts read them from the manager."""

from __future__ import annotations

import os

from rla.core import layout
from rla.easy_log.current import current


class Directories:
    """A part of the manager. Each directory is made when it is first read."""

    @property
    def log_dir(self) -> str:
        """The run's log directory, ending in a separator so that file names can be added to it."""
        return _directory(layout.LOG)

    @property
    def code_dir(self) -> str:
        """The run's backup of code, as :attr:`log_dir`."""
        return _directory(layout.CODE)

    @property
    def checkpoint_dir(self) -> str:
        """The run's weights, as :attr:`log_dir`."""
        return _directory(layout.CHECKPOINT)

    @property
    def results_dir(self) -> str:
        """The run's figures and videos, as :attr:`log_dir`."""
        return _directory(layout.RESULTS)

    @property
    def hyperparameter_dir(self) -> str:
        """The run's hyperparameters as a file, as :attr:`log_dir`."""
        return _directory(layout.HYPERPARAMETER)

    hyparameter_dir = hyperparameter_dir

    @property
    def tmp_data_dir(self) -> str:
        """The run's large and short-lived data, as :attr:`log_dir`."""
        return _directory(layout.TMP_DATA)


def _directory(kind: str) -> str:
    return f"{current.require().directory(kind)}{os.sep}"
