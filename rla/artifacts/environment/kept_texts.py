"""Keep texts of a working tree within a budget, without their secrets, and name what is left out."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from rla.artifacts.code.secrets import secret_by_name, secret_in
from rla.core.redact import redact_text

FILE_BYTES: Final = 64 * 1024
"""How large one file, or one file's part of the diff, may be."""
ALL_BYTES: Final = 256 * 1024
"""How large all of them together may be."""
_MOST_FILES: Final = 200
_MOST_NAMES: Final = 200
_TOO_LARGE: Final = f"larger than {FILE_BYTES // 1024} KiB"
_CONTROL: Final = bytes(set(range(0x20)) - set(b"\b\t\n\v\f\r\x1b"))
"""Bytes that text in an ASCII-like encoding does not hold."""


class KeptTexts:
    """What of a working tree goes into the manifest.

    Attributes:
        left_out: Files that do not: each with ``path``, ``reason`` and, where it is known, ``size`` in bytes.
        redacted: The paths of those that do, but with secrets masked.
        left_out_more: How many more were left out than are named.
    """

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self.left_out: list[dict[str, Any]] = []
        self.redacted: list[str] = []
        self.left_out_more = 0
        self._room = ALL_BYTES

    def keep(self, path: str, content: bytes) -> str | None:
        """The text of a file or of its patch as it may be stored, or None when it is left out."""
        reason = secret_by_name(path) or (_TOO_LARGE if len(content) > FILE_BYTES else "")
        if not reason and len(content) > self._room:
            reason = f"more than {ALL_BYTES // 1024} KiB in all"
        text = shown = ""
        if not reason:
            text = content.decode("utf-8", "surrogateescape")
            shown = redact_text(text, path)
            reason = secret_in(path, shown.encode("utf-8", "surrogateescape"))
        if reason:
            self.leave_out(path, reason, len(content))
            return None
        self._room -= len(content)
        if shown != text:
            self.redacted.append(path)
        return shown

    def leave_out(self, path: str, reason: str, size: int | None = None) -> None:
        """Name a file that is not kept."""
        if len(self.left_out) >= _MOST_NAMES:
            self.left_out_more += 1
            return
        entry: dict[str, Any] = {"path": path, "reason": reason}
        self.left_out.append(entry if size is None else {**entry, "size": size})

    def keep_untracked(self, top: Path, paths: Iterable[str]) -> list[dict[str, Any]]:
        """The untracked text files of a tree, small ones first: each with ``path``, ``mode`` and ``text``."""
        kept: list[dict[str, Any]] = []
        for _, path, status in sorted(self._found(top, paths), key=lambda found: found[:2]):
            reason = _TOO_LARGE if status.st_size > FILE_BYTES else None
            if len(kept) >= _MOST_FILES:
                reason = f"more than {_MOST_FILES} untracked files"
            if reason is not None:
                self.leave_out(path, reason, status.st_size)
            elif (text := self._text(top / path, path, status)) is not None:
                kept.append({"path": path, "mode": _git_mode(status), "text": text})
        return sorted(kept, key=lambda entry: str(entry["path"]))

    def _found(self, top: Path, paths: Iterable[str]) -> Iterator[tuple[int, str, os.stat_result]]:
        for path in paths:
            if path.endswith("/"):
                self.leave_out(path, "a repository of its own")
                continue
            try:
                status = (top / path).lstat()
            except OSError as error:
                self.leave_out(path, _reason(error))
            else:
                yield status.st_size, path, status

    def _text(self, full: Path, path: str, status: os.stat_result) -> str | None:
        try:
            content = os.fsencode(full.readlink()) if stat.S_ISLNK(status.st_mode) else _read_regular(full)
        except OSError as error:
            self.leave_out(path, _reason(error), status.st_size)
            return None
        if is_binary(content):
            self.leave_out(path, "binary", status.st_size)
            return None
        return self.keep(path, content)


def is_binary(content: bytes) -> bool:
    """Whether it holds control characters that no text does."""
    return len(content.translate(None, _CONTROL)) != len(content)


def _read_regular(full: Path) -> bytes:
    """A file's content, or a little more than may be kept; what has become a pipe or a link is refused."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(full, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return file.read(FILE_BYTES + 1)


def _reason(error: OSError) -> str:
    return (error.strerror or "it cannot be read").lower()


def _git_mode(status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return "120000"
    return "100755" if status.st_mode & stat.S_IXUSR else "100644"
