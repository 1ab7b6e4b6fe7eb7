"""Stored runs to manage, and what a data root looks like: also used by the fault sweeps."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from pathlib import Path

from rla.core import manifest
from rla.core.layout import KINDS, LOG, RootPaths
from rla.core.manifest import State
from rla.manage.leaf import is_run_place
from rla.runs.create import RunRequest, create_run
from rla.runs.database import Database
from tests.indexes import index_url, open_database

SOME_KINDS = ("log", "code", "checkpoint", "tmp_data")


def make_run(
    root: Path, seed: int = 0, *, task: str = "task", kinds=SOME_KINDS, state: str = "finished", files: int = 2
) -> str:
    """A run that has ended, with a few files of each kind."""
    return make_runs(root, 1, first=seed, task=task, kinds=kinds, state=state, files=files)[0]


def make_runs(
    root: Path, count: int, *, first: int = 0, task: str = "task", kinds=SOME_KINDS, state="finished", files: int = 2
) -> list[str]:
    uids = []
    for seed in range(first, first + count):
        new = create_run(RootPaths(root), RunRequest(task, {"seed": seed, "lr": 0.1}, ("seed",), index_url=index_url()))
        uids.append(new.manifest.uid)
        for kind in kinds:
            fill_kind(new.paths.directory(kind), kind, new.manifest.uid, seed, files)
        ended = State(state=state, heartbeat=time.time(), ended=time.time(), time_step=10 * seed)
        new.paths.state.write_bytes(manifest.encode(ended))
        new.lock.release()
    database = open_database(root)
    database.reindex()
    return uids


def fill_kind(directory: Path, kind: str, uid: str, seed: int, files: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    if kind != LOG:
        (directory / ".rla-run").write_text(f"{uid}\n", encoding="ascii")
    below = directory / "sub"
    below.mkdir()
    for number in range(files):
        place = (below if number % 2 else directory) / f"file-{number}.bin"
        place.write_bytes(f"{kind} {seed} {number} ".encode() * 50)


def snapshot(root: Path, *, own: bool = False) -> dict[str, str]:
    """Every file and link below a root with its content, without what rla keeps for itself."""
    found = {}
    for directory, names, files in os.walk(root):
        where = Path(directory)
        if not own:
            names[:] = [name for name in names if not name.startswith(".rla")]
        for name in [*files, *(name for name in names if (where / name).is_symlink())]:
            path = where / name
            if not own and where == root and name.startswith("rla.db"):
                continue
            mode = path.lstat().st_mode
            text = os.readlink(path) if stat.S_ISLNK(mode) else hashlib.md5(path.read_bytes()).hexdigest()
            found[str(path.relative_to(root))] = text
    return found


def of_runs(files: dict[str, str], places: set[str]) -> dict[str, str]:
    """The files of a snapshot that belong to the runs at some places."""
    return {path: text for path, text in files.items() if any(f"/{place}/" in f"/{path}" for place in places)}


def place_of(database: Database, uid: str, *, archived: bool = False) -> str | None:
    row = database.table.get(uid)
    here = [place for place in (row or {"places": []})["places"] if place.root_id == database.root_id]
    found = [place.path for place in here if place.archived is archived]
    return found[0] if found else None


def leaves_on_disk(root: Path) -> dict[str, set[str]]:
    """The uids by place that the directories of each tree carry."""
    found: dict[str, set[str]] = {}
    for archived in (False, True):
        for kind in KINDS:
            top = (root / "arc" if archived else root) / kind
            for leaf in top.glob("*/*/*/*/*") if top.is_dir() else ():
                place = str(leaf.relative_to(top))
                if is_run_place(place):
                    found.setdefault(("arc/" if archived else "") + place, set()).add(kind)
    return found


def inconsistencies(root: Path) -> list[str]:
    """Where rows, places and directories do not say the same; leftovers of operations; empty dates."""
    database = open_database(root)
    found = []
    rows = {row["uid"]: row for row in database.table.rows()}
    wanted = {}
    for uid, row in rows.items():
        if not row["places"]:
            found.append(f"{uid} has a row and no place")
        for place in row["places"]:
            if place.root_id != database.root_id:
                continue  # the table is a team's
            paths = database.root.copy(place.path, archived=place.archived)
            wanted[("arc/" if place.archived else "") + place.path] = uid
            if not paths.manifest.exists():
                found.append(f"{uid} has a place without a run.json: {place}")
                continue
            record = manifest.decode(paths.manifest.read_bytes(), manifest.Manifest)
            if record.uid != uid:
                found.append(f"{place} holds the run {record.uid}")
            if (record.task, record.seq) != (row["task"], row["seq"]):
                found.append(f"{uid}: row {row['task']!r} {row['seq']}, run.json {record.task!r} {record.seq}")
            if record.name != place.path.rpartition("/")[2]:
                found.append(f"{uid} is named {record.name!r} and lies at {place.path!r}")
    on_disk = leaves_on_disk(root)
    found += [f"orphan {kinds} at {place}" for place, kinds in on_disk.items() if place not in wanted]
    found += leftovers(root)
    return found


def leftovers(root: Path) -> list[str]:
    found = [f"left: {path}" for path in root.rglob("*") if path.name.endswith(".rla-tmp")]
    found += [f"journal: {path.name}" for path in (root / ".rla" / "journal").glob("*")]
    found += [f"stage: {path}" for path in root.rglob(".rla-stage")]
    for top in [*KINDS, *(f"arc/{kind}" for kind in KINDS)]:
        for path in (root / top).rglob("*"):
            level = len(path.relative_to(root / top).parts)
            if level < 5 and path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
                found.append(f"empty directory {path}")
    return found
