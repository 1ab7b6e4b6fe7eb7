"""Run jobs on this machine, each in a process group of its own.

Between this process and the command stands a shell that runs one constant text and never reads the command:
it holds the job's lock, waits for the word to begin, runs the command and writes down its exit code. So a job
goes on when this process dies, and what became of it is known to whoever looks later.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

from rla.fsio.file_lock import FileLock
from rla.jobs.executor import Executor, StartedJob, open_sentinel
from rla.jobs.family import send
from rla.jobs.job import Job, JobResult, end_of

_SHELL: Final = "/bin/sh"
_NEVER_BEGAN: Final = 125
_SHIM: Final = (
    f"read -r _ || exit {_NEVER_BEGAN}\n"  # the word to begin; without one its maker has died
    'exec 9>&1 >>"$1" 0</dev/null\n'  # 9 is the lock: the command does not get it
    "file=$2\n"
    "shift 2\n"
    "trap : HUP INT QUIT TERM\n"  # they are for the command, whose end is still to be written down
    'case $1 in */*) "$@" 9>&- ;; *) (exec "$@" 9>&-) ;; esac\n'  # without a path, a name may be a builtin's
    "code=$?\n"
    'printf "%s\\n" "$code" 1<>"$file"\n'  # into the room it has: the disk may be full
    "kill -TERM 0\n"  # what it has left behind; the shell itself goes on
    'exit "$code"\n'
)


class LocalExecutor(Executor):
    """Runs jobs as children of this process."""

    def start(self, job: Job, lock: FileLock) -> StartedJob:
        """Start a job's shell, which waits.

        Raises:
            OSError: There is no memory or process left, a log cannot be opened, or the directory is gone.
        """
        hear, tell = os.pipe()
        try:
            errors = os.open(job.stderr, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
            try:
                process = _popen(job, hear, lock.descriptor, errors)
            finally:
                os.close(errors)
        except BaseException:
            os.close(tell)
            raise
        finally:
            os.close(hear)
        lock.abandon()
        return _LocalJob(process, tell, job.exit_code)


def _popen(job: Job, hear: int, lock: int, errors: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - the shell's text is constant, and the words of the command are only run
        [_SHELL, "-c", _SHIM, "rla-job", str(job.stdout), str(job.exit_code), *_with_path(job)],
        cwd=job.directory,
        env=dict(job.environment),
        stdin=hear,
        stdout=lock,
        stderr=errors,
        start_new_session=True,
    )


def _with_path(job: Job) -> tuple[str, ...]:
    """The words of a command, the path of its program in front: the shell has less to do then."""
    program, *rest = job.command
    found = None if "/" in program else shutil.which(program, path=job.environment.get("PATH", os.defpath))
    return (found if found and os.path.isabs(found) else program, *rest)  # noqa: PTH117 - of each job


class _LocalJob(StartedJob):
    """A child of this process."""

    def __init__(self, process: subprocess.Popen[bytes], tell: int, exit_code: Path) -> None:
        self.pid = process.pid
        self._process = process
        self._tell: int | None = tell
        self._exit_code = exit_code
        self._result: JobResult | None = None
        self._sentinel = open_sentinel(process.pid)

    @property
    def sentinel(self) -> int | None:
        return self._sentinel

    def release(self) -> None:
        tell = self._tell
        assert tell is not None
        with contextlib.suppress(BrokenPipeError):  # it has died already, and poll tells how
            os.write(tell, b"\n")
        self._close()

    def abandon(self) -> None:
        self._close()
        self.signal(signal.SIGKILL)  # whoever forked this process may keep it from hearing that nobody will speak
        self._result = JobResult(self._process.wait(), time.time())
        self._close_sentinel()

    def poll(self) -> JobResult | None:
        if self._result is None:
            try:
                self._result = self._end()
            except ChildProcessError:  # somebody else has waited for it, or the system does where SIGCHLD is ignored
                self._process.wait()
                self._result = end_of(self._exit_code)
            if self._result is not None:
                self._close_sentinel()
        return self._result

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send(self.pid, number)

    def _end(self) -> JobResult | None:
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return None
        if ended.si_code != os.CLD_EXITED:
            self.signal(signal.SIGTERM)  # what a killed shell has left; its number is its own until it is waited for
        code = self._process.wait()
        return JobResult(128 - code if code < 0 else code, time.time())

    def _close(self) -> None:
        if self._tell is not None:
            os.close(self._tell)
            self._tell = None

    def _close_sentinel(self) -> None:
        if self._sentinel is not None:
            os.close(self._sentinel)
            self._sentinel = None
