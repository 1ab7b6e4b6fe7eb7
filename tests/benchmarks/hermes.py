"""Measure hermes:  python tests/benchmarks/run.py hermes

Jobs that do nothing, two at a time, beside xargs, GNU parallel and submitit's local executor where they are
installed; then one job at all, ten thousand lines, and sixteen at a time.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from measure import Figure, fresh, report

from rla.runs.database import open_database

JOBS, ROUNDS, AT_ONCE = 100, 5, 2
MILLI = 1e-3
AGAINST_XARGS = 1.25
START_UP = 0.25
REPOSITORY = Path(__file__).parents[2]
SUBMITIT = """
import sys, submitit
executor = submitit.LocalExecutor("logs")
jobs = []
for number in range(int(sys.argv[1])):
    jobs.append(executor.submit(submitit.helpers.CommandFunction([sys.executable, "noop.py", str(number)])))
    if len(jobs) >= 2:
        jobs.pop(0).result()
for job in jobs:
    job.result()
"""


def prepared(base: Path, jobs: int) -> Path:
    """A directory with a script that does nothing and a file that runs it."""
    place = fresh(base)
    (place / "noop.py").write_text("")
    lines = "\n".join(f"[[{sys.executable}, noop.py, --i {number}],[]]" for number in range(jobs))
    (place / "a.hermes").write_text(f"EXEC\n{lines}\n")
    (place / "jobs.py").write_text(SUBMITIT)
    return place


def run(command: list[str] | str, place: Path) -> float:
    """Seconds for a command; it succeeds."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    before = time.perf_counter()
    done = subprocess.run(
        command, cwd=place, env=environment, shell=isinstance(command, str), capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - before
    assert done.returncode == 0, done.stderr[-2000:]
    return seconds


def hermes(*options: object) -> list[str]:
    """A call of hermes."""
    return [sys.executable, "-m", "rla", "hermes", "exec", "-f", "a.hermes", *map(str, options)]


def runners() -> dict[str, list[str] | str]:
    """Everything that runs the jobs, hermes first."""
    python = sys.executable
    found: dict[str, list[str] | str] = {
        "hermes --jobs 2": hermes("--jobs", AT_ONCE),
        "xargs -P 2": f"seq {JOBS} | xargs -P {AT_ONCE} -I% {python} noop.py --i %",
    }
    if shutil.which("parallel"):
        found["GNU parallel -j 2 --joblog"] = (
            f"seq {JOBS} | parallel -j {AT_ONCE} --joblog log {python} noop.py --i {{}}"
        )
    if importlib.util.find_spec("submitit"):
        found["submitit, local"] = [python, "jobs.py", str(JOBS)]
    for name, tool in (("GNU parallel", "parallel" in str(found)), ("submitit", "submitit, local" in found)):
        if not tool:
            print(f"  ({name}: not installed)")
    return found


def median_of(command: list[str] | str, base: Path, jobs: int, rounds: int) -> float:
    return statistics.median(run(command, prepared(base, jobs)) for _ in range(rounds))


def bench_hermes(base: Path) -> bool:
    """Launching beside others, start-up, constant memory, and the table at sixteen jobs at a time."""
    commands = runners()
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):  # in turns: what else the machine does falls on all alike
        for name, command in commands.items():
            taken[name].append(run(command, prepared(base, JOBS)) / JOBS)
    per_job = {name: statistics.median(seconds) for name, seconds in taken.items()}
    start = median_of(hermes("--dry-run"), base, 1, ROUNDS)
    alone = median_of(commands["hermes --jobs 2"], base, 1, ROUNDS)
    per_job["hermes --jobs 2"] = (per_job["hermes --jobs 2"] * JOBS - alone) / (JOBS - 1)
    target = AGAINST_XARGS * per_job["xargs -P 2"]
    figures = [
        Figure(name, seconds, target if name.startswith("hermes") else None) for name, seconds in per_job.items()
    ]
    met = report(f"{JOBS} jobs that do nothing, two at a time, per job after the first", figures, MILLI, "ms")
    met = report("hermes up to the first command", [Figure("--dry-run", start, START_UP)], MILLI, "ms") and met
    return _wide(base) and _long(base) and met


def _wide(base: Path) -> bool:
    """Sixteen at a time: no row is lost, and the table costs little."""
    place = prepared(base, 200)
    wide = run(hermes("--jobs", 16), place) / 200
    alone = median_of(f"seq 200 | xargs -P 16 -I% {sys.executable} noop.py --i %", base, 200, 1) / 200
    rows = open_database(place / "experiments").runs()
    assert sum(row.state == "finished" for row in rows) == 200
    figures = [Figure("hermes --jobs 16", wide, 1.5 * alone + START_UP / 200), Figure("xargs -P 16", alone)]
    return report("200 jobs that do nothing, sixteen at a time, per job", figures, MILLI, "ms")


def _long(base: Path) -> bool:
    """Ten thousand lines: the memory of hermes does not grow with them."""
    peaks = [_peak(hermes("--halt", 1, "--jobs", 2), prepared(base, jobs)) for jobs in (10, 10_000)]
    more = (peaks[1] - peaks[0]) / 1024
    print(f"\nmemory for 10,000 jobs more than for 10: {more:.1f} MiB   target 10 MiB")
    return more <= 10


def _peak(command: list[str], place: Path) -> int:
    """The most memory that a hermes takes whose jobs fail at once, in KiB."""
    (place / "noop.py").write_text("raise SystemExit(1)")
    text = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], capture_output=True); "
    text += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", text, *command], cwd=place, env=environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)
