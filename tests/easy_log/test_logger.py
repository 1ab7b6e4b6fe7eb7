"""The functions of rla.logger, through a real run."""

from __future__ import annotations

import json
import math

import pytest

import rla
from rla import logger, time_step_holder
from tests.conftest import csv_rows


@pytest.fixture
def run(data_root):
    with rla.init("t", {"seed": 1}, data_root=data_root, log_used=["csv", "json", "log", "tensorboard"]) as run:
        yield run


def dumped(run) -> list[dict[str, str]]:
    logger.dump_tabular()
    return csv_rows(run.paths.csv)


def test_the_last_value_of_a_key_before_a_dump_wins(run):
    logger.record_tabular("k", 1.0)
    logger.record_tabular("k", 2.0)
    assert dumped(run)[0]["k"] == "2.0"


def test_a_dump_returns_the_row_and_clears_it(run):
    time_step_holder.set_time(3)
    logger.record_tabular("k", 1.0)
    row = logger.dump_tabular()
    assert (row["k"], row["time-step"]) == (1.0, 3)
    assert logger.getkvs() == {}


def test_a_dump_with_nothing_recorded_writes_nothing(run):
    assert logger.dump_tabular() == {}
    assert not run.paths.csv.read_bytes()


def test_logkv_mean_is_the_mean_since_the_last_dump(run):
    for value in (1.0, 2.0, 6.0):
        logger.logkv_mean("k", value)
    assert dumped(run)[0]["k"] == "3.0"
    logger.logkv_mean("k", 10.0)
    assert dumped(run)[1]["k"] == "10.0"


def test_the_moving_average_begins_when_its_window_is_full(run):
    for value in (1.0, 2.0):
        logger.ma_record_tabular("k", value, record_len=3)
    assert logger.getkvs() == {}
    logger.ma_record_tabular("k", 6.0, record_len=3)
    assert logger.getkvs() == {"k": 3.0}
    logger.ma_record_tabular("k", 4.0, record_len=3)
    assert logger.getkvs() == {"k": 4.0}


def test_ignore_nan_keeps_nan_out_of_the_average(run):
    for value in (1.0, math.nan, 3.0):
        logger.ma_record_tabular("clean", value, record_len=2, ignore_nan=True)
        logger.ma_record_tabular("plain", value, record_len=2)
    assert logger.getkvs()["clean"] == 2.0
    assert math.isnan(logger.getkvs()["plain"])


def test_logkvs_puts_a_prefix_before_each_key(run):
    logger.logkvs({"a": 1, "b": 2}, prefix="train/")
    logger.log_key_value(["c"], [3], prefix_name="eval/")
    assert logger.getkvs() == {"train/a": 1, "train/b": 2, "eval/c": 3}


@pytest.mark.parametrize("exclude", ["csv", ("csv", "json")])
def test_an_excluded_format_does_not_get_the_key(run, exclude):
    logger.record_tabular("shown", 1)
    logger.record_tabular("hidden", 2, exclude=exclude)
    assert set(dumped(run)[0]) == {"shown", "time-step", "timestamp"}
    assert "hidden" in run.paths.text.read_text()
    assert ("hidden" in json.loads(run.paths.json.read_text())) == (exclude == "csv")


def test_an_exclusion_lasts_for_one_dump(run):
    logger.record_tabular("k", 1, exclude="csv")
    logger.dump_tabular()
    logger.record_tabular("k", 2)
    assert dumped(run)[-1]["k"] == "2"


def test_freq_records_only_when_the_time_step_has_moved_that_far(run):
    for step in (0, 5, 9, 10, 15, 20):
        time_step_holder.set_time(step)
        logger.record_tabular("often", step)
        logger.record_tabular("seldom", step, freq=10)
        logger.dump_tabular()
    assert [row["seldom"] for row in csv_rows(run.paths.csv)] == ["0", "", "", "10", "", "20"]


def test_lines_go_where_their_level_says(run):
    logger.debug("unseen")
    logger.info("plain")
    time_step_holder.set_time(12)
    logger.warn("careful", 3)
    logger.warn()
    logger.error("broken")
    logger.backup("kept")
    assert run.paths.text.read_text() == "plain\n[WARN] 12 : careful 3\n[WARN] 12 :\nbroken\n"
    assert run.paths.warnings.read_text() == "[WARN] 12 : careful 3\n[WARN] 12 :\nbroken\n"
    assert run.paths.backup.read_text().splitlines()[1:] == ["[BACKUP] 12 : kept"]


