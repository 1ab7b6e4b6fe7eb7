"""The jobs of a hermes file as a batch: their identifiers, their directories, what is kept with each."""

from __future__ import annotations

import errno
import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from rla.batch.code_state import CodeState
from rla.batch.job_run import JobRun
from rla.batch.outcome import Outcome
from rla.batch.workload import CommandLine, Item, Workload
from rla.core import origins
from rla.core.index_name import task_directory
from rla.errors import HermesFileError
from rla.hermes.command import Command, hyperparameters_of, parse_command
from rla.hermes.files import bring, collect, copy_in, move_in
from rla.hermes.hermesfile import HermesFile
from rla.hermes.info import RE_EXECUTION_FILE, append_info, read_info_file, time_text, write_arguments
from rla.hermes.inputs import check_command, check_files, matches
from rla.hermes.job_line import JobLine
from rla.hermes.options import JobOptions
from rla.hermes.source import Line
from rla.hermes.words import quoted

IDENTIFIER: Final = "RLA_HERMES_ID"
NO_COMMIT: Final = "00000"
_LABEL: Final = 70


class HermesJob(NamedTuple):
    """A job of a hermes file, checked.

    Attributes:
        line: Its line.
        options: Its options, with those of STD-H.
        command: Its command, taken apart.
    """

    line: JobLine
    options: JobOptions
    command: Command


