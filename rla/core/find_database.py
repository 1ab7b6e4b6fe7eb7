"""Find the configuration file and the data root, as git finds a repository: looking upward.

What is found that way may lie in a directory that others can write. It is used only if it belongs
to the user or to root; anything may be named explicitly.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Protocol

from rla.core.layout import CONFIG_FILE, DEFAULT_DATA_ROOT, EXPERIMENTS, STATE_DIR
from rla.errors import ConfigError

DATA_ROOT_VARIABLE: Final = "RLA_DATA_ROOT"
CONFIG_VARIABLE: Final = "RLA_CONFIG"
_ROOT_USER: Final = 0


class HasDataRoot(Protocol):
    """A configuration, as far as it matters here."""

    @property
    def data_root(self) -> str | None:
        """The absolute data root, or None."""


def find_config(start: Path) -> Path | None:
    """The nearest ``rla_config.yaml`` in a directory or above it; None when there is none.

    The search ends at the root of the file system; neither a home directory nor a mount stops it.

    Raises:
        ConfigError: The nearest one belongs to another user.
    """
    for directory in _upward(start):
        candidate = directory / CONFIG_FILE
        if _mode(candidate) is not None:
            _require_own([candidate], f"set {CONFIG_VARIABLE}={candidate}")
            return candidate
    return None


def find_data_root(
    argument: str | os.PathLike[str] | None,
    config: HasDataRoot | None,
    environ: Mapping[str, str],
    start: Path,
) -> Path | None:
    """The database to use: argument, configuration, variable, or the nearest one upward.

    A configuration that :func:`~rla.core.config.load_config` made has taken the variable in
    already, in its right rank; ``environ`` matters where there is none.

    Args:
        argument: ``--data-root``, or an argument in code; relative to the current directory.
        config: The configuration, if one was loaded.
        environ: The environment variables.
        start: Where the search upward for a directory that holds ``.rla/``, itself or in its
            ``rla_data`` or ``experiments``, begins.

    Returns:
        An absolute path that need not exist, or None when nothing names or holds a database.

    Raises:
        ConfigError: The argument is no path, or the nearest database belongs to another user.
    """
    if argument is not None:
        return absolute(argument, what="data_root")
    if config is not None and config.data_root:
        return absolute(config.data_root, what="DATA_ROOT")
    if named := environ.get(DATA_ROOT_VARIABLE, "").strip():
        return absolute(named, what=DATA_ROOT_VARIABLE)
    return _find_state_dir(start)


def absolute(path: str | os.PathLike[str], base: Path | None = None, *, what: str = "path") -> Path:
    """A path that a later change of directory does not move.

    ``~`` is the home directory. Symbolic links stay as they are, unless ``..`` has to be taken
    through them.

    Args:
        path: Any path.
        base: What a relative one is relative to; the current directory by default.
        what: What a message calls it.

    Raises:
        ConfigError: It is empty or no path, or there is no home or current directory to start from.
    """
    if path == "":
        message = f"{what} is empty; write . for the current directory"
        raise ConfigError(message, key=what)
    if "\0" in str(path):
        message = f"{what} holds a NUL, which no path can"
        raise ConfigError(message, key=what)
    try:
        full = Path(path).expanduser()
        if not full.is_absolute():
            full = (Path.cwd() if base is None else absolute(base)) / full
        return full.resolve() if ".." in full.parts else full
    except (OSError, TypeError, ValueError, RuntimeError) as error:
        message = f"{what} cannot be used as a path: {error}"
        raise ConfigError(message, key=what) from error


def _find_state_dir(start: Path) -> Path | None:
    for above in _upward(start):
        for directory in (above, above / DEFAULT_DATA_ROOT, above / EXPERIMENTS):
            candidate = directory / STATE_DIR
            mode = _mode(candidate, follow=True)
            if mode is not None and stat.S_ISDIR(mode):
                advice = f"give --data-root, or set {DATA_ROOT_VARIABLE}={directory}"
                _require_own([candidate, directory], advice)
                return directory
    return None


def _upward(start: Path) -> Iterable[Path]:
    place = absolute(start)
    try:
        place = place.resolve()
    except (OSError, RuntimeError) as error:
        message = f"{place} cannot be searched for a database: {error}"
        raise ConfigError(message) from error
    return (place, *place.parents)


def _mode(path: Path, *, follow: bool = False) -> int | None:
    """The mode of what a name stands for; None when nothing is there or it may not be seen."""
    try:
        return (path.stat() if follow else path.lstat()).st_mode
    except (OSError, ValueError):
        return None


def _require_own(paths: Iterable[Path], advice: str) -> None:
    """Refuse what another user may have laid here, be it the thing or a link to it."""
    if not hasattr(os, "geteuid"):
        return  # Windows: who owns a file says nothing there about who wrote it
    for path in paths:
        strangers = _owners(path) - {os.geteuid(), _ROOT_USER}
        if strangers:
            owner = _user_name(strangers.pop())
            message = f"{path} was found by looking upward and belongs to {owner}, not to you; to use it, {advice}"
            raise ConfigError(message, path=path)


def _owners(path: Path) -> set[int]:
    owners = {path.lstat().st_uid}
    if _mode(path, follow=True) is not None:
        owners.add(path.stat().st_uid)
    return owners


def _user_name(uid: int) -> str:
    import pwd  # noqa: PLC0415 - Unix only

    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"
