"""Finding the runs of a real database."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

import rla
from rla import logger, time_step_holder
from rla.core.layout import RootPaths
from rla.core.selection import Selection
from rla.errors import AmbiguousRunError, ConfigError, RunNotFoundError, SelectionError
from rla.runs.query import glob_reading, query, select_runs
from rla.store import tracked_indexes
from tests.indexes import open_database


@pytest.fixture
def record(data_root):
    """Record a whole run, and give its uid."""

    def run(task: str = "demo", *, step: int = 20, loss: float = 0.5, **hyperparameters: object) -> str:
        with rla.init(
            task, hyperparameters, track=sorted(hyperparameters), data_root=data_root, log_used=["csv"]
        ) as made:
            time_step_holder.set_time(step)
            logger.record_tabular("train/loss", loss)
            logger.record_tabular("return", -loss)
            logger.dump_tabular()
        return made.uid

    return run


@pytest.fixture
def find(data_root):
    """The uids of a query, in its order."""
    return lambda **selection: query(data_root, **selection).uids


@pytest.fixture
def trainer(data_root):
    """A real training process that records until it is killed; it has dumped once when it is given."""
    processes = []

    def start(step: int) -> subprocess.Popen[str]:
        script = f"""
import rla, sys, time
rla.init("demo", {{"live": True}}, data_root={str(data_root)!r}, log_used=["csv"])
rla.time_step_holder.set_time({step})
rla.logger.record_tabular("return", {step} / 10)
rla.logger.dump_tabular()
print("dumped", flush=True)
sys.stdin.read()
"""
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout.readline() == "dumped\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


class TestSelecting:
    def test_without_a_selection_all_runs_come_newest_first(self, find, record):
        uids = [record(seed=seed) for seed in range(3)]
        assert find() == uids[::-1]

    def test_every_part_must_hold(self, find, record):
        record("other", lr=0.1, seed=1)
        wanted = record(lr=0.1, seed=1)
        record(lr=0.1, seed=2)
        record(lr=0.2, seed=1)
        assert find(task="demo", where="lr == 0.1", regex="seed=1$") == [wanted]

    def test_a_regular_expression_sees_the_uncut_values(self, find, record):
        long = "x" * 300
        wanted = record(a=long, seed=8)
        record(a=long, seed=80)
        assert find(regex=r"/\d\d-\d\d-.*seed=8(&|$)") == [wanted]

    def test_a_glob_sees_days_and_names(self, find, record, data_root):
        wanted = record(seed=8)
        record(seed=80)
        created = query(data_root, uids=[wanted])[0].row["created"]
        assert find(glob=f"{created[:10]}/*seed=8") == [wanted]
        assert find(glob=f"{created}*") == [wanted]
        assert len(find(glob=created[:7])) == 2

    def test_the_limit_comes_after_the_patterns(self, find, record):
        uids = [record(seed=seed) for seed in (8, 9, 8, 9)]
        assert find(regex="seed=8", limit=1) == [uids[2]]
        assert find(regex="seed=8", sort="created", limit=1) == [uids[0]]
        assert find(limit=2) == uids[:1:-1]
        assert find(limit=0) == []

    def test_since_and_until_cut_the_time(self, find, record):
        uid = record()
        assert find(since="1h") == [*find(until="1h"), uid]
        assert find(since="2001-01-01", until=time.strftime("%Y-%m-%d")) == [uid]
        assert find(until="2001-01-01") == []

    def test_tags_and_batches_select(self, find, record, data_root):
        uid, other = record(), record()
        table = open_database(data_root).table
        table.update(uid, tags=["paper"], batch="b1")
        table.update(other, tags=["pap"], batch="b2")
        assert find(tag="paper") == find(batch="b1") == [uid]
        assert find(tag="nosuch") == []

    def test_runs_are_named_by_uid_beginning_stamp_or_last(self, find, record, data_root):
        first, last = record(seed=1), record(seed=2)
        stamp = query(data_root, uids=[first])[0].row["created"]
        assert find(uids=[first[:10]]) == find(uids=[stamp]) == find(uids=first) == [first]
        assert find(uids=["last"]) == [last]
        assert find(uids=["last", first]) == [last, first]
        assert find(uids=[first], where="seed == 2") == []

    def test_last_is_the_last_of_the_task(self, find, record):
        first = record("one")
        record("two")
        assert find(task="one", uids=["last"]) == [first]

    def test_a_name_of_no_run_or_of_several_is_an_error(self, find, record):
        for seed in range(17):  # two of them begin alike
            record(seed=seed)
        with pytest.raises(RunNotFoundError, match="nosuch"):
            find(uids=["nosuch"])
        beginnings = [uid[0] for uid in find()]
        double = next(each for each in beginnings if beginnings.count(each) > 1)
        with pytest.raises(AmbiguousRunError) as caught:
            find(uids=[double])
        assert len(caught.value.candidates) == beginnings.count(double)

    def test_a_run_of_which_only_an_archived_copy_is_left_is_found_when_asked_for(self, find, record, data_root):
        gone, both, live = record(seed=1), record(seed=2), record(seed=3)
        table = open_database(data_root).table
        for uid in (gone, both):
            (place,) = table.places_of(uid)
            table.add_place(place._replace(archived=True))
            if uid == gone:
                table.remove_place(place)
        assert find() == [live, both]
        assert find(archived=True) == [live, both, gone]
        assert find(archived=True, where="archived") == [both, gone]
        assert query(data_root, uids=[gone], archived=True)[0].log_dir.is_relative_to(data_root / "arc" / "log")
        assert query(data_root, uids=[both])[0].log_dir.is_relative_to(data_root / "log")

    def test_the_database_is_found_upward(self, record, data_root, monkeypatch):
        uid = record()
        inside = data_root / "log" / "demo"
        monkeypatch.chdir(inside)
        assert query().uids == [uid]

    def test_without_a_database_the_error_says_how_to_name_one(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ConfigError, match="RLA_DATA_ROOT"):
            query()


class TestSorting:
    def test_runs_are_sorted_by_columns_hyperparameters_and_recorded_values(self, find, record):
        low, high, none = record(lr=0.1, loss=3.0), record(lr=0.2, loss=1.0), record(loss=2.0)
        assert find(sort="lr") == [low, high, none]
        assert find(sort="-lr") == [high, low, none]
        assert find(sort="summary['train/loss']") == [high, none, low]
        assert find(sort="-summary.return.min", limit=2) == [high, none]
        assert find(sort=" - created ") == [none, high, low]
        assert find(sort="created") == [low, high, none]

    def test_of_equal_runs_the_newest_comes_first(self, find, record):
        uids = [record(lr=1) for _ in range(3)]
        assert find(sort="lr") == find(sort="-lr") == find(sort="lr", limit=3) == uids[::-1]

    @pytest.mark.parametrize("sort", ["nosuch", "-summary.nosuch", "tags", "lr == 1", "", "-", "lr desc", "run.nosuch"])
    def test_what_cannot_be_sorted_by_is_an_error(self, find, record, sort):
        record(lr=1)
        with pytest.raises(SelectionError):
            find(sort=sort)


class TestUnknownNames:
    @pytest.mark.parametrize(
        ("where", "meant"),
        [
            ("lrr == 1", "did you mean lr?"),
            ("seed == 1 and env.idd == 'x'", "did you mean env.id"),
            ("summary.loss > 1", "did you mean summary['train/loss']?"),
            ("losss == 1", "summary['train/loss']"),
            ("hp.nosuch is None", "There is lr, env.id"),
            ("lr == 1 or nosuch == 1", "nosuch"),
            ("summary.nosuch.max > 1", "no run has a recorded value summary.nosuch.max"),
        ],
    )
    def test_a_key_that_no_run_has_is_an_error_that_names_those_there_are(self, find, record, where, meant):
        record(lr=1, env={"id": "x"}, seed=1)
        with pytest.raises(SelectionError) as caught:
            find(where=where)
        message, line, mark = str(caught.value).split("\n")
        assert meant in message
        assert line.strip() == where
        assert where[caught.value.position :].startswith(("lrr", "env", "summary", "losss", "hp", "nosuch"))
        assert mark.index("^") - 2 == caught.value.position

    def test_a_key_of_another_task_is_no_error_but_matches_nothing(self, find, record):
        record("one", lr=1)
        record("two", rate=1)
        assert find(task="two", where="lr == 1") == []

    def test_a_key_with_a_null_is_known(self, find, record):
        uid = record(lr=None)
        assert find(where="lr is None") == [uid]

    def test_in_an_empty_database_every_key_is_unknown(self, data_root):
        RootPaths(data_root).state_dir.mkdir(parents=True)
        with pytest.raises(SelectionError, match="no run has"):
            query(data_root, where="lr == 1")
        assert query(data_root, where="state == 'finished'").uids == []


class TestRunsThatGoOn:
    def test_a_running_run_is_asked_with_what_it_has_dumped_by_now(self, find, trainer):
        trainer(100_000)
        assert find(where="time_step < 100 and state != 'running'") == []
        assert len(find(where="time_step == 100000 and summary['return'] > 9000 and state == 'running'")) == 1

    def test_a_killed_run_is_lost_and_its_last_step_counts(self, find, trainer, data_root):
        process = trainer(100_000)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert find(where="time_step < 100") == []
        assert len(find(where="state == 'lost' and time_step >= 100000")) == 1
        assert find(where="state == 'running'") == []
        assert [row.state for row in query(data_root).rows] == ["lost"]
        assert query(data_root).frame()["state"].tolist() == ["lost"]

    def test_only_runs_that_have_not_ended_are_read_from_their_files(self, find, record, data_root):
        uid = record(lr=1)
        paths = query(data_root)[0].paths
        paths.manifest.write_text("damaged", encoding="utf-8")
        assert find(where="time_step == 20 and state == 'finished'") == [uid]

    def test_a_run_that_goes_on_elsewhere_is_running_while_it_speaks(self, find, record, data_root):
        record()
        table = open_database(data_root).table
        (place,) = table.places_of(query(data_root)[0].uid)
        row = table.get(place.uid)
        for number, heartbeat in enumerate((time.time(), time.time() - 9000)):
            uid = f"{number:016x}"
            other = {**{key: value for key, value in row.items() if key != "places"}, "uid": uid, "state": "running"}
            table.upsert({**other, "heartbeat": heartbeat}, place._replace(uid=uid, root_id="elsewhere"))
        assert find(where="state == 'running'") == [f"{0:016x}"]
        assert find(where="state == 'lost'") == [f"{1:016x}"]

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user")
    def test_another_user_who_may_only_read_finds_lost_runs_too(self, trainer, data_root, script, tmp_path):
        process = trainer(7)
        process.kill()
        process.wait()
        open_database(data_root)
        with tempfile.TemporaryDirectory(prefix="rla-shared-") as shared:
            shutil.copytree(data_root, f"{shared}/root")
            for path in [Path(shared), *Path(shared).rglob("*")]:
                path.chmod(0o755 if path.is_dir() else 0o644)
            done = script(
                """
                import os, sys
                from rla.runs.query import query
                query(sys.argv[1])
                from rla.store.engine import open_index
                open_index(sys.argv[1] + "/rla.db").close()
                os.seteuid(65534)
                print(len(query(sys.argv[1], where="state == 'lost' and time_step == 7")))
                """,
                f"{shared}/root",
            )
        assert done.stdout == "1\n"


class TestGlobReading:
    def test_a_regular_expression_that_was_meant_as_a_shell_pattern_is_told(self, record, data_root):
        for seed in (1, 2):
            record(seed=seed)
        database = open_database(data_root)
        year = time.strftime("%Y")
        reading = lambda text: glob_reading(
            database, Selection(regex=text), select_runs(database, Selection(regex=text))
        )
        assert reading(f"{year}/*/*/*seed=1") == 1
        assert reading("seed=1$") is None
        assert reading(f"{year}/") is None
        assert reading("") is None


class TestIndexes:
    def test_a_large_task_gets_its_indexes_by_being_asked(self, record, data_root, monkeypatch):
        monkeypatch.setattr(tracked_indexes, "WORTH_IT", 2)
        for seed in range(3):
            record(seed=seed, lr=0.1)
        table = open_database(data_root).table
        names = lambda: {name for name in tracked_indexes._index_names(connection) if "tracked" in name}
        query(data_root, task="demo")
        with table.index.read() as connection:
            assert names() == set()
        assert len(query(data_root, task="demo", where="hp.seed == 1")) == 1
        with table.index.read() as connection:
            assert len(names()) == 3
        record(seed=9, lr=0.2)
        assert len(query(data_root, task="demo", where="lr == 0.2 and hp.seed == 9")) == 1


def test_a_query_in_a_thread_of_a_training_is_answered(record, data_root):
    record(lr=1)
    found = []
    rla.init("demo", {"lr": 2}, data_root=data_root)
    thread = threading.Thread(target=lambda: found.extend(query(data_root, where="lr > 0").uids))
    thread.start()
    thread.join()
    assert len(found) == 2


def test_the_selected_rows_are_what_the_files_say(record, data_root):
    uid = record(lr=1)
    run = query(data_root)[0]
    state = json.loads((run.log_dir / "state.json").read_text(encoding="utf-8"))
    assert (run.uid, run.summary, run.time_step) == (uid, state["summary"], 20)