@dataclass
class HermesWorkload(Workload):
    """What one call of hermes runs.

    Attributes:
        file: The hermes file.
        batch: The name of the batch in the table.
        name: The level of directories that ``-n`` adds, or None.
        directory: Where the jobs run.
        tree: The directory ``experiments/``.
        code: The state of the code.
        comments: Remarks on every job.
    """

    file: HermesFile
    batch: str
    name: str | None
    directory: Path
    tree: Path
    code: CodeState
    comments: tuple[str, ...] = ()
    origin: str = field(default=origins.HERMES, init=False)

    def items(self) -> Iterator[Item]:
        """Every job, by what stands in the file alone: what is there changes while others run.

        Raises:
            HermesFileError: One cannot be read.
        """
        times: Counter[str] = Counter()
        for line in self.file.lines:
            yield from self._items_of(line, times)

    def checked(self) -> Iterator[Item]:
        """Every job that can run; then one error for all lines that are wrong.

        Raises:
            HermesFileError: Some cannot run.
        """
        times: Counter[str] = Counter()
        wrong: list[HermesFileError] = []
        for line in self.file.lines:
            try:
                for item in self._items_of(line, times):
                    self._check(item.payload)
                    yield item
            except HermesFileError as error:
                wrong.append(error)
        if wrong:
            raise HermesFileError.together(wrong)

    def _items_of(self, source: Line, times: Counter[str]) -> Iterator[Item]:
        for line, options in self.file.jobs_of(source):
            job = self._job(line, options)
            words = job.command.words(None, self.file.arguments)
            digest = _digest((*(f"{name}={value}" for name, value in job.command.environment), *words))
            times[digest] += 1
            yield self._item(job, f"{digest}#{times[digest]}")

    def place(self, item: Item, created: datetime) -> str:
        """``<script>/<name>/<identifier>``, or without a name."""
        identifier = f"{time_text(created)}_{(self.code.commit() or NO_COMMIT)[:5]}"
        levels = [task_directory(item.task), *([task_directory(self.name)] if self.name else []), identifier]
        return "/".join(levels)

    def command(self, item: Item, run: JobRun) -> CommandLine:
        """The job's words; the identifier is the script's first argument, and in the environment, too."""
        job: HermesJob = item.payload
        asked = self.file.settings.identifier if job.options.identifier is None else job.options.identifier
        words = job.command.words(run.identifier if asked else None, self.file.arguments)
        return CommandLine(words, self.directory, {**dict(job.command.environment), IDENTIFIER: run.identifier})

    def furnish(self, run: JobRun) -> None:
        """Write ``hermes.info``, ``exec_arguments``, ``re_execution.hermes``; copy what is copied before the job.

        Raises:
            OSError: Something could not be written.
        """
        job: HermesJob = run.item.payload
        directory, record = run.paths.log, run.manifest()
        about = {"commit_hash": self.code.commit() or NO_COMMIT, "start_time": time_text(run.created)}
        where = {"host": record.host, "pid": record.pid, "directory": record.cwd}
        append_info(directory, {**about, **where, "command": " ".join(map(quoted, record.argv))})
        write_arguments(directory, (*self.file.arguments, *job.command.arguments))
        text = "\n".join((*self.file.head, str(job.line), ""))
        (directory / RE_EXECUTION_FILE).write_text(text, encoding="utf-8", errors="surrogateescape")
        run.paths.stdout.touch()
        for pattern in job.options.copy_before:
            for path in _found(pattern, self.directory):
                copy_in(path, directory / Path(os.path.normpath(path)).name, never=self.tree)

    def settle(self, run: JobRun, outcome: Outcome) -> list[str]:
        """Bring in what belongs to the experiment, and complete ``hermes.info``."""
        job: HermesJob = run.item.payload
        directory, options = run.paths.log, job.options
        if (before := _settled_before(directory)) is not None:
            return before
        copy = partial(copy_in, never=self.tree)
        troubles = bring(options.copy_after, self.directory, directory, copy, "-ca")
        troubles += bring(options.move_after, self.directory, directory, move_in, "-ma")
        troubles += collect(run.identifier, self.directory, directory)
        try:
            append_info(directory, self._end(run, outcome, troubles))
        except OSError as error:
            troubles.append(f"hermes.info could not be completed: {error}")
        return troubles

    def _end(self, run: JobRun, outcome: Outcome, troubles: list[str]) -> dict[str, object]:
        ended = datetime.fromtimestamp(outcome.result.ended)  # noqa: DTZ006 - local time, as the identifier
        comments = (*self.comments, *run.item.payload.options.comments)
        return {
            "end_time": time_text(ended),
            "execution_time": round(outcome.result.ended - run.created.timestamp(), 6),
            "state": outcome.state,
            "exit_code": outcome.result.exit_code,
            "signal": outcome.result.signal,
            "comments": ",".join(comments) if comments else None,
            "trouble": "; ".join(troubles) if troubles else None,
        }

    @staticmethod
    def _job(line: JobLine, options: JobOptions) -> HermesJob:
        command = parse_command([word.text for word in line.words])
        if command is None:
            raise line.line.error("this command has no script: name a file, as python, train.py or bash, run.sh", 0)
        return HermesJob(line, options, command)

    def _check(self, job: HermesJob) -> None:
        check_command(job.command, job.line.line, self.directory)
        check_files(job.options, job.line.line, self.directory)

    def _item(self, job: HermesJob, key: str) -> Item:
        hyperparameters = hyperparameters_of((*self.file.arguments, *job.command.arguments))
        label = " ".join(map(quoted, (job.command.script, *self.file.arguments, *job.command.arguments)))
        return Item(
            key=key,
            task=job.command.task,
            label=label if len(label) <= _LABEL else f"{label[: _LABEL - 3]}...",
            hyperparameters=hyperparameters,
            tracked=tuple(hyperparameters),
            shown=job.options.log is False,
            payload=job,
        )


def _found(pattern: str, directory: Path) -> list[Path]:
    """What is copied before a job; it was there when the file was checked, and may have gone since."""
    found = matches(pattern, directory)
    if not found:
        raise FileNotFoundError(errno.ENOENT, f"-cb {pattern}: there is no such file any more", str(directory))
    return found


def _settled_before(directory: Path) -> list[str] | None:
    """What went wrong when a hermes settled a run and died before it could say so; None when none did."""
    try:
        told = read_info_file(directory)
    except OSError:
        return None
    return None if "end_time" not in told else [told["trouble"]] if "trouble" in told else []


def _digest(words: tuple[str, ...]) -> str:
    """Names a command: the same words have the same digest."""
    text = "\0".join(words).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=8).hexdigest()
