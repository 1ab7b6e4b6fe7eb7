"""The hermes options of a job: what is copied and moved, where its output goes, what is told of it.

=========================  =======================================================================
option                     means
=========================  =======================================================================
``-cb FILE``               copy it into the experiment's directory before the job starts
``-ca FILE``               copy it there after the job has ended, however it ended
``-ma FILE``               move it there after the job has ended
``-l True|False``          ``--log``: False prints the output, too; True, the default, only keeps it
``-c WORDS``               ``--comment``: a remark for ``hermes.info``; all words up to the next option
``-m``                     ``--message``: tell when it has ended
``-noid``                  do not put the identifier in front of the script's arguments
``-id``                    put it there, where ``identifier:off`` is set
=========================  =======================================================================

FILE may be a directory or a pattern such as ``results/*.csv``. Each option may be given several times.
``-leg`` of older files is accepted: it says what is the rule now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from rla.hermes.source import Line
from rla.hermes.words import Word

_FILES: Final = {"-cb": "copy_before", "-ca": "copy_after", "-ma": "move_after"}
_LOG: Final = ("-l", "--log")
_COMMENT: Final = ("-c", "--comment")
_MESSAGE: Final = ("-m", "--message")
_LEGACY: Final = ("-leg", "--legacy")
_FLAGS: Final = ("-noid", "-id", *_LEGACY, *_MESSAGE)
OPTIONS: Final = (*_FILES, *_LOG, *_COMMENT, *_FLAGS)
_TRUTHS: Final = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


@dataclass(frozen=True)
class JobOptions:
    """What the options of a job say.

    Attributes:
        copy_before: What is copied before the job.
        copy_after: What is copied after it.
        move_after: What is moved after it.
        log: Whether its output stays off the console; None where nothing was said.
        comments: Remarks.
        message: Whether to tell of its end.
        identifier: Whether the script gets the identifier; None where nothing was said.
    """

    copy_before: tuple[str, ...] = ()
    copy_after: tuple[str, ...] = ()
    move_after: tuple[str, ...] = ()
    log: bool | None = None
    comments: tuple[str, ...] = ()
    message: bool = False
    identifier: bool | None = None

    def over(self, standard: JobOptions) -> JobOptions:
        """A job's options together with those of every job: files and remarks add up, the job's word counts else."""
        return JobOptions(
            copy_before=_united(standard.copy_before, self.copy_before),
            copy_after=_united(standard.copy_after, self.copy_after),
            move_after=_united(standard.move_after, self.move_after),
            log=standard.log if self.log is None else self.log,
            comments=standard.comments + self.comments,
            message=standard.message or self.message,
            identifier=standard.identifier if self.identifier is None else self.identifier,
        )


def parse_options(words: Sequence[Word], line: Line) -> JobOptions:
    """Read the options that stand in a line.

    Raises:
        HermesFileError: There is no such option, or it lacks what it needs.
    """
    options, rest = JobOptions(), list(words)
    while rest:
        word = rest.pop(0)
        if word.text in _FILES:
            options = _with_file(options, _FILES[word.text], _value(rest, word, line, "a file"))
        elif word.text in _LOG:
            options = replace(options, log=_truth(rest, word, line))
        elif word.text in _COMMENT:
            options = replace(options, comments=(*options.comments, _comment(rest, word, line)))
        elif word.text in _FLAGS:
            options = _with_flag(options, word.text)
        else:
            raise line.error(_unknown(word.text), word.position)
    return options


def _with_file(options: JobOptions, field: str, file: str) -> JobOptions:
    changed: dict[str, Any] = {field: (*getattr(options, field), file)}
    return replace(options, **changed)


def _with_flag(options: JobOptions, flag: str) -> JobOptions:
    if flag in _MESSAGE:
        return replace(options, message=True)
    return replace(options, identifier=flag != "-noid")


def _value(rest: list[Word], option: Word, line: Line, what: str) -> str:
    if not rest or rest[0].text in OPTIONS:
        raise line.error(f"{option.text} needs {what}", option.position)
    return rest.pop(0).text


def _truth(rest: list[Word], option: Word, line: Line) -> bool:
    at = rest[0].position if rest else option.position
    text = _value(rest, option, line, "True or False")
    if text.lower() not in _TRUTHS:
        raise line.error(f"{option.text} takes True or False, not {text!r}", at)
    return _TRUTHS[text.lower()]


def _comment(rest: list[Word], option: Word, line: Line) -> str:
    words = [_value(rest, option, line, "a remark")]
    while rest and rest[0].text not in OPTIONS:
        words.append(rest.pop(0).text)
    return " ".join(words)


def _unknown(text: str) -> str:
    if text.startswith("-"):
        return f"{text} is no hermes option; there are {', '.join(OPTIONS)}"
    return f"an option was expected, not {text!r}: quote a name that holds blanks; the options are {', '.join(OPTIONS)}"


def _united(first: Iterable[str], second: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))
