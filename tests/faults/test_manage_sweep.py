"""Faults at the system calls of the commands that change stored runs, then the next command."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest

from rla.fsio import atomic_write, copy_tree, safe_move
from rla.manage.plan import execute, plan_archive, plan_delete, plan_migrate
from rla.runs.database import open_database
from rla.store.run_table import RunTable
from tests.faults.manage_mutants import MUTANTS
from tests.faults.manage_scenes import ACTIONS
from tests.faults.striking import FULL
from tests.manage.stored_runs import make_runs

pytestmark = pytest.mark.faults

FAULTS = {
    "ENOSPC once": (errno.ENOSPC, 0),
    "ENOSPC lasting": (errno.ENOSPC, 1),
    "EIO once": (errno.EIO, 0),
    "EIO lasting": (errno.EIO, 1),
    "EACCES once": (errno.EACCES, 0),
    "EACCES lasting": (errno.EACCES, 1),
    "SIGINT": (-signal.SIGINT, 0),
    "SIGTERM": (-signal.SIGTERM, 0),
}
FULL_SWEEPS = {"SIGKILL": (0, 0, 0), **{name: (*fault, 0) for name, fault in FAULTS.items()}, "recovery": (0, 2, 100)}
SHORT_SWEEPS = {"SIGKILL": (0, 0, 10), **{name: (*fault, 2) for name, fault in FAULTS.items()}, "recovery": (0, 2, 4)}
"""The fault, whether it lasts or strikes the recovery too, and how many calls are struck; 0 is each."""


RARE = {"the log first", "the journal keeps what failed", "marked too late"}
"""Mutants that few calls give away."""


@pytest.mark.skipif(FULL, reason="the full form strikes at every call")
@pytest.mark.parametrize("action", ACTIONS)
def test_whatever_strikes_leaves_whole_runs_which_the_next_command_finishes_or_drops(sweep, place, action):
    faults = [":".join(map(str, fault)) for fault in SHORT_SWEEPS.values()]
    reports = sweep("manage_sweep.py", place, action, *faults)
    found = {name: report["violations"] for name, report in zip(SHORT_SWEEPS, reports, strict=True)}
    assert found == {name: [] for name in SHORT_SWEEPS}
    assert reports[0]["calls"] > 40


@pytest.mark.skipif(not FULL, reason="the short form strikes at some calls")
@pytest.mark.parametrize("fault", FULL_SWEEPS)
@pytest.mark.parametrize("action", ACTIONS)
def test_whatever_strikes_at_any_call_leaves_whole_runs(sweep, place, action, fault):
    how = ":".join(map(str, FULL_SWEEPS[fault]))
    (report,) = sweep("manage_sweep.py", place, action, how)
    assert report["violations"] == []


def test_four_workers_that_are_killed_at_random_lose_nothing(sweep, tmp_path):
    report = sweep("manage_storm.py", tmp_path, 300 if FULL else 30, 11)
    assert report["violations"] == []
    assert min(report[word] for word in ("created", "deleted", "archived", "restored")) > 0


@pytest.mark.parametrize(
    ("action", "mutant", "fault", "lasting"),
    [(action, *each) for action, mutants in MUTANTS.items() for each in mutants if FULL or each[0] not in RARE],
    ids=lambda value: str(value).replace(" ", "-"),
)
def test_a_step_that_is_taken_out_is_noticed(sweep, place, action, mutant, fault, lasting):
    how, name = f"{fault}:{lasting}:0", f"{action}/{mutant}"
    report = sweep("manage_sweep.py", place, action, how, name)
    assert report["violations"] != []


# What a kill cannot show, since the system's cache outlives it: in which order things reach the disk.


class Trace:
    """The calls that make things durable or visible, in order, with the paths they are about."""

    def __init__(self, patch: pytest.MonkeyPatch, root: Path) -> None:
        self.calls: list[tuple[str, str]] = []
        self._root = root
        real = {name: getattr(os, name) for name in ("fsync", "rename", "replace")}
        patch.setattr(os, "fsync", lambda file: (self.add("sync", self.path(file)), real["fsync"](file))[1])
        patch.setattr(os, "replace", lambda old, new: (real["replace"](old, new), self.add("name", str(new)))[0])
        patch.setattr(os, "rename", self.rename(real["rename"]))
        sync_disk = copy_tree._sync_disk
        patch.setattr(
            copy_tree, "_sync_disk", lambda file: (self.add("sync disk", self.path(file)), sync_disk(file))[1]
        )
        for name in ("upsert_many", "remove_places", "add_places"):
            patch.setattr(RunTable, name, self.rows(getattr(RunTable, name)))

    def add(self, what: str, path: str) -> None:
        self.calls.append((what, path.removeprefix(f"{self._root}/")))

    def path(self, file: int) -> str:
        return os.readlink(f"/proc/self/fd/{file}")

    def rename(self, real):
        def call(old, new, *, src_dir_fd=None, dst_dir_fd=None):
            real(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
            where = "" if dst_dir_fd is None else self.path(dst_dir_fd) + "/"
            self.add("move", f"{where}{new}")

        return call

    def rows(self, real):
        def call(table, items):
            if items != []:  # what only asks whether the index can be written
                self.add("rows", "")
            return real(table, items)

        return call

    def find(self, what: str, *parts: str) -> list[int]:
        return [
            number
            for number, (call, path) in enumerate(self.calls)
            if call == what and all(part in path for part in parts)
        ]


def durability_violations(trace: Trace) -> list[str]:
    """What could be lost by a power cut, because it was not on disk when the next step was done."""
    found = []
    moves = trace.find("move")
    rows = trace.find("rows")
    written = trace.find("sync", ".rla/journal/.")
    named = trace.find("sync", ".rla/journal") and [
        number for number, call in enumerate(trace.calls) if call == ("sync", ".rla/journal")
    ]
    if not written or written[0] > moves[0]:
        found.append("the content of the journal is not on disk before the first rename")
    if not named or named[0] > moves[0]:
        found.append("the name of the journal is not on disk before the first rename")
    for number in moves:
        directory = trace.calls[number][1].rpartition("/")[0]
        synced = [each for each, call in enumerate(trace.calls) if call == ("sync", directory)]
        if not any(number < each < rows[-1] for each in synced):
            found.append(f"the rename into {directory} is not on disk before the rows change")
    ends = [number for number in trace.find("name", ".rla/trash/") if "plan.json" in trace.calls[number][1]]
    if ends and ends[0] < rows[-1]:
        found.append("the journal is dropped before the rows change")
    return found


def staging_violations(trace: Trace) -> list[str]:
    """Nothing gets its name before its content is on disk."""
    first = min(trace.find("move", "arc/"))
    synced = [*trace.find("sync disk", ".rla-stage"), *trace.find("sync", ".rla-stage")]
    return [] if synced and min(synced) < first else ["a copy gets its name before it is on disk"]


@pytest.fixture
def traced(tmp_path):
    """Two stored runs, and the trace of a command on them."""
    root = tmp_path / "root"
    uids = make_runs(root, 2)
    database = open_database(root)

    def trace(make_plan, *patches, **options) -> Trace:
        plan = make_plan(database, uids, **options)
        with pytest.MonkeyPatch.context() as patch:
            for owner, name, value in patches:
                patch.setattr(owner, name, value)
            trace = Trace(patch, root)
            assert execute(database, plan).done == uids
        return trace

    return trace


def test_a_delete_is_on_disk_step_by_step(traced):
    assert durability_violations(traced(plan_delete)) == []


def test_a_migration_is_on_disk_step_by_step(traced):
    trace = traced(plan_migrate, task="other")
    assert durability_violations(trace) == []
    assert len(trace.find("sync", ".run.json")) == 2


@pytest.mark.parametrize("one_by_one", [0, 10**6], ids=["the whole disk", "file by file"])
def test_an_archived_copy_is_on_disk_before_it_has_its_name(traced, one_by_one):
    from rla.manage import copying

    trace = traced(plan_archive, (copying, "ONE_BY_ONE", one_by_one))
    assert durability_violations(trace) == []
    assert staging_violations(trace) == []


nothing = lambda *_arguments, **_options: None
SYNC_MUTANTS = {
    "journal content": (plan_delete, (atomic_write, "_write_new"), "content"),
    "journal name": (plan_delete, (atomic_write, "sync_directory"), "name"),
    "renames": (plan_delete, (safe_move, "sync_directory"), "rename into"),
}


@pytest.mark.parametrize("mutant", SYNC_MUTANTS)
def test_a_sync_that_is_taken_out_is_noticed(traced, mutant):
    make_plan, (owner, name), expected = SYNC_MUTANTS[mutant]
    real = atomic_write._write_new
    without = (lambda path, data, *, durable: real(path, data, durable=False)) if name == "_write_new" else nothing
    found = durability_violations(traced(make_plan, (owner, name, without)))
    assert any(expected in text for text in found)


def test_a_copy_that_is_not_synced_is_noticed(traced):
    from rla.manage import copying

    assert staging_violations(traced(plan_archive, (copying, "sync_stage", nothing))) != []


def test_rows_before_renames_are_noticed(traced):
    """The rows go first in this one: the renames are then on disk too late."""
    from rla.manage import delete

    real = delete.each_run

    def rows_first(root, record, report, act, undo, progress):
        items = list(record.runs)
        open_database(root.root).table.remove_places(delete.places_of(open_database(root.root), items))
        return real(root, record, report, act, undo, progress)

    trace = traced(plan_delete, (delete, "each_run", rows_first), (delete, "forget_in_spool", nothing))
    trace.calls = [call for number, call in enumerate(trace.calls) if number != trace.find("rows")[-1]]
    assert any("before the rows change" in text for text in durability_violations(trace))
