"""What the fault sweeps of the managing commands do, and what must hold afterwards."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from rla.core.layout import KINDS
from rla.manage.gc import collect
from rla.manage.plan import execute, plan_archive, plan_delete, plan_migrate
from rla.manage.recover import recover
from rla.manage.report import Report
from rla.manage.restore import list_operations, restore
from rla.runs.database import Database
from tests.indexes import open_database
from tests.manage.stored_runs import inconsistencies, make_runs, place_of

TRIO = ("log", "code", "checkpoint")
ACTIONS = ("delete", "kinds", "archive", "restore", "gc", "migrate", "transfer")
UNDONE = {"delete", "kinds", "migrate", "transfer"}
_gone: dict[str, str] = {}


@dataclass
class Scene:
    """A data root with runs to act on, one of them archived, and a run that nothing may touch.

    Attributes:
        files: The files of each run: its live ones, before anything was done.
    """

    action: str
    base: Path
    targets: list[str] = field(default_factory=list)
    bystander: str = ""
    files: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.base / "root"

    @property
    def other(self) -> Path:
        return self.base / "other"

    def copy(self, base: Path) -> Scene:
        shutil.copytree(self.base, base, symlinks=True)
        return Scene(self.action, base, self.targets, self.bystander, self.files)


def make_scene(action: str, base: Path) -> Scene:
    """Two runs to act on, and a bystander. What is needed to act is done: something archived, or deleted."""
    scene = Scene(action, base)
    scene.targets = make_runs(scene.root, 2, kinds=TRIO, files=2)
    (scene.bystander,) = make_runs(scene.root, 1, task="bystander", kinds=TRIO, files=2)
    uids = [*scene.targets, scene.bystander]
    database = open_database(scene.root)
    scene.files = {uid: files_of(scene.root, place_of(database, uid)) for uid in uids}
    if action in {"delete", "migrate"}:
        must(execute(database, plan_archive(database, uids[:1])))
    if action in {"restore", "gc"}:
        must(execute(database, plan_delete(database, scene.targets)))
    if action == "transfer":
        make_runs(scene.other, 1, kinds=TRIO, files=1)
    recover(database)
    database.table.index.close()
    if scene.other.exists():
        open_database(scene.other).table.index.close()
    return scene


def must(report: Report) -> Report:
    assert not report.failed, report
    return report


def act(scene: Scene) -> Report:
    """What a command does: recover, plan, carry out."""
    database = open_database(scene.root)
    recover(database)
    if scene.action == "restore":
        return restore(database)
    if scene.action == "gc":
        return collect(database, older_than=timedelta(0))
    if scene.action == "kinds":
        plan = plan_delete(database, scene.targets, kinds=["checkpoint"])
    elif scene.action == "delete":
        plan = plan_delete(database, scene.targets)
    elif scene.action == "archive":
        plan = plan_archive(database, scene.targets)
    elif scene.action == "migrate":
        plan = plan_migrate(database, scene.targets, task="other task")
    else:
        plan = plan_migrate(database, scene.targets, data_root=scene.other)
    return execute(database, plan)


def files_of(root: Path, place: str | None, *, archived: bool = False) -> dict[str, str]:
    """The content of a run, by kind and path."""
    found: dict[str, str] = {}
    for kind in KINDS if place is not None else ():
        top = (root / "arc" if archived else root) / kind / place
        for directory, _, names in os.walk(top):
            for name in names:
                path = Path(directory, name)
                found[f"{kind}/{path.relative_to(top)}"] = hashlib.md5(path.read_bytes()).hexdigest()
    return found


def violations(scene: Scene, told: str, *, killed: bool, number: int) -> list[str]:
    """What is wrong after the next command has recovered.

    ``told``: "a" when the command said that everything is done, "n" when nothing struck.
    """
    database = open_database(scene.root)
    messages = recover(database)
    found = [f"recovery: {message}" for message in messages if "could not" in message]
    if "n" in told and messages:
        found.append(f"something was left to recover: {messages}")
    found += inconsistencies(scene.root)
    if scene.other.exists():
        found += [f"other root: {text}" for text in inconsistencies(scene.other)]
    before = tree(scene.base)
    if again := recover(open_database(scene.root)):
        found.append(f"a second recovery does something: {again}")
    if tree(scene.base) != before:
        found.append("a second recovery changes something")
    bystander = files_of(scene.root, place_of(database, scene.bystander))
    if bystander != scene.files[scene.bystander]:
        found.append("a run that was not meant has changed")
    found += CHECKS[scene.action](scene, database, "a" in told, killed, number)
    found += [f"in the end: {text}" for text in inconsistencies(scene.root)]
    return found


def tree(base: Path) -> dict[str, str]:
    """Everything below a directory but the index."""
    found = {}
    for directory, names, files in os.walk(base):
        for name in [*files, *names]:
            path = Path(directory, name)
            if not name.startswith("rla.db"):
                found[str(path)] = hashlib.md5(path.read_bytes()).hexdigest() if path.is_file() else ""
    return found


def check_outcomes(scene: Scene, outcomes: dict[str, str], acked: bool, killed: bool, done: str) -> list[str]:
    found = [f"{uid}: {outcome}" for uid, outcome in outcomes.items() if outcome not in {"before", done}]
    if acked and set(outcomes.values()) != {done}:
        found.append(f"it said that it was done, and it is {outcomes}")
    if killed and len(set(outcomes.values())) > 1 and scene.action not in {"archive", "transfer"}:
        found.append(f"a kill left some runs done and others not: {outcomes}")
    return found


def live(scene: Scene, database: Database, uid: str, *, without: str = "") -> str:
    """What a run looks like: as before, gone, or how it differs."""
    place = place_of(database, uid)
    if place is None:
        return "gone"
    now, then = files_of(scene.root, place), scene.files[uid]
    if now == then:
        return "before"
    if without and now == {path: text for path, text in then.items() if not path.startswith(without)}:
        return "freed"
    changed = {path for path in now.keys() | then.keys() if now.get(path) != then.get(path)}
    if changed == {"log/run.json"} and "/other task/" in f"/{place}":
        return "moved"
    return f"differs in {sorted(changed)} at {place}"


def check_undo(scene: Scene, database: Database, *, partial: bool) -> list[str]:
    """Whatever was done can be undone, to the last byte."""
    if not any(operation.runs for operation in list_operations(database)):
        return []
    report = restore(database)
    found = [f"not restored: {report.failed}"] if report.failed else []
    states = {uid: live(scene, database, uid) for uid in scene.targets}
    if set(states.values()) != {"before"}:
        found.append(f"after restore: {states}")
    again = restore(database)
    if again.done:
        found.append("restoring twice does something")
    return found


def check_delete(scene, database, acked, killed, number):
    outcomes = {uid: live(scene, database, uid) for uid in scene.targets}
    found = check_outcomes(scene, outcomes, acked, killed, "gone")
    archived = place_of(database, scene.targets[0], archived=True)
    if files_of(scene.root, archived, archived=True) != scene.files[scene.targets[0]]:
        found.append("the archived copy was touched")
    return found + check_undo(scene, database, partial=not killed)


def check_kinds(scene, database, acked, killed, number):
    outcomes = {uid: live(scene, database, uid, without="checkpoint") for uid in scene.targets}
    return check_outcomes(scene, outcomes, acked, killed, "freed") + check_undo(scene, database, partial=not killed)


def check_archive(scene, database, acked, killed, number):
    found, outcomes = [], {}
    for uid in scene.targets:
        if live(scene, database, uid) != "before":
            found.append(f"the source {uid} is {live(scene, database, uid)}")
        copy = files_of(scene.root, place_of(database, uid, archived=True), archived=True)
        outcomes[uid] = "archived" if copy == scene.files[uid] else "before" if not copy else f"copy is {sorted(copy)}"
    found += check_outcomes(scene, outcomes, acked, killed, "archived")
    must(execute(database, plan_archive(database, scene.targets)))
    for uid in scene.targets:
        if files_of(scene.root, place_of(database, uid, archived=True), archived=True) != scene.files[uid]:
            found.append("it cannot be archived afterwards")
    return found


def check_restore(scene, database, acked, killed, number):
    outcomes = {uid: live(scene, database, uid) for uid in scene.targets}
    renamed = {uid: {"before": "back", "gone": "before"}.get(outcome, outcome) for uid, outcome in outcomes.items()}
    found = check_outcomes(scene, renamed, acked, killed, "back")
    return found + check_undo(scene, database, partial=False)


def check_gc(scene, database, acked, killed, number):
    """What the trash still offers is whole; the next gc finishes what this one began."""
    offered = [operation for operation in list_operations(database) if operation.runs]
    if acked and any((scene.root / ".rla" / "trash").iterdir()):
        return ["the trash was said to be empty"]
    if offered and number % 2:
        return check_undo(scene, database, partial=False)
    report = collect(database, older_than=timedelta(0))
    left = [str(path) for path in (scene.root / ".rla" / "trash").rglob("*")]
    return [f"not emptied: {report.failed}" for _ in report.failed] + [f"left in the trash: {path}" for path in left]


def check_migrate(scene, database, acked, killed, number):
    outcomes = {uid: live(scene, database, uid) for uid in scene.targets}
    found = check_outcomes(scene, outcomes, acked, killed, "moved")
    found += check_undo(scene, database, partial=not killed)
    archived = place_of(database, scene.targets[0], archived=True)
    if files_of(scene.root, archived, archived=True) != scene.files[scene.targets[0]]:
        found.append("the archived copy is not what it was")
    return found


def check_transfer(scene, database, acked, killed, number):
    other, found, outcomes = open_database(scene.other), [], {}
    for uid in scene.targets:
        there = files_of(scene.other, place_of(other, uid))
        here = live(scene, database, uid)
        if there == scene.files[uid] and here == "gone":
            outcomes[uid] = "moved"
        elif not there and here == "before":
            outcomes[uid] = "before"
        else:
            outcomes[uid] = f"here {here}, there {len(there)} files"
    found += check_outcomes(scene, outcomes, acked, killed, "moved")
    return found + check_undo(scene, database, partial=not killed)


CHECKS = {
    "delete": check_delete,
    "kinds": check_kinds,
    "archive": check_archive,
    "restore": check_restore,
    "gc": check_gc,
    "migrate": check_migrate,
    "transfer": check_transfer,
}
