"""The configuration of a project: ``rla_config.yaml``, variables and arguments as one typed value.

Rank, highest first: arguments in code, command line, ``RLA_*`` variables, file, defaults.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from rla.core.config_schema import SETTINGS, Origin, check_settings, check_variables
from rla.core.find_database import CONFIG_VARIABLE, absolute, find_config
from rla.core.hyperparams import plain
from rla.core.redact import MASK
from rla.errors import ConfigError, RlaWarning

_URL_PASSWORD: Final = re.compile(r"(?<=://)([^:/?#]*):.*@|((?:^|[?&])[a-z_]*password=)[^&]*", re.IGNORECASE)
_OTHERS: Final = 0o077


class RemoteSetting(msgspec.Struct, frozen=True, kw_only=True):
    """``REMOTE_SETTING``: the machine that recorded files are sent to. Its repr hides the password.

    Attributes:
        ftp_server: The address of the server.
        username: The name to log in with.
        password: The password itself; better kept out of the file.
        password_env: The name of the environment variable that holds the password.
        password_file: The file that holds the password.
        port: The server's port, or None for the protocol's own.
        remote_log_root: The older name of ``remote_data_root``.
        remote_data_root: The data root on the server.
        file_transfer_protocol: ``ftp`` or ``sftp``.
    """

    ftp_server: str = ""
    username: str = ""
    password: str = ""
    password_env: str = ""
    password_file: str = ""
    port: int | None = None
    remote_log_root: str = ""
    remote_data_root: str = ""
    file_transfer_protocol: Literal["ftp", "sftp"] = "ftp"

    def __repr__(self) -> str:
        return _shown(self)

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return _shown_fields(self)


class RlaConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a project. Its repr hides passwords.

    Attributes:
        backup_code_by: ``source`` or ``lib``.
        backup_code_dir: Directories and files to back up, relative to ``project_root``.
        lib_dir: The directory of the built library.
        ignore_code_paths: Files of patterns that the code backup leaves out.
        log_used: Where recorded values go, in the order given.
        dl_framework: Whose checkpoints are saved.
        backup_code: Whether runs keep a copy of their code.
        capture_environment: Whether runs keep their git state, packages and hardware.
        send_log_file: Whether recorded files are sent to ``remote``.
        remote: Where they are sent.
        data_root: The database, absolute, or None when nothing names it.
        index_url: The SQLAlchemy URL of the index, or None for ``rla.db`` in the data root.
        index_name_format: What stands between the parts of a run's name.
        path: The file the settings came from, or None.
        project_root: What ``backup_code_dir`` and the like are relative to; absolute.
    """

    backup_code_by: Literal["source", "lib"] = "source"
    backup_code_dir: list[str] = []
    lib_dir: str = "./build/lib/"
    ignore_code_paths: list[str] = []
    log_used: tuple[str, ...] = ("stdout", "log", "tensorboard", "csv")
    dl_framework: Literal["torch", "tensorflow", "numpy"] = "torch"
    backup_code: bool = True
    capture_environment: bool = True
    send_log_file: bool = False
    remote: RemoteSetting = RemoteSetting()
    data_root: str | None = None
    index_url: str | None = None
    index_name_format: Literal["space", "underscore"] = "space"
    path: Path | None = None
    project_root: Path = msgspec.field(default_factory=Path.cwd)

    def __repr__(self) -> str:
        return _shown(self)

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return _shown_fields(self)


