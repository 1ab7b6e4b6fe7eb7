"""A file that a user asked for by name: nothing that is there is replaced unasked."""

from __future__ import annotations

from pathlib import Path

from rla.errors import ConfigError
from rla.fsio.atomic_write import atomic_write


def check_output(path: Path, *, force: bool = False) -> None:
    """That a file may be written.

    Args:
        path: The file.
        force: It may be replaced.

    Raises:
        ConfigError: There is something already, and it is not to be replaced or no plain file.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ConfigError(f"{path} is no plain file; name another one", path=path)
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already; name another file, or say --force (force=True)", path=path)


def write_output(path: Path, content: bytes, *, force: bool = False) -> None:
    """Write a file whole or not at all.

    Args:
        path: The file.
        content: All of it.
        force: Replace a file that is there.

    Raises:
        ConfigError: As :func:`check_output`.
        OSError: It cannot be written.
    """
    check_output(path, force=force)
    atomic_write(path, content, durable=False)
