"""``rla show --env`` and ``rla show --diff``: what a run recorded of its environment and its code's changes."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import Any

import click

from rla_scripts.output import echo_table, printable

_GIT_TEXTS = ("diff", "untracked", "left_out", "redacted")
_MIB = 1 << 20


def show_environment(record: Mapping[str, Any]) -> None:
    """Print what ``run.json`` holds of code, machine and packages, section by section.

    Args:
        record: The decoded ``run.json``.
    """
    git, environment = _mapping(record.get("git")), dict(_mapping(record.get("environment")))
    packages, sources = (_mapping(environment.pop(key, None)) for key in ("packages", "package_sources"))
    editable = environment.pop("editable", None)
    _section("git", {**{key: git[key] for key in git if key not in _GIT_TEXTS}, **_git_counts(git)})
    _section("run", {key: record.get(key) for key in ("host", "user", "cwd", "argv", "seed")})
    for title in list(environment):
        value = environment[title]
        _section(title, value if isinstance(value, Mapping) else _numbered(value))
    _section("packages", {name: _package(name, packages, sources, editable) for name in packages})


def show_diff(record: Mapping[str, Any]) -> None:
    """Print the changes a run started with as one patch that ``git apply`` takes.

    The patch is exact, byte for byte, in a file or pipe; on a terminal what moves the cursor is
    escaped. What the patch lacks is told on stderr.

    Args:
        record: The decoded ``run.json``.
    """
    from rla.artifacts.environment.git_patch import stored_patch

    git = _mapping(record.get("git"))
    patch = stored_patch(git)
    if sys.stdout.isatty():
        text = patch.decode("utf-8", "replace")
        click.echo("\n".join(_visible(line) for line in text.split("\n")), nl=False)
    else:
        click.echo(patch, nl=False)
    for line in missing_from(git):
        click.echo(printable(line), err=True)
    if not patch:
        click.echo("no changes were recorded" if git.get("commit") else "no commit was recorded", err=True)


def missing_from(git: Mapping[str, Any]) -> list[str]:
    """What keeps a run's patch from giving back its files exactly, as lines for people."""
    lines = [f"not known: {problem}" for problem in _list(git.get("problems"))]
    for entry in filter(lambda entry: isinstance(entry, Mapping), _list(git.get("left_out"))):
        size = entry.get("size")
        lines.append(f"left out: {entry.get('path')} ({entry.get('reason')}{f', {size} bytes' if size else ''})")
    if more := git.get("left_out_more"):
        lines.append(f"left out: {more} more")
    lines += [f"secrets masked in: {path}" for path in _list(git.get("redacted"))]
    for path, module in _mapping(git.get("submodules")).items():
        state = ", with changes of its own" if _mapping(module).get("dirty") else ""
        lines.append(f"submodule not in the patch: {path} at {_mapping(module).get('commit')}{state}")
    return lines


def _git_counts(git: Mapping[str, Any]) -> dict[str, Any]:
    diff = git.get("diff")
    counts = {"changed lines": _changed_lines(diff) if isinstance(diff, str) else 0}
    counts |= {key.replace("_", " "): len(_list(git.get(key))) for key in ("untracked", "left_out", "redacted")}
    return {f"{name}": count for name, count in counts.items() if count}


def _changed_lines(diff: str) -> int:
    """Lines that begin with one mark; file names stand behind three."""
    return sum(line[:1] in ("+", "-") and line[:4] not in ("+++ ", "--- ") for line in diff.split("\n"))


def _numbered(value: object) -> dict[str, Any]:
    return {str(place): item for place, item in enumerate(value)} if isinstance(value, list) else {"": value}


def _section(title: str, values: Mapping[str, Any]) -> None:
    shown = {key: value for key, value in values.items() if value not in (None, "", [], {})}
    if shown:
        click.echo(title)
        echo_table((f"  {key}", _shown(key, value)) for key, value in shown.items())
        click.echo("")


def _shown(key: str, value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(str(name), item)}" for name, item in value.items())
    if isinstance(value, list):
        return shlex.join(map(str, value)) if key == "argv" else ", ".join(map(str, value))
    if key in ("total", "limit", "memory") and isinstance(value, int):
        return f"{value / _MIB:.0f} MiB"
    return str(value)


def _package(name: str, packages: Mapping[str, Any], sources: Mapping[str, Any], editable: object) -> str:
    source = f"  from {sources[name]}" if name in sources else ""
    return f"{packages[name]}{source}{'  (editable)' if name in _list(editable) else ''}"


def _visible(line: str) -> str:
    """A line of a patch with its tabs, and nothing else that moves the cursor."""
    return "\t".join(printable(part) for part in line.split("\t"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
