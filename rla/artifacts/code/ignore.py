"""What the gitignore files of a source tree say about a path, decided as git decides it.

git asks about each path on its own, from the top of the tree downward, and never looks below a
directory that is ignored. Among the patterns that match the path itself the last one decides,
and a file in a deeper directory ranks above those over it. ``pathspec`` also lets a pattern match
what lies below a matched directory; such matches are not asked for here, because a directory
that was entered is one that is kept.

Source: https://git-scm.com/docs/gitignore
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from rla.errors import ConfigError

GITIGNORE: Final = ".gitignore"
_LARGEST: Final = 2**20
_BELOW: Final = "ps_d"  # pathspec's name for the slash after a matched directory
_CLASSES: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": " \t",
    "cntrl": "\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "\x21-\x2e0-\x7e",
    "lower": "a-z",
    "print": "\x20-\x2e0-\x7e",
    "punct": "!-.:-@^-`{-~",
    "space": " \t-\r",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


class IgnoreRules:
    """The rules that hold in one directory: those of a file in it, and those from above it.

    Attributes:
        digest: Tells these rules from all others; equal rules decide alike.
    """

    def __init__(self, base: str, content: bytes, above: IgnoreRules | None = None) -> None:
        """Rules whose patterns are relative to a directory.

        Args:
            base: The absolute directory.
            content: The text of the file.
            above: What decides where these rules say nothing.
        """
        self._base = base.rstrip("/") + "/"
        self._content = content
        self._above = above
        self._patterns: list[Any] | None = None
        parts = (above.digest.encode() if above else b"", os.fsencode(base), content)
        self.digest: str = blake2b(b"\0".join(parts), digest_size=8).hexdigest()

    def verdict(self, path: str, *, is_dir: bool) -> bool | None:
        """Whether an absolute path is left out, judged without its parents; None if no pattern matches it."""
        rules: IgnoreRules | None = self
        while rules is not None:
            verdict = rules._own_verdict(path, is_dir)  # noqa: SLF001 - the same class
            if verdict is not None:
                return verdict
            rules = rules._above  # noqa: SLF001
        return None

    def _own_verdict(self, path: str, is_dir: bool) -> bool | None:
        if not path.startswith(self._base):
            return None
        if self._patterns is None:
            self._patterns = _compile(self._content)
        name = _as_bytes(os.fsencode(path[len(self._base) :]))
        for pattern in self._patterns:
            if _matches_itself(pattern.regex, name, is_dir):
                return bool(pattern.include)
        return None


def nested_rules(directory: str, above: IgnoreRules | None) -> IgnoreRules | None:
    """The rules in a directory that holds a ``.gitignore``; a link or an unreadable one says nothing."""
    content = _read_plain_file(f"{directory}/{GITIGNORE}")
    return IgnoreRules(directory, content, above) if content else above


def explicit_rules(files: Iterable[Path], base: str) -> IgnoreRules | None:
    """The rules of the files that the user names, all relative to one directory.

    Raises:
        ConfigError: One of them cannot be read.
    """
    contents = [_read_named(file) for file in files]
    return IgnoreRules(base, b"\n".join(contents)) if contents else None


def rules_from_above(directory: str, project_root: str) -> IgnoreRules | None:
    """The rules that hold in a directory because of ``.gitignore`` files above it.

    They are looked for from the top of the git repository, else from the project root, downward.
    """
    parents = [directory, *map(str, Path(directory).parents)]
    top = next((parent for parent in parents if os.path.lexists(f"{parent}/.git")), None)
    if top is None:
        top = project_root if project_root in parents else directory
    rules = None
    for parent in reversed(parents[1 : parents.index(top) + 1]):
        rules = nested_rules(parent, rules)
    return rules


def _read_named(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        key = "BACKUP_CONFIG.ignore_code_paths"
        message = f"{key} names {file}, which cannot be read: {error.strerror}; correct the path, or take it out"
        raise ConfigError(message, path=file, key=key) from error


def _read_plain_file(path: str) -> bytes:
    """As much of a file as git would be glad to read; nothing if it is a link or no file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return b""
    try:
        return os.read(descriptor, _LARGEST)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _compile(content: bytes) -> list[Any]:
    """The patterns of a file, the last one first, because it decides."""
    lines = _as_bytes(content.removeprefix(b"\xef\xbb\xbf")).split("\n")
    return [pattern for line in reversed(lines) for pattern in _pattern(line.removesuffix("\r"))]


def _pattern(line: str) -> list[Any]:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - slow to load, and a cached decision needs none of it

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a pattern is the user's; what re thinks of it helps nobody
            spec = GitIgnoreSpec.from_lines([_as_pathspec_reads_it(line)])
    except (ValueError, re.error):
        return []  # git passes over a pattern it cannot read
    return [pattern for pattern in spec.patterns if pattern.include is not None]


def _as_pathspec_reads_it(line: str) -> str:
    """Rewrite the few things that git reads in another way than pathspec does."""
    line = re.sub(r"(?<!\\) +$", "", line)
    if line in {"/", "!/"}:
        return ""
    if line[-1:].isspace() and not line.endswith("\\ "):
        line = f"{line[:-1]}[{line[-1]}]"  # git cuts blanks off the end, and no other space
    line = re.sub(r"\[:(\w+):\]", lambda found: _CLASSES.get(found[1], found[0]), line)
    line = re.sub(r"(^!?|/)\*{3,}(?=/|$)", r"\1**", line)
    return re.sub(r"((?:^!?|/)\*\*/)$", r"\1*/", line)


def _as_bytes(content: bytes) -> str:
    """One character per byte: git compares bytes, so that ``?`` is half an umlaut."""
    return content.decode("latin-1")


def _matches_itself(regex: re.Pattern[str], name: str, is_dir: bool) -> bool:
    """Whether a pattern matches a path, not merely a directory above it."""
    if _BELOW not in regex.groupindex:
        return regex.search(name) is not None
    name = f"{name}/" if is_dir else name
    found = regex.search(name)
    if found and (found[_BELOW] is None or found.end(_BELOW) == len(name)):
        return True
    return is_dir and regex.search(name, len(name) - 1) is not None