def load_config(
    source: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    *,
    code_root: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> RlaConfig:
    """Bring together all that configures a project.

    Args:
        source: A configuration file; or a mapping in the shape of one, which is an argument in
            code and takes the place of a file; or None for the file that ``RLA_CONFIG`` names,
            else the nearest one upward, else no file.
        code_root: The root of the project; by default the file's directory, else the current one.
        environ: The environment variables.
        overrides: What the command line gave, in the shape of a file; None values are left out.
        defaults: What holds where nobody says otherwise, instead of this module's own defaults.

    Raises:
        ConfigError: A file cannot be read, or something in it, in a variable or in an argument
            is not a setting or not a value of it.
    """
    if isinstance(source, Mapping):
        path, low = None, {}
        base = None if code_root is None else absolute(code_root, what="code_root")
        high = _checked(source, "rla_config", base)
    else:
        path = _choose_file(source, environ)
        low = {} if path is None else _from_file(path)
        high = {}
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    values = (
        _checked(defaults or {}, "default", None)
        | low
        | _rooted(check_variables(environ), None)
        | _checked(given, "command line", None)
        | high
    )
    return _build(values, path, _project_root(code_root, path))


def without_password(url: str) -> str:
    """A URL of an index as it may be shown: the password masked, wherever it stands."""
    return _URL_PASSWORD.sub(lambda match: f"{match[1]}:{MASK}@" if match[2] is None else f"{match[2]}{MASK}", url)


def _choose_file(source: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> Path | None:
    if source is not None:
        return absolute(source, what="rla_config")
    if named := environ.get(CONFIG_VARIABLE, "").strip():
        return absolute(named, what=CONFIG_VARIABLE)
    return find_config(Path())


def _from_file(path: Path) -> dict[str, Any]:
    from rla.core.config_file import read_config_file  # noqa: PLC0415 - loads PyYAML, needed for a file only

    document = read_config_file(path)
    values = check_settings(document.values, document.origin)
    if document.mode & _OTHERS and os.name == "posix":
        _warn_of_secrets(values, path)
    return _rooted(values, path.parent)


def _checked(values: Mapping[str, Any], label: str, base: Path | None) -> dict[str, Any]:
    """A mapping given in code; other kinds of mapping, such as OmegaConf's, become a dictionary first."""
    known = values if isinstance(values, dict) else plain(values)
    if not isinstance(known, dict):
        message = f"{label} is a {type(values).__name__} that cannot be read"
        raise ConfigError(message)
    return _rooted(check_settings(known, Origin(label)), base)


def _rooted(values: dict[str, Any], base: Path | None) -> dict[str, Any]:
    """Make the data root absolute while it is known what it is relative to."""
    if root := values.get("DATA_ROOT"):
        values["DATA_ROOT"] = str(absolute(root, base, what="DATA_ROOT"))
    return values


def _warn_of_secrets(values: Mapping[str, Any], path: Path) -> None:
    url = values.get("INDEX_URL", "")
    keys = ["REMOTE_SETTING.password"] if values.get("REMOTE_SETTING.password") else []
    keys += ["INDEX_URL"] if without_password(url) != url else []
    if keys:
        message = f"{path}: {' and '.join(keys)} can be read by other users; run  chmod 600 {path}"
        warnings.warn(message, RlaWarning, stacklevel=4)


def _project_root(code_root: str | os.PathLike[str] | None, path: Path | None) -> Path:
    if code_root is not None:
        return absolute(code_root, what="code_root")
    return absolute(Path()) if path is None else path.parent


def _build(values: Mapping[str, Any], path: Path | None, project_root: Path) -> RlaConfig:
    remote = _fields(values, remote=True)
    fields = _fields(values, remote=False)
    for optional in ("data_root", "index_url"):
        fields[optional] = fields.get(optional) or None
    if "log_used" in fields:
        fields["log_used"] = tuple(dict.fromkeys(fields["log_used"]))
    return RlaConfig(**fields, remote=RemoteSetting(**remote), path=path, project_root=project_root)


def _fields(values: Mapping[str, Any], *, remote: bool) -> dict[str, Any]:
    chosen = (key for key in values if key.startswith("REMOTE_SETTING.") is remote)
    return {SETTINGS[key].attribute: values[key] for key in chosen}


def _shown(struct: RemoteSetting | RlaConfig) -> str:
    fields = ", ".join(f"{name}={value!r}" for name, value in _shown_fields(struct))
    return f"{type(struct).__name__}({fields})"


def _shown_fields(struct: RemoteSetting | RlaConfig) -> list[tuple[str, Any]]:
    return [(name, _shown_value(name, getattr(struct, name))) for name in struct.__struct_fields__]


def _shown_value(name: str, value: Any) -> Any:
    if name == "password" and value:
        return MASK
    return without_password(value) if name == "index_url" and value else value
