"""The packages that a run had: as a file that pip installs, and how those of today differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from rla.artifacts.environment.capture import python, system
from rla.artifacts.environment.packages import installed_packages

LOCK_FILE: Final = "requirements.lock"


class Difference(NamedTuple):
    """One thing that is not as it was; None where it is missing."""

    name: str
    then: str | None
    now: str | None


def lock_text(environment: Mapping[str, Any]) -> str:
    """The packages of a run as lines for ``pip install -r``.

    What came from a directory cannot be installed elsewhere, and stands in a comment. So does what came from a
    repository at a commit: its address is data of the run, and is for you to look at first.
    """
    versions, sources = (_texts(environment, key) for key in ("packages", "package_sources"))
    then = _texts(environment, "python").get("version")
    lines = [f"# python {then}" if then else "# the version of Python was not recorded"]
    for name, version in versions.items():
        source = sources.get(name)
        lines.append(f"{name}=={version}" if source is None else f"# {name}=={version} from {' '.join(source.split())}")
    return "\n".join(lines) + "\n"


def differences(environment: Mapping[str, Any]) -> list[Difference]:
    """How today's interpreter, system and packages differ from those of a run; empty where nothing was recorded."""
    if not environment:
        return []
    found = []
    for title, now in (("python", python()), ("platform", system())):
        then = _texts(environment, title)
        keys = [key for key in then if key not in {"executable", "prefix", "node"}]
        found += [Difference(f"{title} {key}", then[key], now.get(key)) for key in keys if then[key] != now.get(key)]
    then, now = _texts(environment, "packages"), installed_packages().versions
    names = sorted(then.keys() | now.keys()) if then else []
    found += [Difference(name, then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)]
    return found


def _texts(environment: Mapping[str, Any], key: str) -> dict[str, str]:
    value = environment.get(key)
    return {str(name): str(text) for name, text in value.items()} if isinstance(value, Mapping) else {}
