"""Measure hermes:  python tests/benchmarks/run.py hermes

Jobs that do nothing, two at a time, beside xargs, GNU parallel, submitit's local executor and the old hermes where
they are installed; then one job at all, ten thousand lines, and sixteen at a time. The old hermes wants an
environment of its own: ``OLD_HERMES`` names its command.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from measure import Figure, fresh, report

from rla.runs.database import open_database

JOBS, ROUNDS, AT_ONCE = 300, 5, 2
HERMES, XARGS = "hermes --jobs 2", "xargs -P 2"
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
    if "OLD_HERMES" in os.environ:
        prepare_old(place / "old", jobs)
    return place


def prepare_old(place: Path, jobs: int) -> None:
    """What the old hermes wants: a repository with a commit, every section, and the word python."""
    place.mkdir()
    (place / "noop.py").write_text("")
    lines = "\n".join(f"[[python, noop.py, --i, {number}],[]]" for number in range(jobs))
    (place / "a.hermes").write_text(f"PRE\nthreads:{AT_ONCE}\nSTD-H\nSTD-E\nEXEC\n{lines}")
    git = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "all")):
        subprocess.run([*git, *words], cwd=place, check=True)


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


class Runner(NamedTuple):
    """What runs some jobs.

    Attributes:
        command: The command for so many jobs.
        jobs: How many it is given.
        rounds: How often.
    """

    command: Callable[[int], list[str] | str]
    jobs: int = JOBS
    rounds: int = ROUNDS


def runners() -> dict[str, Runner]:
    """Everything that runs the jobs."""
    python = sys.executable
    noop = f"{python} noop.py --i"
    found = {
        HERMES: Runner(lambda _: hermes("--jobs", AT_ONCE)),
        XARGS: Runner(lambda jobs: f"seq {jobs} | xargs -P {AT_ONCE} -I% {noop} %"),
    }
    if shutil.which("parallel"):
        parallel = f"parallel -j {AT_ONCE} --joblog log {noop} {{}}"
        found["GNU parallel -j 2 --joblog"] = Runner(lambda jobs: f"seq {jobs} | {parallel}")
    if importlib.util.find_spec("submitit"):
        found["submitit, local"] = Runner(lambda jobs: [python, "jobs.py", str(jobs)], jobs=10, rounds=1)
    if old := os.environ.get("OLD_HERMES"):
        command = f"cd old && PATH={Path(python).parent}:$PATH {old} exec -f a.hermes -n bench"
        found["old hermes, threads:2"] = Runner(lambda _: command, rounds=3)
    for tool in ("GNU parallel", "submitit", "old hermes"):
        if not any(name.startswith(tool) for name in found):
            print(f"  ({tool}: not installed)")
    return found


def median_of(command: list[str] | str, base: Path, jobs: int, rounds: int) -> float:
    return statistics.median(run(command, prepared(base, jobs)) for _ in range(rounds))


def per_job(base: Path) -> dict[str, float]:
    """Seconds for each job after the first, by runner."""
    many, one = defaultdict(list), defaultdict(list)
    everything = runners()
    for number in range(ROUNDS):  # in turns: what else the machine does falls on all alike
        for name, runner in everything.items():
            if number < runner.rounds:
                many[name].append(run(runner.command(runner.jobs), prepared(base, runner.jobs)))
                one[name].append(run(runner.command(1), prepared(base, 1)))
    return {
        name: (statistics.median(many[name]) - statistics.median(one[name])) / (runner.jobs - 1)
        for name, runner in everything.items()
    }


def bench_hermes(base: Path) -> bool:
    """Launching beside others, start-up, constant memory, and the table at sixteen jobs at a time."""
    taken = per_job(base)
    figures = [
        Figure(name, seconds, AGAINST_XARGS * taken[XARGS] if name == HERMES else None)
        for name, seconds in taken.items()
    ]
    met = report(f"{JOBS} jobs that do nothing, two at a time, per job after the first", figures, MILLI, "ms")
    start = median_of(hermes("--dry-run"), base, 1, ROUNDS)
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
