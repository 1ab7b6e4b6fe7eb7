"""A command that may take only so long and say only so much, and leaves nothing running."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from threading import Thread
from typing import IO, Final, NamedTuple

_CHUNK: Final = 1 << 16
_ERROR_BYTES: Final = 4096
_REAP_PATIENCE: Final = 0.2


class Output(NamedTuple):
    """What a command said.

    Attributes:
        text: Its standard output, whole unless ``problem`` is set.
        errors: The beginning of its standard error.
        code: Its exit code; None when it did not run to its end.
        problem: Why it did not run to its end, as the end of a sentence that begins with its name; or None.
    """

    text: bytes
    errors: bytes = b""
    code: int | None = None
    problem: str | None = None


class BoundedProcess:
    """A command that runs while this process does other work, in a session of its own, without input.

    Its output is taken in by a thread, so that a full pipe never stops it. What does not end in
    time is killed together with all that it started in its process group.
    """

    def __init__(self, argv: Sequence[str], *, environ: Mapping[str, str], limit: int) -> None:
        """Start it; a command that cannot be started says so in :meth:`finish`.

        Args:
            argv: The command and its arguments; no shell sees them.
            environ: All its environment.
            limit: How many bytes it may write; with more it is killed.
        """
        self._limit = limit
        self._taken: list[bytes] = []
        self._overflowed = False
        self._output: Output | None = None
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(environ),
                start_new_session=True,
                bufsize=0,
            )
        except (OSError, ValueError) as error:
            problem = "is not installed" if isinstance(error, FileNotFoundError) else f"cannot be run: {error}"
            self._output = Output(b"", problem=problem)
            return
        self._reader = Thread(target=self._read, args=(self._process.stdout,), name="rla-reader", daemon=True)
        self._reader.start()

    def finish(self, deadline: float) -> Output:
        """Wait for its end until ``deadline`` on the monotonic clock, and kill it then; again, it says the same."""
        if self._output is None:
            assert self._process is not None
            self._output = self._collect(self._process, deadline)
        return self._output

    def _collect(self, process: subprocess.Popen[bytes], deadline: float) -> Output:
        late = not self._ends(process, deadline)
        if late:
            self._kill(process)
            self._ends(process, time.monotonic() + _REAP_PATIENCE)
        errors = _read_now(process.stderr)
        if late or self._overflowed:
            problem = "wrote too much" if self._overflowed else "took too long"
            return Output(b"".join(self._taken), errors, problem=problem)
        return Output(b"".join(self._taken), errors, process.returncode)

    def _ends(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        """Whether its output ends and it exits in time; a child of it that holds the output counts too."""
        self._reader.join(max(0.0, deadline - time.monotonic()))
        if self._reader.is_alive():
            return False
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True

    def _read(self, stream: IO[bytes] | None) -> None:
        assert stream is not None
        taken = 0
        with stream:
            while chunk := stream.read(_CHUNK):
                taken += len(chunk)
                if taken > self._limit:
                    self._overflowed = True
                    assert self._process is not None
                    self._kill(self._process)
                    return
                self._taken.append(chunk)

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill its group: nobody has waited for the leader yet, so its number cannot be another's."""
        if process.returncode is not None:
            return
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()


def _read_now(stream: IO[bytes] | None) -> bytes:
    """What is in a pipe, without waiting for a child that may still hold its other end."""
    assert stream is not None
    with stream, contextlib.suppress(OSError):
        os.set_blocking(stream.fileno(), False)
        return stream.read(_ERROR_BYTES) or b""
    return b""
