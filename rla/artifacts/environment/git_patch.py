"""Patches as git writes and reads them: take its diff apart by file, and put a stored one together."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_SECTION: Final = re.compile(rb"^(?=diff --git )", re.MULTILINE)
_SUBMODULE_MODE: Final = b"160000"
_BINARY: Final = re.compile(rb"^Binary files .* differ$", re.MULTILINE)
_ESCAPES: Final = {
    **{byte: b"\\%03o" % byte for byte in [*range(0x20), *range(0x7F, 0x100)]},
    **dict(
        zip(b'\a\b\t\n\v\f\r"\\', [rb"\a", rb"\b", rb"\t", rb"\n", rb"\v", rb"\f", rb"\r", rb"\"", rb"\\"], strict=True)
    ),
}
_LINK: Final = "120000"
_FILE_MODES: Final = ("100644", "100755", _LINK)


class Change(NamedTuple):
    """One tracked file that differs from the commit.

    Attributes:
        path: Where it is, from the top of the repository.
        patch: Its part of the diff; empty when git gave none.
        is_submodule: Whether it is a repository in the repository.
    """

    path: bytes
    patch: bytes
    is_submodule: bool

    @property
    def is_binary(self) -> bool:
        """Whether git calls its content binary, and its patch says no more than that."""
        return _BINARY.search(self.patch.partition(b"\n@@ ")[0]) is not None


def read_changes(output: bytes, *, whole: bool = True) -> list[Change]:
    """The changes in what ``git diff --raw -z -p --no-renames`` writes.

    The list of files comes first, so that it is there even where the patches broke off. It also
    names files that were only touched; those have no patch.

    Args:
        output: What git wrote.
        whole: Whether it came to its end; else the last patch is not trusted.

    Source: https://git-scm.com/docs/diff-format
    """
    names: dict[bytes, bool] = {}
    while output.startswith(b":"):
        head, end, rest = output.partition(b"\0")
        path, second_end, rest = rest.partition(b"\0")
        if not (end and second_end):
            break
        names[path] = _SUBMODULE_MODE in head[1:].split(b" ")[:2]
        output = rest
    patches = _by_header(output.removeprefix(b"\0"))
    if not whole:
        patches.popitem()
    changes = [Change(path, patches.get(header(path), b""), names[path]) for path in names]
    return [change for change in changes if change.patch or not whole]


def header(path: bytes) -> bytes:
    """The line that begins a file's part of a diff."""
    return b"diff --git " + quoted(b"a/" + path) + b" " + quoted(b"b/" + path)


def quoted(name: bytes) -> bytes:
    """A name as git writes it into a patch: in quotes, with escapes, where it holds more than printable ASCII."""
    escaped = b"".join(_ESCAPES.get(byte, b"%c" % byte) for byte in name)
    return name if escaped == name else b'"' + escaped + b'"'


def stored_patch(git: Mapping[str, Any]) -> bytes:
    """What a run recorded of its changes as one patch that ``git apply`` takes: tracked files, then new ones.

    Args:
        git: The ``git`` of a manifest; parts of it that are not of the right type are passed over.
    """
    diff = git.get("diff")
    files = git.get("untracked")
    parts = [_bytes(diff)] if isinstance(diff, str) else []
    parts += [_new_file(entry) for entry in files if isinstance(entry, Mapping)] if isinstance(files, list) else []
    return b"".join(parts)


def _by_header(patch: bytes) -> dict[bytes, bytes]:
    """The parts of a diff by their first lines; a file that became a link has two, which stay together."""
    found: dict[bytes, bytes] = {}
    for section in _SECTION.split(patch):
        first = section.partition(b"\n")[0]
        found[first] = found.get(first, b"") + section
    return found


def _new_file(entry: Mapping[str, Any]) -> bytes:
    path, text, mode = (entry.get(key) for key in ("path", "text", "mode"))
    if not (isinstance(path, str) and isinstance(text, str)):
        return b""
    name, content = _bytes(path), _bytes(text)
    kind = mode if mode in _FILE_MODES else _FILE_MODES[0]
    head = header(name) + b"\nnew file mode " + str(kind).encode() + b"\n"
    if not content:
        return head
    tab = b"\t" if b" " in name else b""  # ends the name for readers that take a blank for its end
    lines = content.split(b"\n")
    ending = b"" if lines[-1] == b"" else b"\n\\ No newline at end of file\n"
    if not ending:
        lines.pop()
    hunk = b"@@ -0,0 +1,%d @@\n" % len(lines)
    body = b"\n".join(b"+" + line for line in lines) + (ending or b"\n")
    return head + b"--- /dev/null\n+++ " + quoted(b"b/" + name) + tab + b"\n" + hunk + body


def _bytes(text: str) -> bytes:
    """The bytes of a file or name, exactly: those that are no UTF-8 were kept as lone surrogates."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # not written by us
        return os.fsencode(text.encode("utf-8", "replace"))
