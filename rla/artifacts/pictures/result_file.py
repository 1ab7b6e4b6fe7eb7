"""Where a figure, an image or a video goes, and how it gets there whole."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from rla.core.index_name import file_safe, shorten
from rla.fsio.atomic_write import temporary_beside

_UNNAMED: Final = "unnamed"
_PORTS: Final = {f"{port}{number}" for port in ("com", "lpt") for number in "123456789"}
_DEVICES: Final = {"con", "prn", "aux", "nul"} | _PORTS


def result_path(directory: Path, name: str, step: int | None, formats: Collection[str], default: str) -> Path:
    """The file of a name: always inside the directory, and legal on Linux, macOS and Windows.

    Args:
        directory: Where results go.
        name: What the user calls it. Each ``/`` makes a directory; ``..`` and what else is illegal
            is replaced, and a part beyond 120 bytes is cut and marked with a hash.
        step: The time step to put before the last part, or None.
        formats: The endings that say a format, each with its dot; others are part of the name.
        default: The ending where the name has none of these.
    """
    *folders, last = [part for part in name.split("/") if part not in {"", "."}] or [_UNNAMED]
    stem, ending = os.path.splitext(last)  # noqa: PTH122 - a name, no path
    if ending.lower() not in formats:
        stem, ending = last, default
    stamped = stem if step is None else f"{step}-{stem}"
    return directory.joinpath(*map(_legal, folders), _legal(stamped) + ending.lower())


@contextlib.contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """A name beside a file, for writing it; what is still there afterwards is removed.

    The directories above are made.

    Raises:
        OSError: They could not be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(path)
    try:
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def publish(temporary: Path, path: Path, *, cover: bool) -> Path:
    """Give a finished file its name in one step.

    Args:
        temporary: The file, beside the target.
        path: The name it shall have.
        cover: Replace a file of that name. Otherwise, where there is one, the new file gets the
            first free of ``-1``, ``-2``, ... behind its name, so that none is ever lost.

    Returns:
        The name it has.

    Raises:
        OSError: It could not be renamed.
    """
    if cover:
        os.replace(temporary, path)  # noqa: PTH105 - one system call, as in atomic_write
        return path
    for candidate in _numbered(path):
        try:
            _take(temporary, candidate)
        except FileExistsError:
            continue
        return candidate
    raise AssertionError  # the numbers never end


def write_result(path: Path, content: bytes, *, cover: bool) -> Path:
    """Write a whole file; see :func:`publish` for its name, which is returned.

    Raises:
        OSError: It could not be written; nothing of it is left.
    """
    with unfinished(path) as temporary:
        with temporary.open("xb") as file:
            file.write(content)
        return publish(temporary, path, cover=cover)


def _legal(part: str) -> str:
    safe = shorten(file_safe(part), exact=part)
    return f"_{safe}" if safe.split(".")[0].strip().lower() in _DEVICES else safe


def _numbered(path: Path) -> Iterator[Path]:
    yield path
    for number in itertools.count(1):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")


def _take(temporary: Path, name: Path) -> None:
    """Give a file a name that nothing has.

    Raises:
        FileExistsError: Something has it.
        OSError: It could not be done.
    """
    try:
        os.link(temporary, name)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: hold the name with an empty file
        name.open("xb").close()
        os.replace(temporary, name)  # noqa: PTH105 - as above
