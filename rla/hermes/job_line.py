"""A line of EXEC: ``[[command],[options]]``."""

from __future__ import annotations

from dataclasses import dataclass

from rla.errors import HermesFileError
from rla.hermes.source import Line
from rla.hermes.words import Scanner, Word, WordError, quoted

_SHAPE = "a job is [[command],[options]], for example [[python, train.py, -lr 0.1],[-ca train.py]]"


@dataclass(frozen=True)
class JobLine:
    """What a job line says.

    Attributes:
        words: The command's words.
        options: The words of its hermes options.
        line: Where it stands.
    """

    words: tuple[Word, ...]
    options: tuple[Word, ...]
    line: Line

    def __str__(self) -> str:
        """The line again; read, it gives the same words."""
        words, options = (", ".join(quoted(word.text) for word in part) for part in (self.words, self.options))
        return f"[[{words}],[{options}]]"


def parse_job_line(line: Line) -> JobLine:
    """Read a job line; a comment may follow it.

    Raises:
        HermesFileError: It is none.
    """
    scanner = Scanner(line.text)
    try:
        return _job_line(scanner, line)
    except WordError as error:
        raise line.error(str(error), error.position) from error


def _job_line(scanner: Scanner, line: Line) -> JobLine:
    _expect(scanner, line, "[", _SHAPE)
    command = _list(scanner, line, "the words of the command")
    if not command:
        raise line.error(f"the command is empty: {_SHAPE}", scanner.position - 1)
    scanner.skip_blanks()
    options: tuple[Word, ...] = ()
    if scanner.peek() == ",":
        scanner.position += 1
        options = _list(scanner, line, "the options")
    _expect(scanner, line, "]", "add ] to close the job")
    scanner.skip_blanks()
    if scanner.peek() and not scanner.at_comment():
        raise line.error("only a comment may follow a job: remove this, or begin it with #", scanner.position)
    return JobLine(command, options, line)


def _list(scanner: Scanner, line: Line, name: str) -> tuple[Word, ...]:
    """``[word word, word]``: blanks and commas alike separate words."""
    begin = scanner.position
    _expect(scanner, line, "[", _SHAPE)
    words: list[Word] = []
    while True:
        scanner.skip_blanks()
        char = scanner.peek()
        if not char:
            raise line.error(f"{name} never end: add ]", begin)
        scanner.position += char in ",]"
        if char == "]":
            return tuple(words)
        if char != ",":
            words.append(scanner.word(stop=",]"))


def _expect(scanner: Scanner, line: Line, char: str, fix: str) -> None:
    scanner.skip_blanks()
    if scanner.peek() != char:
        raise _missing(scanner, line, char, fix)
    scanner.position += 1


def _missing(scanner: Scanner, line: Line, char: str, fix: str) -> HermesFileError:
    found = repr(scanner.peek()) if scanner.peek() else "the end of the line"
    return line.error(f"{char} was expected, not {found}: {fix}", scanner.position)
