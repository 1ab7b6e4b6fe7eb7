"""Curves of many runs, and the cache that must never be wrong."""

from __future__ import annotations

import csv
import io
import os
import platform
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rla
from rla import logger, time_step_holder
from rla.core.layout import JobTreePaths, RunPaths
from rla.errors import RunNotFoundError, SelectionError
from rla.runs import csv_columns, curve_cache
from rla.runs.curve_cache import CurveCache
from rla.runs.curves import read_curve, read_curves
from rla.runs.query import query

HEADER = "a,b,time-step\n"


@pytest.fixture
def table(tmp_path):
    """Write a table, by default with a time stamp that lies well in the past."""
    path = tmp_path / "run" / "progress.csv"
    path.parent.mkdir()

    def write(text: str | bytes, *, settled: bool = True) -> Path:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        if settled:
            os.utime(path, (1.7e9, 1.7e9))
        return path

    return write


@pytest.fixture
def cache(tmp_path):
    return CurveCache([tmp_path / "cache"])


@pytest.fixture
def parsed(monkeypatch):
    """How many bytes were parsed so far, by block."""
    from rla.runs import csv_block

    blocks: list[int] = []
    real = csv_block.parse_block
    monkeypatch.setattr(
        csv_block, "parse_block", lambda block, *rest: (blocks.append(len(block)), real(block, *rest))[1]
    )
    return blocks


@pytest.fixture
def patient(monkeypatch):
    """The clock of ``read_at`` is an hour ahead: every file has been left alone for a while."""
    real = time.time_ns
    monkeypatch.setattr(curve_cache.time, "time_ns", lambda: real() + 3600 * 10**9)


def rows(first: int, last: int) -> str:
    return "".join(f"{step}.5,{-step},{step}\n" for step in range(first, last))


class TestCells:
    def test_an_empty_cell_is_no_value_and_nan_is_one(self, table):
        path = table(HEADER + "1,,0\n,2,1\nNaN,3,2\ninf,4,3\n")
        x, y = read_curve(path, "a", "time-step")
        assert x.tolist() == [0, 2, 3]
        np.testing.assert_array_equal(y, [1, np.nan, np.inf])

    def test_a_column_of_texts_is_nan_everywhere(self, table):
        path = table(HEADER + "x,1,0\ny,2,1\n")
        assert np.isnan(read_curve(path, "a", "time-step").y).tolist() == [True, True]

    def test_quoted_cells_with_commas_quotes_and_line_ends_are_one_cell(self, table):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(
            [["a", 'k,"\n', "time-step"], ['1,\n"2', 5.5, 0], ["", 6.5, 1], ["3", "", 2]]
        )
        path = table(text.getvalue())
        x, y = read_curve(path, 'k,"\n', "time-step")
        assert (x.tolist(), y.tolist()) == ([0, 1], [5.5, 6.5])

    @pytest.mark.parametrize("text", ["", "a", HEADER, HEADER + "1,2,3"])
    def test_a_table_without_a_whole_row_has_no_value(self, table, text):
        path = table(text)
        if "time-step" not in text:
            with pytest.raises(SelectionError, match="recorded no"):
                read_curve(path, "a", "time-step")
        else:
            assert read_curve(path, "a", "time-step").x.tolist() == []

    def test_a_short_row_is_empty_behind_and_a_long_one_is_damage(self, table):
        path = table(HEADER + "1,2,0\n3\n5,6,1\n")
        assert read_curve(path, "b", "time-step").y.tolist() == [2, 6]
        with pytest.raises(ValueError, match="more cells than there are columns"):
            read_curve(table(HEADER + "1,2,0\n1,2,01,2,1\n"), "b", "time-step")
        with pytest.raises(ValueError, match="more cells than there are columns"):
            read_curve(table(HEADER + "1,2,0\n1,2,0text,x\n"), "b", "time-step")

    def test_blocks_end_where_rows_do(self, table, monkeypatch):
        text = HEADER + "".join(f'"{"x" * (step % 7)}\n,",{step},{step}\n' for step in range(50))
        path = table(text)
        for block in (1, 5, 16, 64):
            monkeypatch.setattr(csv_columns, "_BLOCK", block)
            assert read_curve(path, "b", "time-step").y.tolist() == list(range(50))

    def test_a_step_that_is_recorded_again_has_its_newest_value(self, table):
        path = table(HEADER + "1,0,1\n2,0,2\n3,0,3\n20,0,2\n40,0,4\n")
        x, y = read_curve(path, "a", "time-step")
        assert (x.tolist(), y.tolist()) == ([1, 2, 3, 4], [1, 20, 3, 40])

    @given(
        cells=st.lists(
            st.tuples(
                st.one_of(st.just(""), st.floats().map(repr), st.text('ab,"\n', max_size=4)), st.floats(-1e9, 1e9)
            ),
            max_size=20,
        )
    )
    @settings(max_examples=60, deadline=None)
    def test_numbers_are_read_as_python_reads_them(self, tmp_path_factory, cells):
        path = tmp_path_factory.mktemp("t") / "progress.csv"
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(
            [["text", "number", "time-step"], *([cell, repr(n), i] for i, (cell, n) in enumerate(cells))]
        )
        path.write_text(text.getvalue(), encoding="utf-8")
        assert read_curve(path, "number", "time-step").y.tolist() == [n for _, n in cells]
        assert read_curve(path, "text", "time-step").x.tolist() == [i for i, (cell, _) in enumerate(cells) if cell]


