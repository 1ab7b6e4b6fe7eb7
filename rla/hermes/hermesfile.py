"""Read a hermes file: the sections PRE, STD-H, STD-E and EXEC, in this order.

::

    PRE                               settings of this file, name:value
    threads:2
    STD-H                             hermes options of every job
    -ca networks/cnn.py
    STD-E                             arguments of every script
    -gamma 0.995
    EXEC                              one job a line
    [[python, train.py, -lr 0.001],[-ca train.py]]

Only EXEC must be there. Blank lines count for nothing, and neither does what follows ``#`` or ``//`` at the
beginning of a line or after a blank; inside a job's brackets these are ordinary characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rla.hermes.directives import expanded
from rla.hermes.job_line import JobLine, parse_job_line
from rla.hermes.options import JobOptions, parse_options
from rla.hermes.settings import Settings, read_settings
from rla.hermes.source import Line, read_lines
from rla.hermes.words import WordError, without_comment, words_of

SECTIONS: Final = ("PRE", "STD-H", "STD-E", "EXEC")
_STD: Final = re.compile(r"STD[ _]?(?=[HE]$)")
_HINTS: Final = {"STD": "write STD-H for hermes options, or STD-E for arguments of the scripts"}


@dataclass(frozen=True)
class HermesFile:
    """What a hermes file says, checked.

    Attributes:
        settings: What PRE says, over the settings that were given.
        options: The options of STD-H.
        arguments: The words of STD-E.
        lines: The lines of EXEC.
        head: Everything above the lines of EXEC, as it stands.
        path: The file, or None for a command line.
    """

    settings: Settings
    options: JobOptions = field(default_factory=JobOptions)
    arguments: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    head: tuple[str, ...] = ("EXEC",)
    path: Path | None = None

    def jobs_of(self, line: Line) -> Iterator[tuple[JobLine, JobOptions]]:
        """The jobs of a line with their options, those of STD-H included; directives are expanded on the way.

        Raises:
            HermesFileError: It cannot be read.
        """
        for single in expanded(line):
            job = parse_job_line(single)
            yield job, parse_options(job.options, single).over(self.options)


@dataclass
class _Sections:
    """The lines of a file by section, without those that are blank or only a comment."""

    lines: dict[str, list[Line]] = field(default_factory=dict)
    head: list[str] = field(default_factory=list)


def read_hermes_file(path: Path, settings: Settings) -> HermesFile:
    """Read a hermes file.

    Args:
        path: The file.
        settings: What counts where PRE says nothing.

    Raises:
        OSError: It cannot be read.
        HermesFileError: Something in it is wrong; jobs are checked when they are asked for.
    """
    lines = read_lines(path)
    sections = _sections(lines, path)
    found = sections.lines
    file = HermesFile(
        settings=read_settings(found.get("PRE", []), settings),
        options=_options(found.get("STD-H", [])),
        arguments=tuple(word for line in found.get("STD-E", []) for word in _words(line)),
        lines=tuple(found["EXEC"]),
        head=tuple(sections.head),
        path=path,
    )
    if not file.lines:
        last = lines[-1]
        raise last.error("EXEC has no jobs: write one a line below it, as [[python, train.py],[]]", len(last.text))
    return file


def _sections(lines: list[Line], path: Path) -> _Sections:
    sections, current = _Sections(), ""
    for line in lines:
        bare = without_comment(line.text).strip()
        if bare in SECTIONS:
            _check_order(line, bare, sections)
            current = bare
            sections.lines[bare] = []
        elif bare:
            _check_name(line, bare)
            if not current:
                raise line.error(f"a section was expected: begin the file with {' or '.join(SECTIONS)}")
            sections.lines[current].append(line)
        if current != "EXEC" or bare == "EXEC":
            sections.head.append(line.text)
    _check_end(sections, lines[-1] if lines else Line("", 1, path))
    return sections


def _check_end(sections: _Sections, last: Line) -> None:
    """There must be a section of jobs."""
    if not sections.lines:
        raise last.error("the file is empty: write EXEC, and a job a line below it; hermes create writes an example")
    if "EXEC" not in sections.lines:
        raise last.error("there is no EXEC section: add a line EXEC, and a job a line below it", len(last.text))


def _check_order(line: Line, name: str, sections: _Sections) -> None:
    if name in sections.lines:
        raise line.error(f"{name} is there already: put both parts below the first one")
    after = next((other for other in SECTIONS[SECTIONS.index(name) + 1 :] if other in sections.lines), None)
    if after is not None:
        raise line.error(f"{name} comes after {after}: the order is {', '.join(SECTIONS)}")


def _check_name(line: Line, bare: str) -> None:
    """A header that was meant as one must not become a setting or an argument."""
    if bare in _HINTS:
        raise line.error(f"{bare} is no section: {_HINTS[bare]}")
    meant = _STD.sub("STD-", bare.rstrip(": ").upper())
    if meant in SECTIONS:
        raise line.error(f"{bare} is no section: write {meant}, in capitals and alone on its line")


def _options(lines: list[Line]) -> JobOptions:
    options = JobOptions()
    for line in lines:
        try:
            words = words_of(line.text, comments=True)
        except WordError as error:
            raise line.error(str(error), error.position) from error
        options = parse_options(words, line).over(options)
    return options


def _words(line: Line) -> list[str]:
    try:
        return [word.text for word in words_of(line.text, comments=True)]
    except WordError as error:
        raise line.error(str(error), error.position) from error
