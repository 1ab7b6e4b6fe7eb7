"""Do work in a forked child with a fault at its nth call that changes the disk, again and again with a later one.

A sweep is a process with crashpoint.so preloaded; its arguments end with ERROR LASTING STRIDE. ERROR 0
kills with SIGKILL, another number is the errno that the call returns. It prints one JSON object.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FULL = os.environ.get("RLA_TEST_FAULTS") == "full"
"""The long form of the sweeps: ``make test-faults``."""

injector = ctypes.CDLL(None)
REFUSED = 7
Tell = int
"""A pipe into which the work writes a letter for each thing it has done."""


def stride(short: int) -> int:
    """Strike at each call in the long form, else at each ``short``-th, beginning with the first."""
    return 1 if FULL else short


@dataclass(frozen=True)
class Fault:
    """What strikes, whether it stays, and at how many calls."""

    error: int
    lasting: bool
    stride: int

    @property
    def beyond_help(self) -> bool:
        """Whether nothing can be removed any more either."""
        return self.lasting and self.error not in {0, errno.ENOSPC}


@dataclass(frozen=True)
class Struck:
    """What became of a child.

    Attributes:
        told: What it had done; then ``r`` when it was refused, ``?`` when it was without a fault, or
            ``.`` when it ended well and was not struck.
        killed: Whether it was killed.
        code: Its exit code, 0 for a killed one.
    """

    told: str
    killed: bool
    code: int


def strike(
    work: Callable[[Tell], object], directory: Path, nth: int, fault: Fault, refusals: tuple[type[Exception], ...] = ()
) -> Struck:
    """Do the work in a fork with a fault at its nth call below a directory; it may end by raising a refusal."""
    read, tell = os.pipe()
    if (pid := os.fork()) == 0:
        os.close(read)
        injector.crashpoint_arm(os.fsencode(directory), nth, fault.error, int(fault.lasting))
        code = 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                work(tell)
        except refusals:
            code = REFUSED
            os.write(tell, b"r" if injector.crashpoint_count() >= nth else b"?")
        except BaseException:
            traceback.print_exc()
        else:
            code = 0
            os.write(tell, b"." if injector.crashpoint_count() < nth else b"")
        os._exit(code)
    os.close(tell)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read().decode()
    status = os.waitpid(pid, 0)[1]
    killed = os.WIFSIGNALED(status)
    return Struck(told, killed, 0 if killed else os.waitstatus_to_exitcode(status))


def in_child(check: Callable[..., list[str]], *arguments: object) -> list[str]:
    """Check in a fork, so that this process keeps no database open."""
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            found = check(*arguments)
        except BaseException:
            found = [traceback.format_exc()]
        os.write(write, json.dumps(found).encode()[:60_000])
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        found = json.loads(file.read())
    os.waitpid(pid, 0)
    return found


def sweep(point: Callable[[int, Fault], tuple[Struck, list[str]]]) -> None:
    """Strike at every stride-th call until none is left to be struck, and print what was found.

    Args:
        point: Strikes at the nth call; returns what became of the child, and what is wrong then.
    """
    error, lasting, stride = map(int, sys.argv[-3:])
    fault = Fault(error, bool(lasting), stride)
    report = {"points": 0, "refused": 0, "violations": []}
    nth, more = 1, True
    while more:
        struck, found = point(nth, fault)
        if struck.code not in {0, REFUSED}:
            found.append("it ended by another error than that of the disk")
        if "?" in struck.told:
            found.append("it was refused without a fault")
        report["points"] += 1
        report["refused"] += "r" in struck.told
        report["violations"] += [[nth, struck.told, text] for text in found]
        more = "." not in struck.told and "?" not in struck.told
        nth += stride
    print(json.dumps(report))
