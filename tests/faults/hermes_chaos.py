"""Jobs that misbehave, harm that comes at random, and what must hold of a batch when all of it is through."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from rla.fsio.atomic_write import TEMP_MARK
from rla.fsio.file_lock import is_locked
from rla.hermes.info import ARGUMENTS_FILE, RE_EXECUTION_FILE, read_info_file
from rla.runs.run import Run
from tests.hermes.conftest import Process, Repository

JOB = """
import fcntl, os, signal, sys, time
kind, number, seconds = sys.argv[2], sys.argv[3], float(sys.argv[4])
me = os.environ["RLA_HERMES_ID"]
if kind == "leaves":
    os.setpgid(0, 0)

def note(text):
    descriptor = os.open("ran", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{text} {number}\\n".encode())

guard = os.open(f"guard-{number}", os.O_RDWR | os.O_CREAT)
try:
    fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    note("twice")
if kind == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if kind == "creates":
    open(f"made-{me}", "w").close()
if kind == "prints":
    print("x" * 1_000_000)
if kind == "reads":
    assert sys.stdin.read() == ""
if kind == "shuts":
    os.close(1)
if kind == "parent":
    for _ in range(2):
        if os.fork() == 0:
            os.close(guard)
            time.sleep(600)
time.sleep(seconds)
if not os.path.exists("mended"):
    if kind == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "fails":
        os._exit(7)
note("succeeded")
os._exit(0)
"""
KINDS = ("deaf", "creates", "prints", "reads", "shuts", "parent", "leaves", "dies", "fails", "plain")
FILES = (ARGUMENTS_FILE, RE_EXECUTION_FILE, "stdout.log", "stderr.log")


def write_batch(repository: Repository, rng: random.Random, jobs: int) -> None:
    """A hermes file whose jobs are of all kinds."""
    repository.script("job.py", JOB)
    kinds = [KINDS[number % len(KINDS)] for number in range(jobs)]
    lines = [f"[[python, -S, job.py, {kind}, {n}, {rng.uniform(0, 0.4):.2f}],[]]" for n, kind in enumerate(kinds)]
    repository.hermes_file(*lines)


def options(rng: random.Random) -> list[str]:
    """How a batch is run."""
    chosen = ["--jobs", str(rng.choice([1, 2, 4, 8]))]
    for name, value, chance in (("--retries", "1", 0.3), ("--timeout", "5s", 0.3), ("--halt", "3", 0.2)):
        chosen += [name, value] if rng.random() < chance else []
    return chosen


def harms(repository: Repository, process: Process, rng: random.Random) -> list[Callable[[], None]]:
    """What may befall a batch."""

    def twice() -> None:
        process.signal(signal.SIGINT)
        time.sleep(rng.uniform(0, 0.3))
        process.signal(signal.SIGINT)

    def pause() -> None:
        process.signal(signal.SIGSTOP)
        time.sleep(rng.uniform(0, 0.5))
        process.signal(signal.SIGCONT)

    def power_cut() -> None:
        process.signal(signal.SIGKILL)
        for pid in of_batch(repository):
            send(pid, signal.SIGKILL)

    def shells() -> None:
        for pid in leaders(repository):
            send(pid, rng.choice([signal.SIGTERM, signal.SIGINT, signal.SIGHUP]))

    def jobs() -> None:
        for pid in set(of_batch(repository)) - set(leaders(repository)):
            send(pid, signal.SIGKILL)

    alone = [lambda number=number: process.signal(number) for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)]
    return [*alone, twice, pause, power_cut, shells, jobs, repository.database]


def send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def leaders(repository: Repository) -> list[int]:
    """The shells of the jobs that go on."""
    running = [place / "run.json" for place in repository.directories() if is_locked(place / "run.json")]
    return [json.loads(file.read_bytes())["pid"] for file in running]


def of_batch(repository: Repository) -> list[int]:
    """Every process that carries the name of a run's directory."""
    mark = f"RLA_RUN_DIR={repository.tree}/".encode()
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _carries(entry, mark)]


def _carries(pid: str, mark: bytes) -> bool:
    try:
        return mark in Path("/proc", pid, "environ").read_bytes()
    except OSError:
        return False


def violations(repository: Repository, jobs: int) -> list[str]:
    """What does not hold of a batch that is through."""
    runs = repository.runs()
    found = [text for run in runs for text in _of_run(run)]
    found += _of_jobs(repository, runs, jobs)
    found += [f"left: {path}" for path in (repository.tree / "job").rglob(f"*{TEMP_MARK}*")]
    places = {path for path in repository.tree.glob("job/b/*") if not path.name.startswith(".")}
    found += [f"row or directory alone: {path.name}" for path in places ^ {run.log_dir for run in runs}]
    before = repository.database().table.rows()
    repository.database().reindex()
    if repository.database().table.rows() != before:
        found.append("reindex changed the table")
    return found


def _of_jobs(repository: Repository, runs: list[Run], jobs: int) -> Iterator[str]:
    ran = Counter((repository.path / "ran").read_text().splitlines())
    for number in range(jobs):
        mine = [run for run in runs if str(run.hyperparameters["args"][1]) == str(number)]
        others = sum(run.state != "finished" for run in mine)
        told = f"job {number}: {[(run.row['name'], run.state) for run in mine]}"
        if len(mine) - others != 1:
            yield f"{len(mine) - others} runs finished, {told}"
        if not 1 <= ran[f"succeeded {number}"] <= 1 + others:
            yield f"it succeeded {ran[f'succeeded {number}']} times, {told}"
        if ran[f"twice {number}"]:
            yield f"it ran twice at a time, {told}"


def _of_run(run: Run) -> Iterator[str]:
    """Whether the files of a run that began, and its row, tell the same."""
    directory, row = run.paths.log, run.row
    name = f"{row['name']} {run.state}"
    if run.is_open or run.state == "lost":
        yield f"open: {name}"
        return
    state = json.loads(run.paths.state.read_bytes())
    yield from (f"{key}: {name}" for key in ("state", "ended", "exit_code", "error") if state.get(key) != row[key])
    if row["started"] > row["ended"]:
        yield f"it ended before it began: {name}"
    if row["exit_code"] is None:  # it may never have begun
        return
    yield from (f"no {file}: {name}" for file in FILES if not (directory / file).exists())
    info = read_info_file(directory)
    yield from (f"{key} of hermes.info: {name}" for key in ("exit_code", "pid", "host") if info[key] != str(row[key]))
    if info["state"] != run.state:
        yield f"state of hermes.info: {name}"
    if "creates" in row["argv"] and run.state == "finished" and not list(directory.glob("made-*")):
        yield f"a file of its own was not brought in: {name}"