class TestCache:
    def test_what_was_read_once_is_not_parsed_again(self, table, cache, parsed, patient):
        path = table(HEADER + rows(0, 100))
        first = read_curve(path, "a", "time-step", cache)
        assert sum(parsed) > 0
        parsed.clear()
        again = read_curve(path, "a", "time-step", cache)
        assert parsed == []
        np.testing.assert_array_equal(first, again)

    def test_the_answer_is_the_same_with_empty_cells_and_nan(self, table, cache, patient):
        path = table(HEADER + "1,,0\nNaN,2,1\n,3,2\n")
        for _ in range(2):
            x, y = read_curve(path, "a", "time-step", cache)
            assert x.tolist() == [0, 1]
            np.testing.assert_array_equal(y, [1, np.nan])

    def test_of_a_file_that_grew_only_the_end_is_parsed(self, table, cache, parsed, patient):
        path = table(HEADER + rows(0, 1000))
        read_curve(path, "a", "time-step", cache)
        for last in (1010, 1500, 1501):
            with path.open("a") as file:
                file.write(rows(last - 10 if last == 1010 else 1010 if last == 1500 else 1500, last))
            parsed.clear()
            x, y = read_curve(path, "a", "time-step", cache)
            assert (x.tolist(), y.tolist()) == (list(range(last)), [step + 0.5 for step in range(last)])
            assert 0 < sum(parsed) < 10_000

    def test_an_unterminated_row_counts_once_it_is_whole(self, table, cache, patient):
        path = table(HEADER + "1,2,0\n3,4,1")
        assert read_curve(path, "a", "time-step", cache).y.tolist() == [1]
        with path.open("a") as file:
            file.write("2\n5,6,13\n")
        x, y = read_curve(path, "a", "time-step", cache)
        assert (x.tolist(), y.tolist()) == ([0, 12, 13], [1, 3, 5])

    def test_one_changed_digit_is_noticed_though_size_and_time_are_the_same(self, table, cache):
        path = table(HEADER + rows(0, 1000))
        read_curve(path, "a", "time-step", cache)
        with path.open("r+b") as file:
            file.seek(len(HEADER))
            file.write(b"7")
        os.utime(path, (1.7e9, 1.7e9))
        assert read_curve(path, "a", "time-step", cache).y[0] == 7.5

    def test_a_change_within_one_tick_of_the_clock_is_noticed(self, table, cache, monkeypatch):
        path = table(HEADER + "1,2,0\n", settled=False)
        same = curve_cache.Source.of(path.stat())
        monkeypatch.setattr(curve_cache.Source, "of", lambda _: same)
        assert read_curve(path, "a", "time-step", cache).y.tolist() == [1]
        path.write_text(HEADER + "3,2,0\n", encoding="ascii")
        assert read_curve(path, "a", "time-step", cache).y.tolist() == [3]

    def test_a_replaced_truncated_or_widened_file_is_read_anew(self, table, cache, patient):
        path = table(HEADER + rows(0, 50))
        read_curve(path, "a", "time-step", cache)
        table(HEADER + rows(10, 20))
        assert read_curve(path, "a", "time-step", cache).x.tolist() == list(range(10, 20))
        table("new,b,a,time-step\n" + "9,2,1,0\n" * 40)
        assert read_curve(path, "a", "time-step", cache).y.tolist() == [1]

    def test_two_metrics_never_meet(self, table, cache, patient):
        names = ["perf/train_mse/loss", "perf/eval_mse/loss", "perf/x_mse/loss", "a" * 300, "a" * 301, "../../a"]
        path = table(",".join([*names, "time-step"]) + "\n" + ",".join(map(str, range(len(names)))) + ",0\n")
        for _ in range(2):
            assert [read_curve(path, name, "time-step", cache).y.tolist() for name in names] == [[n] for n in range(6)]

    def test_columns_that_were_read_at_different_lengths_fit_together(self, table, cache, patient):
        path = table(HEADER + rows(0, 100))
        read_curve(path, "a", "time-step", cache)
        with path.open("a") as file:
            file.write(rows(100, 300))
        assert len(read_curve(path, "b", "time-step", cache).x) == 300
        assert len(read_curve(path, "a", "b", cache).x) == 300

    @pytest.mark.parametrize("damage", [b"", b"{}\n", b"garbage", None])
    def test_a_damaged_cache_is_no_cache(self, table, cache, tmp_path, damage, patient):
        path = table(HEADER + rows(0, 10))
        expected = read_curve(path, "a", "time-step", cache).y.tolist()
        files = list((tmp_path / "cache").iterdir())
        assert len(files) == 2
        for file in files:
            content = file.read_bytes()
            file.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:] if damage is None else damage)
        assert read_curve(path, "a", "time-step", cache).y.tolist() == expected

    def test_a_cached_file_says_what_it_is_and_holds_plain_numbers(self, table, cache, tmp_path, patient):
        import json

        read_curve(table(HEADER + rows(0, 10)), "a", "time-step", cache)
        held = {}
        for file in (tmp_path / "cache").iterdir():
            line, _, numbers = file.read_bytes().partition(b"\n")
            held[json.loads(line)["column"]] = np.frombuffer(numbers, "<f8").tolist()
            assert (len(line) + 1) % 8 == 0
        assert held == {"a": [step + 0.5 for step in range(10)], "time-step": list(range(10))}

    def test_it_stays_within_its_size_and_the_oldest_go_first(self, tmp_path, table, patient):
        small = CurveCache([tmp_path / "cache"], largest=3000)
        path = table(HEADER + rows(0, 100))
        for number in range(5):
            other = path.with_name(f"{number}.csv")
            other.write_bytes(path.read_bytes())
            read_curve(other, "a", "time-step", small)
            assert sum(file.stat().st_size for file in (tmp_path / "cache").iterdir()) <= 3000
        assert small.load(str(other), "a") is not None

    def test_it_is_in_the_data_root_and_never_in_a_run_s_directory(self, data_root):
        run = recorded(data_root)
        before = sorted(run.paths.log.rglob("*"))
        run.curve("return")
        assert len(list((data_root / ".rla/cache/curves").iterdir())) == 2
        assert sorted(run.paths.log.rglob("*")) == before

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_read_only_root_is_cached_for_the_user(self, data_root, tmp_path):
        run = recorded(data_root)
        (data_root / ".rla").chmod(0o500)
        run.curve("return")
        (data_root / ".rla").chmod(0o700)
        assert len(list((tmp_path / "cache/rla/curves").iterdir())) == 2

    def test_where_the_root_s_cache_cannot_be_made_the_user_s_is_used(self, data_root, tmp_path):
        run = recorded(data_root)
        (data_root / ".rla/cache").write_text("in the way", encoding="ascii")
        assert run.curve("return")[1].tolist() == [1.5]
        assert len(list((tmp_path / "cache/rla/curves").iterdir())) == 2
        assert run.curve("return")[1].tolist() == [1.5]

    def test_where_nothing_can_be_written_values_are_read_all_the_same(self, table, tmp_path):
        (tmp_path / "file").write_text("", encoding="ascii")
        cache = CurveCache([tmp_path / "file" / "cache"])
        assert read_curve(table(HEADER + "1,2,0\n"), "a", "time-step", cache).y.tolist() == [1]


