"""Read ``rla_config.yaml``: plain values, and the line each stands on.

Only what settings need of YAML is read: mappings with text keys, lists and scalars. Custom tags
and merge keys are not, and nothing is ever constructed but plain values. Imported when a file is
read, because it loads PyYAML.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML was built without its C library: the same values, read more slowly
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

from rla.core.config_schema import Origin, one_line
from rla.errors import ConfigError

_MAX_BYTES: Final = 1_000_000
_MAX_DEPTH: Final = 20
_FLOAT: Final = re.compile(
    r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)[eE][-+]?[0-9]+\Z",
)
_TAG: Final = "tag:yaml.org,2002:"


class _Loader(_SafeLoader):
    """The safe loader, in which ``1e-3`` is a number, as YAML 1.2 has it."""


_Loader.add_implicit_resolver(f"{_TAG}float", _FLOAT, list("-+.0123456789"))


@dataclass(frozen=True)
class Document:
    """What a file holds.

    Attributes:
        values: The top-level mapping; empty for an empty file.
        origin: The file and the line of each dotted key and list item.
        mode: The file's permission bits.
    """

    values: dict[str, Any]
    origin: Origin
    mode: int = 0o600


@dataclass
class _Reading:
    """One walk over the nodes of a document."""

    loader: _Loader
    origin: Origin
    lines: dict[str, int] = field(default_factory=dict)
    seen: dict[int, Any] = field(default_factory=dict)


def read_config_file(path: Path) -> Document:
    """Read a configuration file.

    Args:
        path: The file; messages name it as it is given here.

    Raises:
        ConfigError: There is no such file, it cannot be read, or it is not a YAML mapping.
    """
    try:
        content, mode = _read_bytes(path)
    except IsADirectoryError:
        raise _file_error(path, "is a directory; give the file in it") from None
    except FileNotFoundError:
        raise _file_error(path, "does not exist; `rla setup` writes one") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _file_error(path, f"cannot be read: {reason}") from error
    values, lines = parse_yaml(content, path)
    if values is None:
        values = {}
    if not isinstance(values, dict):
        raise _file_error(path, "does not hold settings; write lines like  LOG_USED: [log, csv]")
    return Document(values, Origin(str(path), path, lines), mode)


def parse_yaml(content: bytes, path: Path) -> tuple[Any, dict[str, int]]:
    """Turn the bytes of a YAML file into plain values.

    Args:
        content: One YAML document in UTF-8.
        path: The file that messages name.

    Returns:
        The values, and the line of each dotted key and list item.

    Raises:
        ConfigError: It is not UTF-8, not YAML, nested too deep, or has the same key twice.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _file_error(path, f"is not UTF-8 text (byte {error.start})") from None
    try:
        _refuse_depth(text, path)
        return _construct(text, path)
    except yaml.YAMLError as error:
        raise _yaml_error(path, text, error) from None


def _construct(text: str, path: Path) -> tuple[Any, dict[str, int]]:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        reading = _Reading(loader, Origin(str(path), path))
        return (None if node is None else _value(reading, node, "")), reading.lines
    finally:
        loader.dispose()


def _refuse_depth(text: str, path: Path) -> None:
    """Deep nesting overruns the C stack of the composer, which no ``except`` catches."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise _file_error(path, f"is nested deeper than {_MAX_DEPTH} levels", _line(event.start_mark))


def _value(reading: _Reading, node: yaml.Node, key: str) -> Any:
    """The value of a node; one that aliases share is made once, however often it is named."""
    reading.lines.setdefault(key, _line(node.start_mark))
    if id(node) not in reading.seen:
        reading.seen[id(node)] = None  # an alias of a node inside itself stands for nothing
        reading.seen[id(node)] = _fresh_value(reading, node, key)
    return reading.seen[id(node)]


def _fresh_value(reading: _Reading, node: yaml.Node, key: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _mapping(reading, node, key)
    if isinstance(node, yaml.SequenceNode):
        return [_value(reading, item, f"{key}[{index}]") for index, item in enumerate(node.value)]
    return _scalar(reading, node)


def _mapping(reading: _Reading, node: yaml.MappingNode, prefix: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = _line(key_node.start_mark)
        name = key_node.value if key_node.tag in (f"{_TAG}str", f"{_TAG}merge") else None
        if not isinstance(name, str):
            raise _file_error(reading.origin.path, "has a key that is not text; put it in quotes", line)
        dotted = f"{prefix}.{name}" if prefix else name
        if name in values:
            first = reading.lines[dotted]
            raise _file_error(reading.origin.path, f"has {one_line(dotted)} twice, first on line {first}", line)
        reading.lines[dotted] = line
        values[name] = _value(reading, value_node, dotted)
    return values


def _scalar(reading: _Reading, node: yaml.Node) -> Any:
    """PyYAML's own scalars; its constructors raise whatever a wrong text makes them raise."""
    try:
        return reading.loader.construct_object(node)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError):
        kind = node.tag.removeprefix(_TAG)
        told = f"has a value that is no {kind}" if node.tag.startswith(_TAG) else "has a value with a tag"
        raise _file_error(reading.origin.path, f"{told}; put it in quotes", _line(node.start_mark)) from None


def _read_bytes(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
        mode = os.fstat(file.fileno()).st_mode & 0o777
    if len(content) > _MAX_BYTES:
        message = f"it is larger than {_MAX_BYTES} bytes"
        raise ValueError(message)
    return content, mode


def _yaml_error(path: Path, text: str, error: yaml.YAMLError) -> ConfigError:
    """What YAML says is wrong, without the line itself, which may hold a password."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return _file_error(path, "is not YAML: it holds a character that YAML does not allow")
    line = _line(error.problem_mark)
    content = text.splitlines()[line - 1 : line]
    tab = content and "\t" in content[0][: error.problem_mark.column + 1]
    advice = "; indent with blanks, not tabs" if tab else ""
    problem = ": ".join(filter(None, (error.context, error.problem)))
    return _file_error(path, f"is not YAML: {problem}{advice}", line)


def _line(mark: Any) -> int:
    """The line as people count; the C loader always has one."""
    return int(mark.line) + 1


def _file_error(path: Path | None, told: str, line: int | None = None) -> ConfigError:
    label = one_line(str(path))
    return ConfigError(f"{label}:{line} {told}" if line else f"{label} {told}", path=path)
