"""What ``rla_config.yaml`` may hold, and how a wrong key or value is told."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rla.core.setting_kinds import Choice, Flag, Items, Kind, Port, RefusedValueError, Text, found
from rla.errors import ConfigError

LOG_FORMATS: Final = ("stdout", "log", "tensorboard", "csv", "json")
FRAMEWORKS: Final = ("torch", "tensorflow", "numpy")
BACKUP_WAYS: Final = ("source", "lib")
NAME_FORMATS: Final = ("space", "underscore")
PROTOCOLS: Final = ("ftp", "sftp")


@dataclass(frozen=True)
class Setting:
    """One key of the file.

    Attributes:
        key: Its name; a dot stands between a section and a key in it.
        kind: What it takes.
        secret: Whether its value may never be shown.
    """

    key: str
    kind: Kind
    secret: bool = False

    @property
    def attribute(self) -> str:
        """The name of the field that keeps it."""
        return self.key.rpartition(".")[2].lower()

    @property
    def variable(self) -> str | None:
        """The environment variable that sets it; keys in a section have none."""
        return None if "." in self.key else f"RLA_{self.key}"


_ALL: Final = (
    Setting("PROJECT_TYPE.backup_code_by", Choice(BACKUP_WAYS)),
    Setting("BACKUP_CONFIG.backup_code_dir", Items(Text(optional=False))),
    Setting("BACKUP_CONFIG.lib_dir", Text(optional=False)),
    Setting("BACKUP_CONFIG.ignore_code_paths", Items(Text(optional=False))),
    Setting("LOG_USED", Items(Choice(LOG_FORMATS))),
    Setting("DL_FRAMEWORK", Choice(FRAMEWORKS)),
    Setting("BACKUP_CODE", Flag()),
    Setting("CAPTURE_ENVIRONMENT", Flag()),
    Setting("SEND_LOG_FILE", Flag()),
    Setting("REMOTE_SETTING.ftp_server", Text()),
    Setting("REMOTE_SETTING.username", Text()),
    Setting("REMOTE_SETTING.password", Text(), secret=True),
    Setting("REMOTE_SETTING.password_env", Text()),
    Setting("REMOTE_SETTING.password_file", Text()),
    Setting("REMOTE_SETTING.port", Port()),
    Setting("REMOTE_SETTING.remote_log_root", Text()),
    Setting("REMOTE_SETTING.remote_data_root", Text()),
    Setting("REMOTE_SETTING.file_transfer_protocol", Choice(PROTOCOLS)),
    Setting("DATA_ROOT", Text()),
    Setting("INDEX_URL", Text(), secret=True),
    Setting("INDEX_NAME_FORMAT", Choice(NAME_FORMATS)),
)

SETTINGS: Final[Mapping[str, Setting]] = {setting.key: setting for setting in _ALL}
"""Every setting by its dotted key."""

SECTIONS: Final = tuple(dict.fromkeys(key.partition(".")[0] for key in SETTINGS if "." in key))
"""The keys of the file that hold other keys."""


@dataclass(frozen=True)
class Origin:
    """Where settings were read, for messages.

    Attributes:
        label: What a message begins with: a file, an argument, or nothing.
        path: The file, if it is one.
        lines: The line of each dotted key and list item, as far as it is known.
    """

    label: str = ""
    path: Path | None = None
    lines: Mapping[str, int] = field(default_factory=dict)

    def error(self, key: str, told: str, allowed: Sequence[str] = ()) -> ConfigError:
        """The error for a key: where it stands, its name, and what is told of it."""
        line = self.lines.get(key, self.lines.get(key.partition("[")[0]))
        place = f"{one_line(self.label)}:{line}" if line else one_line(self.label)
        message = f"{place}: {one_line(key)} {told}" if place else f"{one_line(key)} {told}"
        return ConfigError(message, path=self.path, key=key, allowed=allowed)


def check_settings(values: Mapping[Any, Any], origin: Origin) -> dict[str, Any]:
    """Check what a file, or an argument in its shape, holds.

    Returns:
        The checked values by dotted key; only keys that were given.

    Raises:
        ConfigError: A key is unknown, or a value is not what the key takes.
    """
    checked: dict[str, Any] = {}
    for key, value in values.items():
        if key in SECTIONS:
            checked |= _check_section(key, value, origin)
        else:
            checked[key] = _check_value(key, value, origin, known=_top_level())
    return checked


def check_variables(environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings that environment variables give; an empty variable counts as not set.

    Raises:
        ConfigError: A variable spells no value of its setting.
    """
    checked: dict[str, Any] = {}
    for setting in SETTINGS.values():
        text = environ.get(setting.variable, "") if setting.variable else ""
        if setting.variable and text.strip():
            try:
                checked[setting.key] = setting.kind.from_text(text)
            except RefusedValueError as refusal:
                raise _refused(setting.variable, setting, refusal, Origin()) from None
    return checked


def one_line(text: str) -> str:
    """Text that cannot break a line or a terminal: escaped where it holds what no one can see."""
    return text if text.isprintable() else repr(text)[1:-1]


def _check_section(section: str, value: object, origin: Origin) -> dict[str, Any]:
    known = [key for key in SETTINGS if key.startswith(f"{section}.")]
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        leaves = [key.partition(".")[2] for key in known]
        told = f"{found(value, secret=True)}; a mapping is wanted, with the keys {', '.join(leaves)}"
        raise origin.error(section, told, leaves)
    dotted = {f"{section}.{key}": item for key, item in value.items()}
    return {key: _check_value(key, item, origin, known=known) for key, item in dotted.items()}


def _check_value(key: object, value: object, origin: Origin, *, known: Sequence[str]) -> Any:
    setting = SETTINGS.get(key) if isinstance(key, str) and key in known else None
    if setting is None:
        raise _unknown(str(key), origin, known)
    try:
        return setting.kind.check(value)
    except RefusedValueError as refusal:
        raise _refused(setting.key, setting, refusal, origin) from None


def _refused(name: str, setting: Setting, refusal: RefusedValueError, origin: Origin) -> ConfigError:
    told = f"{found(refusal.value, secret=setting.secret)}; {refusal.wanted}"
    return origin.error(name + refusal.at, told, refusal.allowed)


def _unknown(key: str, origin: Origin, known: Sequence[str]) -> ConfigError:
    near = _nearest(key, known) or _nearest(key, list(SETTINGS))
    if near == key:
        section, _, leaf = key.partition(".")
        advice = f"write {leaf} inside the mapping {section}"
    else:
        advice = f"did you mean {near}?" if near else f"the settings are {', '.join(known)}"
    return origin.error(key, f"is not a setting; {advice}", known)


def _nearest(key: str, known: Sequence[str]) -> str | None:
    """The known key whose last part is most like that of another, in any case."""
    by_spelling = {name.rpartition(".")[2].lower(): name for name in known}
    near = difflib.get_close_matches(key.rpartition(".")[2][:100].lower(), by_spelling, n=1)
    return by_spelling[near[0]] if near else None


def _top_level() -> list[str]:
    return [*SECTIONS, *(key for key in SETTINGS if "." not in key)]