def recorded(data_root: Path, values=((1, {"return": 1.5}),), **hyperparameters: object):
    with rla.init("demo", hyperparameters, data_root=data_root, log_used=["csv"]) as made:
        for step, dump in values:
            time_step_holder.set_time(step)
            logger.logkvs(dump)
            logger.dump_tabular()
    return query(data_root, uids=[made.uid]).one()


class TestManyRuns:
    def test_each_run_gives_what_it_has(self, data_root):
        runs = [recorded(data_root, [(1, {"a": 1.0}), (2, {"a": 2.0, "b": 5.0})]), recorded(data_root)]
        for _ in range(2):
            first, second = read_curves(runs, ["a", "b"])
            assert {key: (c.x.tolist(), c.y.tolist()) for key, c in first.curves.items()} == {
                "a": ([1, 2], [1, 2]),
                "b": ([2], [5]),
            }
            assert (second.curves, second.damage, "return" in second.keys) == ({}, "", True)

    def test_a_run_that_cannot_be_read_says_why_and_hides_no_other(self, data_root):
        runs = [recorded(data_root) for _ in range(4)]
        runs[1].paths.csv.unlink()
        runs[2].paths.csv.write_text("return,time-step\n1,2,3\n", encoding="ascii")
        found = read_curves(runs, ["return"])
        assert [len(each.curves) for each in found] == [1, 0, 0, 1]
        assert "recorded nothing as csv" in found[1].damage
        assert "more cells than there are columns" in found[2].damage

    def test_an_archived_copy_uses_the_cache_of_its_root(self, data_root):
        run = recorded(data_root)
        live = run.paths
        copy = RunPaths(data_root / "arc", live.place)
        copy.log.parent.mkdir(parents=True)
        live.log.rename(copy.log)
        directories = curve_cache.curve_cache(copy)._directories
        assert directories[0] == data_root / ".rla/cache/curves"

    def test_a_job_uses_the_cache_of_its_tree_and_so_does_its_archived_copy(self, tmp_path):
        tree = JobTreePaths(tmp_path / "experiments")
        tree.state_dir.mkdir(parents=True)
        for archived in (False, True):
            directories = curve_cache.curve_cache(tree.copy("train/0001", archived=archived))._directories
            assert directories[0] == tmp_path / "experiments/.rla-jobs/cache/curves"

    def test_without_the_file_there_is_no_curve(self, tmp_path):
        with pytest.raises(RunNotFoundError):
            read_curve(tmp_path / "progress.csv", "a", "time-step")


