"""Lists of runs, and what each run of them gives."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pandas as pd
import pytest

import rla
from rla import logger, time_step_holder
from rla.errors import AmbiguousRunError, RunNotFoundError, SelectionError
from rla.runs.database import open_database
from rla.runs.query import query
from rla.runs.run import Run
from rla.runs.run_list import LightRow, RunList


@pytest.fixture
def record(data_root):
    """Record a whole run; each item of ``values`` is one dump: a time step and what is recorded."""

    def run(task: str = "demo", hyperparameters: object = None, values=((20, {"return": 1.5}),), **keywords) -> str:
        given = hyperparameters if hyperparameters is not None else keywords
        with rla.init(task, given, data_root=data_root, log_used=["csv"]) as made:
            for step, recorded in values:
                time_step_holder.set_time(step)
                logger.logkvs(recorded)
                logger.dump_tabular()
        return made.uid

    return run


@pytest.fixture
def runs(data_root):
    return lambda **selection: query(data_root, **selection)


class TestSequence:
    def test_it_is_an_immutable_sequence_of_runs(self, record, runs):
        uids = [record(seed=n) for n in range(3)][::-1]
        found = runs()
        assert len(found) == 3
        assert [run.uid for run in found] == found.uids == uids
        assert isinstance(found[0], Run)
        assert (found[-1].uid, found[0] in found, found.index(found[1])) == (uids[-1], True, 1)
        assert [run.uid for run in reversed(found)] == uids[::-1]
        with pytest.raises(TypeError):
            found[0] = found[1]
        with pytest.raises(IndexError):
            found[3]

    def test_a_slice_is_a_list_of_runs_too(self, record, runs):
        uids = [record(seed=n) for n in range(4)][::-1]
        found = runs()
        assert isinstance(found[1:3], RunList)
        assert found[1:3].uids == uids[1:3]
        assert [run.uid for run in found[::-2]] == uids[::-2]
        list(found)
        assert [run.uid for run in found[2:]] == uids[2:]
        assert not found[9:]

    def test_one_gives_the_only_run(self, record, runs):
        uid = record(seed=1)
        record(seed=2)
        assert runs(where="hp.seed == 1").one().uid == uid

    def test_one_of_none_and_of_several_are_errors_that_tell(self, record, runs):
        uids = [record(seed=1), record(seed=1)]
        with pytest.raises(AmbiguousRunError) as several:
            runs(where="hp.seed == 1").one()
        assert set(several.value.candidates) == set(uids)
        with pytest.raises(RunNotFoundError, match=r"hp\.seed == 2"):
            runs(where="hp.seed == 2").one()

    def test_groups_are_lists_by_their_values(self, record, runs):
        for lr, seed in ((0.1, 0), (0.1, 1), (0.2, 0)):
            record(hyperparameters={"lr": lr, "seed": seed, "net": {"layers": [1, 2]}})
        record(other=1)
        groups = runs().groupby("lr", "net.layers")
        assert {key: len(group) for key, group in groups.items()} == {
            (None, None): 1,
            (0.2, "[1,2]"): 1,
            (0.1, "[1,2]"): 2,
        }
        assert isinstance(groups[0.1, "[1,2]"], RunList)

    def test_a_run_that_is_deleted_meanwhile_stays_in_the_list(self, record, runs, data_root):
        uid = record(seed=1)
        found = runs()
        table = open_database(data_root).table
        table.remove_places(table.places_of(uid))
        assert (found[0].uid, found[0].state, found[0].paths) == (uid, "finished", None)
        assert found[0].as_dict()["places"] == []


class TestFrame:
    def test_a_row_per_run_with_what_is_known_of_it(self, record, runs):
        uid = record(hyperparameters={"lr": 0.1, "net": {"layers": [64, 64], "act": "relu"}})
        frame = runs().frame()
        assert list(frame.columns) == [
            *("uid", "task", "state", "started", "duration", "time_step"),
            *("lr", "net.layers", "net.act", "summary.return"),
        ]
        (row,) = frame.to_dict("records")
        assert (row["uid"], row["task"], row["state"], row["time_step"]) == (uid, "demo", "finished", 20)
        assert (row["lr"], row["net.layers"], row["net.act"], row["summary.return"]) == (0.1, [64, 64], "relu", 1.5)
        assert abs((pd.Timestamp.now("UTC") - row["started"]).total_seconds()) < 60
        assert 0 <= row["duration"] < 60

    def test_a_column_has_the_type_of_its_values_whatever_is_missing(self, record, runs):
        record(i=1, f=1.0, m=1, b=True, t="a", o=1, l=[1], big=2**70, n=None)
        record(i=2, f=math.nan, m=0.5, b=False, t="b", o="x", l=[1], big=1, n=None)
        both = runs().frame().dtypes.astype(str).to_dict()
        record(other=1)
        with_a_gap = runs().frame().dtypes.astype(str).to_dict()
        expected = {
            "i": "Int64",
            "f": "float64",
            "m": "float64",
            "b": "boolean",
            "t": "str",
            "o": "object",
            "l": "object",
        }
        expected |= {"big": "object", "n": "float64", "summary.return": "float64", "time_step": "Int64", "uid": "str"}
        expected |= {"started": "datetime64[us, UTC]", "duration": "float64", "state": "str"}
        assert {name: both[name] for name in expected} == expected
        assert {name: with_a_gap[name] for name in expected} == expected

    def test_no_runs_are_a_frame_with_the_fixed_columns_and_types(self, record, runs):
        record()
        empty = runs(task="nosuch").frame()
        assert (len(empty), list(empty.columns)) == (0, ["uid", "task", "state", "started", "duration", "time_step"])
        whole = runs().frame()[list(empty.columns)]
        assert empty.dtypes.tolist() == whole.dtypes.tolist()

    def test_a_hyperparameter_with_a_fixed_column_s_name_has_a_prefix(self, record, runs):
        record(state="mine", uid=7, lr=1)
        frame = runs().frame()
        assert (frame["state"][0], frame["hp.state"][0], frame["hp.uid"][0]) == ("finished", "mine", 7)

    def test_columns_are_chosen_by_name_in_order_rare_ones_too(self, record, runs):
        record(lr=0.1, values=[(1, {"return": 5.0}), (2, {"return": 1.0})])
        columns = ["lr", "uid", "host", "tags", "summary.return", "summary.return.max", "exit_code"]
        frame = runs().frame(columns=columns)
        assert list(frame.columns) == columns
        assert frame["summary.return.max"][0] == 5.0
        assert (frame["tags"][0], frame["exit_code"][0]) == ([], 0)

    def test_a_column_that_no_run_has_is_an_error_that_names_the_nearest(self, record, runs):
        record(learning_rate=0.1)
        with pytest.raises(SelectionError, match="did you mean learning_rate"):
            runs().frame(columns=["learning_rat"])

    def test_missing_values_are_missing(self, record, runs):
        record(lr=0.1, flag=True, n=1)
        record(values=())
        frame = runs().frame()
        assert frame.loc[0, ["lr", "flag", "n", "summary.return", "time_step"]].isna().all()
        assert frame.loc[1, ["lr", "flag", "n"]].notna().all()

    def test_a_hundred_thousand_runs_are_no_matter(self, runs):
        rows = [
            LightRow(
                f"{n:016x}",
                "t",
                "2026/03/01/x",
                "",
                "finished",
                float(n),
                n + 1.0,
                None,
                n,
                {"a": n, "b": str(n)},
                {"r": n / 2},
            )
            for n in range(100_000)
        ]
        frame = RunList(rows, list).frame()
        assert frame.shape == (100_000, 9)
        assert frame["summary.r"].sum() == sum(n / 2 for n in range(100_000))


class TestText:
    def test_it_is_one_line(self, record, runs):
        record("one")
        record("two")
        assert repr(runs()) == "<2 runs of one, two>"
        assert repr(runs(task="one")) == "<1 run of one>"
        assert repr(runs(task="none")) == "<0 runs>"
        assert "\n" not in repr(runs()[0])

    def test_html_is_escaped_and_bounded_and_runs_nothing(self, record, runs):
        evil = "<script>alert(1)</script>"
        record(
            task=evil,
            hyperparameters={evil: evil, "quote": '"><img src=x onerror=alert(1)>'},
            values=[(1, {evil: evil})],
        )
        for text in (runs()._repr_html_(), runs()[0]._repr_html_()):
            assert set(re.findall(r"<(/?\w+)", text)) <= {
                "table",
                "/table",
                "tr",
                "/tr",
                "th",
                "/th",
                "td",
                "/td",
                "p",
                "/p",
            }
            assert "&lt;script&gt;" in text

    def test_html_shows_times_and_numbers_as_people_read_them(self):
        at = "2026/03/01/21-13-00-000000"
        row = LightRow("0" * 16, "t", at, "a=1&seed=2", "finished", 1.0, 2.0, 3.0, 4, {}, {"r": 0.1 + 0.2, "n": 3})
        text = RunList([row], list)._repr_html_()
        for cell in ("2026-03-01 21:13", "a=1 seed=2", "r=0.3 n=3"):
            assert f"<td>{cell}</td>" in text

    def test_html_shows_fifty_rows_and_tells_how_many_more(self):
        row = LightRow("0" * 16, "t", "2026/03/01/21-13-00-000000", "x" * 9999, "finished", 1.0, 2.0, 3.0, 4, {}, {})
        text = RunList([row] * 70, list)._repr_html_()
        assert text.count("<tr>") == 51
        assert "and 20 more" in text
        assert len(text) < 50 * 1000


class TestRun:
    def test_it_tells_where_its_files_are_as_far_as_there_are_any(self, record, runs):
        record(lr=1)
        run = runs()[0]
        assert run.log_dir == run.paths.log
        assert (run.checkpoint_dir, run.results_dir, run.checkpoints(), run.checkpoint()) == (None, None, [], None)
        run.paths.directory("results").mkdir(parents=True)
        assert run.results_dir == run.paths.directory("results")
        assert run.code_dir == run.paths.directory("code")

    def test_checkpoints_are_sorted_by_step(self, record, runs):
        record()
        run = runs()[0]
        directory = run.paths.directory("checkpoint")
        directory.mkdir(parents=True)
        names = [
            "net_9.pt",
            "net_10.pt",
            "net_10.pt.json",
            "old-100.index",
            "old-100.data-00000-of-00001",
            "best.pt",
            ".tmp_5.pt",
        ]
        for name in names:
            (directory / name).touch()
        assert [path.name for path in run.checkpoints()] == ["net_9.pt", "net_10.pt", "old-100.index"]
        assert run.checkpoint().name == "old-100.index"

    def test_it_knows_how_long_it_took(self, record, runs, data_root):
        uid = record()
        table = open_database(data_root).table
        table.update(uid, started=100.0, ended=160.5)
        assert runs()[0].duration == 60.5
        table.update(uid, started=None)
        assert runs()[0].duration is None

    def test_everything_of_it_is_json(self, record, runs):
        record(lr=0.1)
        assert json.loads(json.dumps(runs()[0].as_dict()))["hyperparameters"] == {"lr": 0.1}


class TestCurve:
    def test_a_curve_is_two_arrays_of_floats(self, record, runs):
        record(values=[(step, {"return": step / 2}) for step in (1, 2, 5)])
        x, y = runs()[0].curve("return")
        assert (x.dtype, y.dtype) == (np.float64, np.float64)
        assert (x.tolist(), y.tolist()) == ([1, 2, 5], [0.5, 1.0, 2.5])

    def test_rows_without_the_value_do_not_count_and_nan_does(self, record, runs):
        record(values=[(1, {"a": 1.0}), (2, {"b": 2.0}), (3, {"a": math.nan}), (4, {"a": math.inf})])
        x, y = runs()[0].curve("a")
        assert x.tolist() == [1, 3, 4]
        np.testing.assert_array_equal(y, [1.0, math.nan, math.inf])

    def test_after_a_rewind_the_newest_value_of_a_step_counts(self, record, runs):
        record(values=[(1, {"a": 1}), (2, {"a": 2}), (3, {"a": 3}), (2, {"a": 20}), (4, {"a": 40})])
        x, y = runs()[0].curve("a")
        assert (x.tolist(), y.tolist()) == ([1, 2, 3, 4], [1, 20, 3, 40])

    def test_any_column_can_be_the_x(self, record, runs):
        record(values=[(1, {"a": 5, "epoch": 2}), (2, {"a": 6, "epoch": 1})])
        x, y = runs()[0].curve("a", x="epoch")
        assert (x.tolist(), y.tolist()) == ([1, 2], [6, 5])
        times, _ = runs()[0].curve("a", x="timestamp")
        assert times[0] > 1e9
        same_x, same_y = runs()[0].curve("a", x="a")
        assert same_x.tolist() == same_y.tolist() == [5, 6]

    def test_a_row_that_is_being_written_does_not_count(self, record, runs):
        record(values=[(1, {"a": 1.5}), (2, {"a": 2.5})])
        run = runs()[0]
        with run.paths.csv.open("ab") as file:
            file.write(b"3,1")
        assert run.curve("a")[0].tolist() == [1, 2]

    def test_keys_and_texts_of_any_kind_are_read(self, record, runs):
        record(values=[(1, {'odd, "key"\n': 1.5, "text": "a\nb"}), (2, {'odd, "key"\n': 2.5, "text": "3"})])
        assert runs()[0].curve('odd, "key"\n')[1].tolist() == [1.5, 2.5]
        np.testing.assert_array_equal(runs()[0].curve("text")[1], [math.nan, 3])

    def test_a_key_that_was_not_recorded_is_an_error_that_names_those_that_were(self, record, runs):
        record(values=[(1, {"train/loss": 1.5})])
        with pytest.raises(SelectionError, match="did you mean train/loss"):
            runs()[0].curve("train/los")

    def test_without_the_file_there_is_no_curve(self, record, runs):
        record()
        run = runs()[0]
        run.paths.csv.unlink()
        with pytest.raises(RunNotFoundError, match="recorded nothing as csv"):
            run.curve("return")
