"""Runs that processes of their own record: whole ones with their code, and some that go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TRAIN = """
import sys, json, rla
given = json.loads(sys.argv[2])
with rla.init(given.pop("task", "demo"), given, track=["seed"], data_root=sys.argv[1]) as run:
    for step in (10, 20):
        rla.time_step_holder.set_time(step)
        rla.logger.record_tabular("reward", step * given["seed"])
        rla.logger.dump_tabular()
    print(run.uid)
"""

GO_ON = """
import signal, sys, time, rla
if sys.argv[3] == "ignores":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
run = rla.init("demo", {"seed": int(sys.argv[2])}, track=["seed"], data_root=sys.argv[1])
rla.time_step_holder.set_time(100)
rla.logger.record_tabular("reward", 1.5)
rla.logger.dump_tabular()
print(run.uid, flush=True)
for step in range(101, 1200):
    time.sleep(0.05)
"""


def going(data_root: Path, seed: int = 0, *, manner: str = "ends") -> tuple[subprocess.Popen[str], str]:
    """A process that records until it is told to end, and the uid of its run."""
    command = [sys.executable, "-c", GO_ON, str(data_root), str(seed), manner]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    uid = process.stdout.readline().strip()
    threading.Thread(target=process.wait, daemon=True).start()  # as a shell does: no zombie keeps its number
    return process, uid


@contextmanager
def running(data_root: Path, seed: int = 0, *, manner: str = "ends") -> Iterator[tuple[subprocess.Popen[str], str]]:
    process, uid = going(data_root, seed, manner=manner)
    try:
        assert len(uid) == 16
        yield process, uid
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
