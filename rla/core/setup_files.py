"""What ``rla setup`` writes into a project: a commented ``rla_config.yaml`` and lines of ``.gitignore``.

The text of the configuration stands here, inside the package, so that an installed rla has it.
``rla_config.example.yaml`` at the top of the source is the same text; a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rla.core.layout import CONFIG_FILE
from rla.errors import ConfigError

CONFIG_TEMPLATE: Final = """\
# The settings of rla for this project. Each key may be left out; what stands here is its default.
# Relative paths are relative to this file. The whole reference: docs/reference/configuration.md

# The directory of the database; empty: found by looking upward for a directory that holds .rla/
DATA_ROOT: ''

# Where recorded values go, any of: stdout, log, tensorboard, csv, json
LOG_USED: [stdout, log, tensorboard, csv]

# Whose checkpoints are saved, one of: torch, tensorflow, numpy
DL_FRAMEWORK: torch

# Whether each run keeps a copy of its code, true or false
BACKUP_CODE: true

# Whether each run keeps its git state, packages and hardware, true or false
CAPTURE_ENVIRONMENT: true

PROJECT_TYPE:
  # How the code of a run is backed up, one of: source (what backup_code_dir lists), lib (the whole of lib_dir)
  backup_code_by: source

BACKUP_CONFIG:
  # Directories and files to back up, a list of paths, as [my_project, train.py]; empty: the script's directory
  backup_code_dir: []
  # The directory of the built library, backed up when backup_code_by is lib; a path
  lib_dir: ./build/lib/
  # Files of gitignore patterns that the backup leaves out, a list of paths, as [.gitignore]
  ignore_code_paths: []

# The SQLAlchemy URL of the index; empty: rla.db in the data root
INDEX_URL: ''

# What stands between the parts of a run's directory name, one of: space, underscore
INDEX_NAME_FORMAT: space

# Whether recorded files are sent to the machine below, true or false
SEND_LOG_FILE: false

REMOTE_SETTING:
  # The address of the server; text
  ftp_server: ''
  # How files are sent, one of: ftp, sftp
  file_transfer_protocol: ftp
  # The port of the server, 1 to 65535; empty: the protocol's own
  port: ''
  # The name to log in with; text
  username: ''
  # The password itself; text; one of the next two keys keeps it out of this file
  password: ''
  # The name of the environment variable that holds the password; text
  password_env: ''
  # The file that holds the password and that only you can read; a path
  password_file: ''
  # The data root on the server; a path there
  remote_data_root: ''
  # The older name of remote_data_root; a path there
  remote_log_root: ''
"""
"""The commented ``rla_config.yaml``, in which every setting has its default."""

GITIGNORE_LINES: Final = (
    "**/archive_tester/**",
    "**/checkpoint/**",
    "**/code/**",
    "**/results/**",
    "**/log/**",
    "**/arc/**",
    "**/hyperparameter/**",
    "**/tmp_data/**",
    "**/.rla/**",
    "**/rla.db",
    "**/rla.db-wal",
    "**/rla.db-shm",
)
"""What keeps recorded data out of git: the trees of runs, rla's own directory, the index."""

_HEADING: Final = "# What rla records"
_DATA_ROOT_LINE: Final = "DATA_ROOT: ''\n"


@dataclass(frozen=True)
class SetupReport:
    """What :func:`write_setup` did.

    Attributes:
        config: The configuration file.
        config_written: Whether it was written; False when there was one, which stays as it is.
        gitignore: The file of git.
        added: The lines that were appended to it.
    """

    config: Path
    config_written: bool
    gitignore: Path
    added: tuple[str, ...]

    @property
    def messages(self) -> tuple[str, str]:
        """A line to show for each file."""
        config = "wrote" if self.config_written else "kept, as it was,"
        gitignore = f"added {len(self.added)} lines to" if self.added else "nothing to add to"
        return f"{config} {self.config}", f"{gitignore} {self.gitignore}"


def config_text(data_root: str | None = None) -> str:
    """The text of a new ``rla_config.yaml``.

    Args:
        data_root: The value of ``DATA_ROOT``; None leaves it empty.

    Raises:
        ConfigError: The path cannot be written in a YAML file.
    """
    if data_root is None:
        return CONFIG_TEMPLATE
    return CONFIG_TEMPLATE.replace(_DATA_ROOT_LINE, f"DATA_ROOT: {_quoted(data_root)}\n")


def write_setup(directory: Path, data_root: str | None = None) -> SetupReport:
    """Make a directory the root of a project. Nothing that is there is changed but ``.gitignore``.

    Args:
        directory: The project; it exists.
        data_root: The value of ``DATA_ROOT`` in a new configuration file.

    Raises:
        ConfigError: A file cannot be written, or the data root cannot be named in one.
    """
    config, gitignore = directory / CONFIG_FILE, directory / ".gitignore"
    text = config_text(data_root)
    try:
        return SetupReport(config, _write_new(config, text), gitignore, _add_lines(gitignore))
    except OSError as error:
        message = f"{error.filename or directory} cannot be written: {error.strerror or error}"
        raise ConfigError(message, path=directory) from error


def _write_new(path: Path, text: str) -> bool:
    try:
        file = path.open("x", encoding="utf-8", newline="\n")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(text)
    except OSError:  # half a file would be kept as if the user had written it
        path.unlink(missing_ok=True)
        raise
    return True


def _add_lines(path: Path) -> tuple[str, ...]:
    """Append the lines that a file lacks; bytes, because nothing says how it is encoded."""
    content = path.read_bytes() if path.exists() else b""
    present = {line.strip() for line in content.splitlines()}
    missing = tuple(line for line in GITIGNORE_LINES if line.encode() not in present)
    if missing:
        start = "" if not content or content.endswith(b"\n") else "\n"
        heading = "" if _HEADING.encode() in present else f"{_HEADING}\n"
        with path.open("ab") as file:
            file.write((start + heading + "\n".join(missing) + "\n").encode())
    return missing


def _quoted(text: str) -> str:
    """A YAML scalar in double quotes, escaped where it holds what no one can see."""
    if not text or "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        message = f"{text!r} cannot stand as DATA_ROOT in {CONFIG_FILE}; name a directory whose path is plain text"
        raise ConfigError(message, key="DATA_ROOT")
    plain = (char if char.isprintable() and char not in '"\\' else f"\\U{ord(char):08x}" for char in text)
    return f'"{"".join(plain)}"'