def test_the_level_decides_which_lines_are_written(run):
    logger.set_level(logger.DEBUG)
    logger.debug("seen")
    logger.set_level(logger.DISABLED)
    logger.error("unseen")
    assert run.paths.text.read_text() == "seen\n"


def test_the_stdout_table_appears_only_when_asked_for(data_root, capsys):
    rla.init("t", data_root=data_root)
    logger.record_tabular("k", 1)
    logger.dump_tabular()
    assert capsys.readouterr().out == ""
    rla.init("t", data_root=data_root, log_used=["stdout"])
    logger.record_tabular("k", 1)
    logger.dump_tabular()
    assert "| k " in capsys.readouterr().out


def test_the_time_step_can_be_moved_before_any_run_and_starts_at_0_with_one(script):
    done = script(
        """
        import tempfile, rla
        from rla import logger, time_step_holder
        time_step_holder.set_time(5); time_step_holder.add_time(10); time_step_holder.inc_time()
        assert time_step_holder.get_time() == logger.get_time() == 16
        with rla.init("t", data_root=tempfile.mkdtemp()):
            assert logger.get_time() == 0
            logger.set_time(3)
            assert time_step_holder.get_time() == 3
        """
    )
    assert done.stderr == ""


def test_time_steps_may_come_in_any_order(run):
    for step in (10, 3, -2):
        time_step_holder.set_time(step)
        logger.record_tabular("k", step)
        logger.dump_tabular()
    assert [row["time-step"] for row in csv_rows(run.paths.csv)] == ["10", "3", "-2"]


@pytest.mark.parametrize("step", [math.nan, None, "ten"])
def test_a_time_step_that_is_no_number_is_told_and_passed_over(run, step):
    time_step_holder.set_time(3)
    with pytest.warns(rla.errors.RlaWarning, match="the time step stays 3"):
        time_step_holder.set_time(step)
    assert time_step_holder.get_time() == 3


class Unprintable:
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


def test_no_value_raises_and_each_odd_key_is_told_once(run, recwarn):
    torch = pytest.importorskip("torch")
    odd = {"list": [1], "dict": {"a": 1}, "object": Unprintable(), "complex": 1j}
    fine = {"nan": math.nan, "inf": -math.inf, "bool": True, "none": None, "text": "x,\n\"'", "huge": 10**40}
    fine |= {"half": torch.tensor(0.5, dtype=torch.float16), "brain": torch.tensor(0.25, dtype=torch.bfloat16)}
    for _ in range(3):
        logger.logkvs({**odd, **fine})
        logger.record_tabular(Unprintable(), 1)
        logger.dump_tabular()
    row = csv_rows(run.paths.csv)[2]
    assert (row["nan"], row["inf"], row["bool"], row["none"], row["text"]) == ("NaN", "-inf", "1", "", "x,\n\"'")
    assert (row["half"], row["brain"], float(row["huge"])) == ("0.5", "0.25", 1e40)
    assert row["<unprintable Unprintable>"] == "1"
    assert len([w for w in recwarn if w.category is rla.errors.RlaWarning]) == len(odd)


def test_nothing_is_lost_in_any_of_this(run):
    logger.logkvs({"a": math.nan, "b": "x", "c": None, "d": 10**400})
    logger.dump_tabular()
    run.close()
    assert json.loads(run.paths.state.read_text())["lost"] == {}


def test_values_recorded_by_many_threads_are_all_there(run):
    import threading

    def record(thread: int) -> None:
        for count in range(500):
            logger.record_tabular(f"key/{thread}", count)
            logger.dump_tabular()

    threads = [threading.Thread(target=record, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logger.dump_tabular()
    rows = csv_rows(run.paths.csv)
    for thread in range(4):
        recorded = [row[f"key/{thread}"] for row in rows if row.get(f"key/{thread}")]
        assert recorded == [str(n) for n in range(500)]


@pytest.mark.parametrize("key", [3, None, ("a", 1), [1], Unprintable()], ids=lambda key: type(key).__name__)
def test_a_key_may_be_anything_and_is_recorded_as_its_text(run, key):
    logger.record_tabular(key, 1)
    logger.logkv_mean(key, 2)
    logger.ma_record_tabular(key, 3, record_len=1)
    with pytest.warns(rla.errors.RlaWarning, match="not a number"):
        logger.logkv_mean(key, "x")
    (name,) = logger.getkvs()
    assert name == (str(key) if not isinstance(key, Unprintable) else "<unprintable Unprintable>")
