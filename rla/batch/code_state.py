"""What the jobs of a batch are started from: the commit, its changes, the environment; asked anew when it is old."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from rla.artifacts.environment.capture import EnvironmentCapture
from rla.core import json_codec

_AGE: Final = 5.0
"""Seconds that a capture stays true, unless git's own files have changed."""
_COMMIT: Final = re.compile(r"[0-9a-f]{40,64}")
_REF: Final = re.compile(r"ref: (refs/\S+)")


@dataclass(frozen=True)
class Capture:
    """What a run is started from.

    Attributes:
        git: As ``run.json`` has it.
        environment: As ``run.json`` has it.
    """

    git: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def ready(self) -> Mapping[str, str]:
        """Both as JSON: many runs share them."""
        return {"git": json_codec.dumps(self.git), "environment": json_codec.dumps(self.environment)}


def repository_of(directory: Path) -> Path | None:
    """The top of the git repository that a directory lies in, or None."""
    return next((place for place in (directory, *directory.parents) if (place / ".git").exists()), None)


class CodeState:
    """The state of the code that jobs run."""

    def __init__(self, directory: Path, *, never: Sequence[Path] = (), captures: bool = True) -> None:
        """Look at a directory.

        Args:
            directory: A directory of the repository; it need not be in one.
            never: Directories of which nothing is kept.
            captures: Whether more than the commit is wanted.
        """
        self._directory = directory
        self._never = never
        self._captures = captures
        top = repository_of(directory)
        self._git = None if top is None else _git_directory(top / ".git")
        self._commit: str | None = None
        self._signature: object = None
        self._taken = 0.0
        self._capture = Capture()
        self._watched: tuple[str, ...] = ()
        self._asked: EnvironmentCapture | None = None

    def begin(self) -> None:
        """Ask what the first run will want to know; it is answered while other work is done."""
        if self._captures:
            self._asked = EnvironmentCapture(self._directory, never=self._never)

    def end(self) -> None:
        """Stop what was begun, when no run wanted to know it."""
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None

    def commit(self) -> str | None:
        """The commit that is checked out now; None without one."""
        signature = self._look()
        if signature != self._signature:
            self._commit, self._taken = self._read_commit(), 0.0
            self._signature = self._look()
        return self._commit

    def capture(self) -> Capture:
        """The state of git and the environment, as ``run.json`` has them."""
        commit = self.commit()
        if not self._captures:
            if self._capture.git.get("commit") != commit:
                self._capture = Capture({"commit": commit})
            return self._capture
        if not self._taken or time.monotonic() - self._taken > _AGE:
            asked = self._asked or EnvironmentCapture(self._directory, never=self._never)
            self._capture = Capture(*asked.finish())
            self._asked, self._taken = None, time.monotonic()
        return self._capture

    def _look(self) -> object:
        """What changes whenever something else is checked out, committed or staged; cheap, it is asked for each job."""
        return tuple(map(_stamp, self._watched))

    def _read_commit(self) -> str | None:
        if self._git is None:
            return None
        head = _text(self._git[0] / "HEAD").strip()
        match = _REF.match(head)
        ref = match[1] if match else None
        names = ["HEAD", "index", "packed-refs", *([ref] if ref else [])]
        self._watched = tuple(str(place) for name in names for place in _both(self._git, name))
        found = head if ref is None else next(filter(None, (_text(file).strip() for file in _both(self._git, ref))), "")
        return found if _COMMIT.fullmatch(found) else self._asked_commit()

    def _asked_commit(self) -> str | None:
        """Refs that are packed, or kept in some other way."""
        command = ["git", "rev-parse", "--verify", "--quiet", "HEAD"]
        try:
            done = subprocess.run(  # noqa: S603 - constant words
                command, cwd=self._directory, capture_output=True, text=True, timeout=10, check=False
            )
        except (OSError, subprocess.SubprocessError):
            return None
        found = done.stdout.strip()
        return found if _COMMIT.fullmatch(found) else None


def _git_directory(mark: Path) -> tuple[Path, Path]:
    """A repository's own directory, and the one it shares with other work trees."""
    own = mark
    if mark.is_file():  # a work tree or a submodule
        own = mark.parent / _text(mark).removeprefix("gitdir:").strip()
    common = _text(own / "commondir").strip()
    return own, own / common if common else own


def _both(git: tuple[Path, Path], name: str) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(directory / name for directory in git))


def _stamp(file: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116 - asked four times for each job
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
