"""Any order of commands keeps rows, places and directories in agreement, and loses nothing."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from rla.manage.gc import collect
from rla.manage.plan import execute, plan_archive, plan_delete, plan_migrate
from rla.manage.recover import recover
from rla.manage.restore import list_operations, restore
from tests.indexes import open_database
from tests.manage.stored_runs import inconsistencies, make_runs, of_runs, place_of, snapshot

some = st.sets(st.integers(0, 5), min_size=1, max_size=3)
KINDS = ("log", "code", "checkpoint")


def content(root: Path, place: str) -> dict[str, str]:
    files = of_runs(snapshot(root), {place})
    return {path.split("/")[0] + path.partition(place)[2]: text for path, text in files.items() if path[:4] != "arc/"}


class Lifecycle(RuleBasedStateMachine):
    """The model: where each run should be, and which of its kinds it should have."""

    @initialize()
    def begin(self) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="rla-lifecycle-"))
        self.root = self.base / "root"
        self.uids = make_runs(self.root, 3, kinds=KINDS, files=1)
        self.files = {uid: self.contents(uid) for uid in self.uids}
        self.task = dict.fromkeys(self.uids, "task")
        self.live = set(self.uids)
        self.archived: set[str] = set()
        self.freed: set[str] = set()

    @property
    def database(self):
        return open_database(self.root)

    def contents(self, uid: str) -> dict[str, str]:
        place = place_of(open_database(self.root), uid)
        found = content(self.root, place)
        found.pop("log/run.json")  # which task it is in
        return found

    def choose(self, numbers: set[int]) -> list[str]:
        return [self.uids[number % len(self.uids)] for number in sorted(numbers)]

    @rule()
    def create(self) -> None:
        if len(self.uids) < 6:
            (uid,) = make_runs(self.root, 1, first=len(self.uids), kinds=KINDS, files=1)
            self.uids.append(uid)
            self.files[uid], self.task[uid] = self.contents(uid), "task"
            self.live.add(uid)

    @rule(numbers=some, archived=st.booleans())
    def delete(self, numbers, archived) -> None:
        chosen = self.choose(numbers)
        report = execute(self.database, plan_delete(self.database, chosen, archived=archived))
        expected = {uid for uid in chosen if uid in self.live or (archived and uid in self.archived)}
        assert set(report.done) == expected
        self.live -= expected
        if archived:
            self.archived -= expected

    @rule(numbers=some)
    def free(self, numbers) -> None:
        chosen = self.choose(numbers)
        report = execute(self.database, plan_delete(self.database, chosen, kinds=["checkpoint"]))
        assert set(report.done) == set(chosen) & self.live
        self.freed |= set(report.done)

    @rule(numbers=some)
    def archive(self, numbers) -> None:
        chosen = self.choose(numbers)
        report = execute(self.database, plan_archive(self.database, chosen))
        assert set(report.done) == {uid for uid in chosen if uid in self.live and uid not in self.archived}
        self.archived |= set(report.done)

    @rule(numbers=some, task=st.sampled_from(["task", "b", "c/d"]))
    def migrate(self, numbers, task) -> None:
        chosen = self.choose(numbers)
        report = execute(self.database, plan_migrate(self.database, chosen, task=task))
        here = {uid for uid in chosen if uid in self.live | self.archived}
        assert set(report.done) == {uid for uid in here if self.task[uid] != task}
        for uid in report.done:
            self.task[uid] = task

    @rule()
    def undo(self) -> None:
        """Undoing the last operation twice is undoing it once."""
        offered = next(iter(list_operations(self.database)), None)
        report = restore(self.database)
        assert len(report.done) + len(report.failed) == (offered.runs if offered else 0)
        self.follow(report.done)
        before = snapshot(self.root)
        assert restore(self.database).done == []
        assert snapshot(self.root) == before

    @rule(days=st.sampled_from([0, 1]))
    def empty_trash(self, days) -> None:
        collect(self.database, older_than=timedelta(days=days))
        if days == 0:
            assert list_operations(self.database) == []

    @rule()
    def reindex(self) -> None:
        rows = self.database.table.rows()
        self.database.reindex()
        assert self.database.table.rows() == rows

    def follow(self, uids: list[str]) -> None:
        """Take over where the index says that runs are now; that it is true is checked after each step."""
        for uid in uids:
            row = self.database.table.get(uid)
            assert row is not None
            self.task[uid] = row["task"]
            kinds = {place.archived for place in row["places"]}
            self.live = self.live | {uid} if False in kinds else self.live - {uid}
            self.archived = self.archived | {uid} if True in kinds else self.archived - {uid}

    @invariant()
    def everything_agrees(self) -> None:
        if not hasattr(self, "root"):
            return
        assert recover(self.database) == []
        assert inconsistencies(self.root) == []
        for uid in self.uids:
            row = self.database.table.get(uid)
            places = {place.archived for place in row["places"]} if row else set()
            assert (False in places, True in places) == (uid in self.live, uid in self.archived)
            if uid in self.live:
                now = self.contents(uid)
                kept = {path: text for path, text in self.files[uid].items() if not path.startswith("checkpoint")}
                assert now in (self.files[uid], kept) if uid in self.freed else now == self.files[uid]

    def teardown(self) -> None:
        if hasattr(self, "base"):
            self.database.table.index.close()
            shutil.rmtree(self.base)


Lifecycle.TestCase.settings = settings(
    max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
TestLifecycle = Lifecycle.TestCase