PEAK = """
    import sys
    from pathlib import Path

    def peak():
        # not ru_maxrss, which begins with that of the process that started this one
        return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

    import rla.runs.csv_block
    from rla.runs.curves import read_curve
    before = peak()
    curve = read_curve(Path(sys.argv[1]), "c4", "time-step")
    print(len(curve.x), peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells the peak of a process")
def test_memory_does_not_grow_with_the_text(tmp_path):
    path, count = tmp_path / "progress.csv", 1_000_000
    with path.open("wb") as file:
        file.write(b"c0,c1,c2,c3,c4,c5,c6,c7,c8,time-step\n")
        for start in range(0, count, 10_000):
            file.write(
                b"".join(
                    b"0.1234567890123456,%d.5,1,1,%d.25,1,1,1,1,%d\n" % (n, n, n) for n in range(start, start + 10_000)
                )
            )
    assert path.stat().st_size > 50e6
    text = textwrap.dedent(PEAK)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", text, str(path)], capture_output=True, text=True, env=environment, check=True
    )
    length, grown = map(int, done.stdout.split())
    assert length == count
    assert grown < 60_000, f"{grown} KiB for {count} rows"  # three arrays of 8 MB, and blocks of 1 MiB


FAULTS = """
import resource, sys
from pathlib import Path
from rla.runs.curves import read_curve
import rla.runs.csv_block
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    read_curve(Path(sys.argv[1]), "b", "a")
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators keep memory in their own way")
def test_memory_is_not_asked_of_the_system_for_every_table(tmp_path):
    path = tmp_path / "progress.csv"
    rows = (f"{number},{','.join(['0.1234567890123456'] * 10)}" for number in range(10_000))
    path.write_text("\n".join(["a,b,c,d,e,f,g,h,i,j,k", *rows, ""]), encoding="ascii")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, str(path)], capture_output=True, text=True, env=environment, check=True
    )
    assert int(done.stdout) < 20 * 500
