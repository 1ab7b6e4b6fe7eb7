"""A hermes file to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rla.errors import ConfigError
from rla.hermes.words import quoted

_SCRIPTS: Final = ("train.py",)
_TEXT: Final = """\
PRE
# settings of this file, over those of .hermes_settings
threads:1

STD-H
# options of every job: hermes -ho lists them

STD-E
# arguments of every script, one a line, in front of those of its job

EXEC
# one job a line: [[command],[options]]; or many with PROD and ZIP, for example
# PROD([[python, train.py, -lr {lr} -seed {seed}],[]], lr=[0.1, 0.01], seed=RANGE[0, 3, 1])
"""


def write_template(file: Path, scripts: Sequence[str] = ()) -> Path:
    """Write a file that hermes can run.

    Args:
        file: Its name; ``.hermes`` is added where it has no ending.
        scripts: The scripts that it runs; ``.py`` is added where they have none.

    Returns:
        The file.

    Raises:
        ConfigError: It is there already, or its directory is not.
        OSError: It could not be written.
    """
    file = file if file.suffix else file.with_suffix(".hermes")
    jobs = [f"[[python, {quoted(name if Path(name).suffix else f'{name}.py')}],[]]" for name in scripts or _SCRIPTS]
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(_TEXT + "\n".join(jobs) + "\n")
    except FileNotFoundError:
        raise ConfigError(f"there is no directory {file.parent}: make it first", path=file) from None
    except FileExistsError:
        raise ConfigError(f"{file} is there already: choose another name, or remove it", path=file) from None
    return file
