"""Workers that create, delete, archive and restore at once, and are killed at random.

Run as a process:  manage_storm.py DIRECTORY KILLS SEED
Prints one JSON object: what was acknowledged, and what is wrong in the end.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rla.errors import RlaError
from rla.manage.gc import collect
from rla.manage.plan import execute, plan_archive, plan_delete
from rla.manage.recover import recover
from rla.manage.restore import list_operations, restore
from tests.indexes import index_url, open_database
from tests.manage.stored_runs import fill_kind, inconsistencies

WORKERS = 4
KINDS = ("log", "code", "checkpoint")


class Worker:
    """Does things to runs, and says before and after each what it does."""

    def __init__(self, root: Path, log: Path, seed: int) -> None:
        self.root = root
        self.random = random.Random(seed)
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(self, word: str, uids: list[str]) -> None:
        os.write(self.log, "".join(f"{word} {uid}\n" for uid in uids).encode())

    def work(self) -> None:
        database = open_database(self.root)
        for number in range(10**6):
            known = [run.uid for run in database.runs()]
            chosen = self.random.sample(known, min(len(known), 3))
            self.say("error", self.one(database, chosen, number))

    def one(self, database, chosen, number) -> list[str]:
        what = self.random.choice(["create", "create", "delete", "archive", "restore"])
        recover(database)
        if what == "create" or len(chosen) < 3:
            self.create(number)
        elif what == "delete":
            self.say("deleting", chosen)
            report = execute(database, plan_delete(database, chosen, archived=True))
            self.say("deleted", report.done)
            return [text.replace(" ", "_") for _, text in report.failed]
        elif what == "archive":
            self.say("archived", execute(database, plan_archive(database, chosen)).done)
        else:
            self.say("restoring", ["x"])
            self.say("restored", restore(database).done)
        return []

    def create(self, number: int) -> None:
        from rla.core import manifest
        from rla.core.layout import RootPaths
        from rla.core.manifest import State
        from rla.runs.create import RunRequest, create_run

        values = {"seed": number, "pid": os.getpid()}
        request = RunRequest("task", values, ("seed", "pid"), index_url=index_url())
        new = create_run(RootPaths(self.root), request)
        for kind in KINDS:
            if not new.paths.directory(kind).joinpath("sub").exists():
                fill_kind(new.paths.directory(kind), kind, new.manifest.uid, number, 2)
        new.paths.state.write_bytes(manifest.encode(State(state="finished", heartbeat=time.time(), ended=time.time())))
        new.lock.release()
        self.say("created", [new.manifest.uid])


def start(root: Path, log: Path, seed: int) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            Worker(root, log, seed).work()
        except BaseException as error:
            text = f"{type(error).__name__}: {error}" if isinstance(error, RlaError) else traceback.format_exc()
            os.write(os.open(log, os.O_WRONLY | os.O_APPEND), f"error {text!r}\n".encode())
        finally:
            os._exit(1)
    return pid


def storm(root: Path, log: Path, kills: int, seed: int) -> None:
    """Kill so many workers; where they get on slowly, as many more as it takes until all kinds of work are done."""
    chance = random.Random(seed)
    workers = [start(root, log, seed + number) for number in range(WORKERS)]
    for kill in range(20 * kills):
        if kill >= kills and min(acknowledged(log.read_text().splitlines()).values()) > 0:
            break
        time.sleep(chance.uniform(0.02, 0.25) * (1 + kill // kills))
        index = chance.randrange(WORKERS)
        os.kill(workers[index], signal.SIGKILL)
        os.waitpid(workers[index], 0)
        workers[index] = start(root, log, seed + 100 + kill)
    time.sleep(0.2)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def acknowledged(lines: list[str]) -> dict[str, int]:
    """How often each kind of work was done."""
    words = ("created", "deleted", "archived", "restored")
    return {word: sum(line.startswith(f"{word} ") for line in lines) for word in words}


def judge(root: Path, lines: list[str]) -> list[str]:
    database = open_database(root)
    found = [message for message in recover(database) if "could not" in message]
    found += inconsistencies(root) + [f"a second recovery: {message}" for message in recover(database)]
    live = {run.uid for run in database.runs()}
    offered = {item.uid for op in list_operations(database) for item in plan_of(database, op.id)}
    touched = {line.split()[1] for line in lines if line.startswith("deleting ")}
    created = {line.split()[1] for line in lines if line.startswith("created ")}
    found += [f"lost: {uid}" for uid in sorted(created - touched - live)]
    found += [f"neither there nor in the trash: {uid}" for uid in sorted(created - live - offered)]
    found += [line for line in lines if line.startswith("error ")]
    for operation in list_operations(database):
        report = restore(database, operation.id)
        found += [f"not restored: {uid} {reason}" for uid, reason in report.failed]
    live = {run.uid for run in database.runs()}
    found += [f"lost for good: {uid}" for uid in sorted(created - live)]
    for uid in created & live:
        found += damaged(root, database, uid)
    found += inconsistencies(root)
    collect(database, older_than=timedelta(0))
    return found


def damaged(root: Path, database, uid: str) -> list[str]:
    places = database.table.get(uid)["places"]
    sizes = {}
    for place in places:
        paths = database.root.copy(place.path, archived=place.archived)
        files = [path for kind in KINDS for path in paths.directory(kind).rglob("*") if path.is_file()]
        sizes[place.archived] = sorted((path.name, path.stat().st_size) for path in files)
    found = [f"{uid} holds {len(files)} files" for files in sizes.values() if len(files) != 10]
    if len(sizes) == 2 and sizes[True] != sizes[False]:
        found.append(f"{uid}: its archived copy differs")
    return found


def plan_of(database, op: str):
    from rla.manage.put_back import read_plan

    return read_plan(database.root, op).runs


def main() -> None:
    directory, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    root, log = directory / "root", directory / "log.txt"
    log.touch()
    if (pid := os.fork()) == 0:
        Worker(root, log, 0).create(0)
        os._exit(0)
    os.waitpid(pid, 0)
    storm(root, log, kills, seed)
    lines = log.read_text().splitlines()
    report = {"lines": len(lines), "violations": judge(root, lines), **acknowledged(lines)}
    print(json.dumps(report))
    shutil.rmtree(root)


if __name__ == "__main__":
    main()
