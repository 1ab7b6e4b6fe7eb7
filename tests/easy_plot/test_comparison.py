"""rla.compare on recorded runs."""

from __future__ import annotations

import contextlib
import json
import math
import warnings

import numpy as np
import pytest

import rla
from rla.easy_plot.bootstrap import bootstrap_estimate
from rla.easy_plot.improvement import probability_of_improvement
from rla.errors import ConfigError, PlotDataError, RlaWarning
from rla.runs.database import open_database
from tests.easy_plot.training_runs import record_run

SCORES = {"ppo": [1.0, 2.0, 3.0, 8.0], "sac": [4.0, 5.0, 6.0], "dqn": [2.5]}


@pytest.fixture
def record(data_root):
    return lambda given, values, key="return": record_run(data_root, given, values, key)


@pytest.fixture
def runs(data_root, record):
    """Three algorithms with four, three and one seed; each run ends with its score."""
    for algo, scores in SCORES.items():
        for seed, score in enumerate(scores):
            record({"algo": algo, "lr": 0.001, "seed": seed}, [0.0, score])
    return rla.query(data_root)


def test_each_group_has_its_number_of_runs_mean_and_interquartile_mean(runs):
    table = rla.compare(runs, "return", "algo").frame().set_index("algo")
    assert table["n"].to_dict() == {"dqn": 1, "ppo": 4, "sac": 3}
    assert table["mean"].to_dict() == {"dqn": 2.5, "ppo": 3.5, "sac": 5.0}
    assert table["iqm"].to_dict() == {"dqn": 2.5, "ppo": 2.5, "sac": 5.0}


def test_runs_that_go_on_from_each_other_count_once(data_root):
    config = {"DL_FRAMEWORK": "numpy", "LOG_USED": ["csv"]}
    with rla.init("task", {"algo": "ppo", "seed": 1}, data_root=data_root, config=config):
        rla.logger.record_tabular("return", 1.0)
        rla.logger.dump_tabular()
        rla.exp_manager.save_checkpoint({"w": np.zeros(1)})
    with rla.resume("last", data_root=data_root, config=config):
        rla.time_step_holder.set_time(1)
        rla.logger.record_tabular("return", 5.0)
        rla.logger.dump_tabular()
    row = rla.compare(rla.query(data_root), "return", "algo").frame().iloc[0]
    assert (row["n"], row["mean"]) == (1, 5.0)


def test_the_interval_is_that_of_the_chosen_estimate(runs):
    table = rla.compare(runs, "return", "algo", estimate="median", level=0.8, resamples=500, seed=3).frame()
    expected = bootstrap_estimate(SCORES["ppo"], "median", level=0.8, resamples=500, seed=3)
    row = table[table["algo"] == "ppo"].iloc[0]
    assert (row["median"], row["low"], row["high"]) == (2.5, expected.low, expected.high)


def test_one_run_has_no_interval_and_says_so(runs):
    table = rla.compare(runs, "return", "algo")
    row = table.frame().iloc[0]
    assert (row["algo"], math.isnan(row["low"]), math.isnan(row["high"])) == ("dqn", True, True)
    assert "algo=dqn: one run: no interval" in table.notes()


def test_each_group_is_compared_with_the_baseline(runs):
    table = rla.compare(runs, "return", "algo", baseline={"algo": "ppo"}).frame().set_index("algo")
    expected = probability_of_improvement(SCORES["sac"], SCORES["ppo"])
    assert table.loc["sac", "p_improvement"] == pytest.approx(9 / 12)
    assert (table.loc["sac", "p_low"], table.loc["sac", "p_high"]) == (expected.low, expected.high)
    assert table.loc["dqn", "p_improvement"] == pytest.approx(2 / 4)
    assert math.isnan(table.loc["ppo", "p_improvement"])


def test_where_low_is_good_the_probability_and_the_order_turn(runs):
    table = rla.compare(runs, "return", "algo", baseline="algo=ppo", lower_is_better=True, estimate="mean")
    assert table.frame().set_index("algo").loc["sac", "p_improvement"] == pytest.approx(3 / 12)
    assert [group.label for group in table.best_first()] == ["algo=dqn", "algo=ppo", "algo=sac"]


def test_the_best_group_comes_first(runs):
    table = rla.compare(runs, "return", "algo", estimate="mean").best_first(2)
    assert [group.label for group in table] == ["algo=sac", "algo=ppo"]


@pytest.mark.parametrize("baseline", [{"lr": 0.001}, "lr=1e-3", "lr=0.001"])
def test_a_baseline_is_named_by_value_or_as_text(data_root, record, baseline):
    for lr in (0.001, 0.01):
        for seed in range(2):
            record({"lr": lr, "seed": seed}, [lr + seed])
    table = rla.compare(rla.query(data_root), "return", ["lr"], baseline=baseline)
    assert table.groups[0].improvement is None
    assert table.groups[1].improvement.value == pytest.approx(3 / 4)
    assert table.frame()["lr"].tolist() == [0.001, 0.01]


@pytest.mark.parametrize(
    ("baseline", "words"),
    [
        ("algo=a2c", "no group is the baseline algo=a2c; the groups are algo=dqn; algo=ppo; algo=sac"),
        ({"lr": 0.001}, "no group is the baseline lr=0.001"),
        ({"algo": "ppo", "lr": 0.001}, "no group is"),
        ({}, None),
    ],
)
def test_a_baseline_that_is_no_group_is_refused_with_those_there_are(runs, baseline, words):
    if words is None:
        assert rla.compare(runs, "return", "algo", baseline=baseline).baseline is None
        return
    with pytest.raises(PlotDataError, match=words):
        rla.compare(runs, "return", "algo", baseline=baseline)


def test_a_baseline_that_names_some_keys_is_the_group_that_shares_the_others(data_root, record):
    for algo, lr, scores in (("ppo", 1, (1, 2)), ("ppo", 2, (5, 6)), ("sac", 1, (3, 4)), ("sac", 2, (3, 4))):
        for seed, score in enumerate(scores):
            record({"algo": algo, "lr": lr, "seed": seed}, [float(score)])
    record({"algo": "sac", "lr": 3, "seed": 0}, [9.0])
    table = rla.compare(rla.query(data_root), "return", "algo,lr", baseline="algo=ppo")
    found = table.frame().set_index(["algo", "lr"])["p_improvement"]
    assert (found["sac", 1], found["sac", 2]) == (1.0, 0.0)
    assert found[[("ppo", 1), ("ppo", 2), ("sac", 3)]].isna().all()
    whole = rla.compare(rla.query(data_root), "return", "algo,lr", baseline={"algo": "ppo", "lr": 2}).frame()
    assert whole["p_improvement"].tolist()[:1] == [0.0]


def test_a_baseline_of_another_form_is_refused(runs):
    with pytest.raises(ConfigError, match=r"'ppo'.*lr=0.1,algo=ppo"):
        rla.compare(runs, "return", "algo", baseline="ppo")


# --- which runs count


def test_runs_without_a_usable_score_are_listed_and_warned_of_and_do_not_count(data_root, record):
    good = [record({"algo": "ppo", "seed": seed}, [1.0, 2.0]) for seed in range(2)]
    nan = record({"algo": "ppo", "seed": 2}, [1.0, math.nan])
    other = record({"algo": "ppo", "seed": 3}, [1.0], key="other")
    text = record({"algo": "ppo", "seed": 4}, ["high"])
    with pytest.warns(RlaWarning, match="3 runs left out"):
        table = rla.compare(rla.query(data_root), "return", "algo")
    (group,) = table
    assert sorted(run.uid for run in group.runs) == sorted(good)
    reasons = {each.run.uid: each.reason for each in table.left_out}
    assert reasons == {
        nan: "its 'return' ended as NaN",
        other: "it recorded no 'return'",
        text: "its 'return' is no number: 'high'",
    }
    assert all(uid[:8] in table.notes()[-1] for uid in reasons)


def test_a_damaged_run_is_listed_and_does_not_count(data_root, record):
    record({"algo": "ppo", "seed": 0}, [1.0])
    damaged = record({"algo": "ppo", "seed": 1}, [5.0])
    database = open_database(data_root)
    database.find(damaged).require_paths().manifest.write_text("{ torn", encoding="utf-8")
    database.table.update(damaged, damaged="run.json cannot be read")
    with pytest.warns(RlaWarning, match="it is damaged: run.json cannot be read"):
        table = rla.compare(rla.query(data_root), "return", "algo")
    assert table.frame()["n"].tolist() == [1]


def test_the_same_seed_twice_counts_twice_and_is_told(data_root, record):
    for score in (1.0, 3.0):
        record({"algo": "ppo", "seed": 7}, [score])
    with pytest.warns(RlaWarning, match="2 runs.* have seed=7"):
        table = rla.compare(rla.query(data_root), "return", "algo")
    assert table.frame()["n"].tolist() == [2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rla.compare(rla.query(data_root), "return", "algo", seeds=None)


def test_the_score_may_be_the_mean_over_the_last_part_of_the_curve(data_root, record):
    record({"seed": 0}, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 5.0, 7.0])  # steps 0 to 1000
    record({"seed": 1}, [100.0, math.nan, 2.0])  # steps 0 to 200
    table = rla.compare(rla.query(data_root), "return", (), score=0.2)
    assert sorted(table.groups[0].scores[""].tolist()) == [2.0, 5.0]
    assert "means over the last 20 %" in table.caption()
    whole = rla.compare(rla.query(data_root), "return", (), score=1)
    assert sorted(whole.groups[0].scores[""].tolist()) == pytest.approx([15 / 11, 51.0])


@pytest.mark.parametrize("score", [0, 1.5, "first", -0.1])
def test_another_kind_of_score_is_refused(runs, score):
    with pytest.raises(ConfigError, match="give 'last', or a part"):
        rla.compare(runs, "return", "algo", score=score)


def test_a_run_that_is_given_twice_counts_once(runs):
    assert rla.compare([*runs, *runs], "return", "algo").json() == rla.compare(runs, "return", "algo").json()


def test_runs_that_have_not_finished_count_and_are_told(data_root, record):
    record({"seed": 0}, [1.0])
    with contextlib.suppress(KeyError), rla.init("demo", {"seed": 1}, data_root=data_root, log_used=["csv"]):
        rla.logger.record_tabular("return", 3.0)
        rla.logger.dump_tabular()
        raise KeyError
    table = rla.compare(rla.query(data_root), "return", ())
    assert table.frame()["mean"].tolist() == [2.0]
    assert table.notes() == ["not all runs have finished (1 failed); they count with what they have"]


def test_runs_that_were_not_trained_for_equally_long_are_told(data_root, record):
    record({"seed": 0}, [1.0] * 11)
    record({"seed": 1}, [1.0] * 6)
    (note,) = rla.compare(rla.query(data_root), "return", ()).notes()
    assert note == "the runs end at time steps 500 to 1000: they were not trained for equally long"


def test_every_form_of_selection_gives_the_same_table(runs, data_root, monkeypatch):
    monkeypatch.setenv("RLA_DATA_ROOT", str(data_root))
    forms = [runs, list(runs), {"data_root": data_root, "task": "demo"}, "lr == 0.001"]
    tables = [rla.compare(form, "return", "algo").json() for form in forms]
    assert len(set(tables)) == 1


# --- groups and environments


def test_without_group_by_runs_are_grouped_by_everything_that_differs_but_the_seed(runs):
    table = rla.compare(runs, "return")
    assert table.group_by == ("algo",)
    assert len(table) == 3


def test_with_nothing_to_group_by_all_runs_are_one_group(runs):
    table = rla.compare(runs, "return", (), seeds=None)
    assert [group.label for group in table] == ["all runs"]
    assert table.frame()["n"].tolist() == [8]


def test_groups_stand_in_the_order_of_their_numbers(data_root, record):
    for lr in (10, 9, 0.5):
        record({"net": {"lr": lr}}, [1.0])
    frame = rla.compare(rla.query(data_root), "return", "net.lr").frame()
    assert frame["net.lr"].tolist() == [0.5, 9, 10]


@pytest.fixture
def two_environments(data_root, record):
    for algo, bonus in (("ppo", 0.0), ("sac", 1.0)):
        for environment, size in (("Ant", 1.0), ("Hopper", 100.0)):
            for seed in range(3):
                record({"algo": algo, "env_id": environment, "seed": seed}, [size * (seed + bonus)])
    return rla.query(data_root)


def test_runs_of_several_environments_are_normalised_and_drawn_within_each(two_environments):
    references = {"Ant": (0.0, 2.0), "Hopper": (0.0, 200.0)}
    table = rla.compare(
        two_environments, "return", "algo", environment="env_id", references=references, baseline="algo=ppo"
    )
    frame = table.frame().set_index("algo")
    assert frame["n"].tolist() == [6, 6]
    assert frame["mean"].tolist() == [0.5, 1.0]
    expected = bootstrap_estimate({"Ant": [0.0, 0.5, 1.0], "Hopper": [0.0, 0.5, 1.0]}, "iqm")
    assert (frame.loc["ppo", "low"], frame.loc["ppo", "high"]) == (expected.low, expected.high)
    # of nine pairs with 1, 2, 3 against 0, 1, 2 six are won and two are ties, in either environment
    assert frame.loc["sac", "p_improvement"] == pytest.approx(7 / 9)


def test_references_without_an_environment_are_refused(runs):
    with pytest.raises(ConfigError, match="environment is not"):
        rla.compare(runs, "return", "algo", references={"Ant": (0, 1)})


def test_an_environment_without_references_is_named(two_environments):
    with pytest.raises(PlotDataError, match="no reference scores of 'Hopper'"):
        rla.compare(two_environments, "return", "algo", environment="env_id", references={"Ant": (0, 1)})


def test_an_environment_that_only_one_group_has_is_not_compared_and_told(two_environments, data_root, record):
    record({"algo": "sac", "env_id": "Walker", "seed": 0}, [1.0])
    table = rla.compare(rla.query(data_root), "return", "algo", environment="env_id", baseline="algo=ppo")
    assert table.frame().set_index("algo").loc["sac", "p_improvement"] == pytest.approx(7 / 9)
    assert "algo=sac: P: 1 environments that only one has are not compared" in table.notes()


# --- mistakes


def test_a_metric_that_nobody_recorded_is_named_with_the_nearest(runs):
    for score in ("last", 0.5):
        with pytest.raises(PlotDataError, match=r"no run recorded 'retrun'; did you mean return\?"):
            rla.compare(runs, "retrun", "algo", score=score)


def test_a_key_that_no_run_has_is_named_with_the_nearest(runs):
    for wrong in ({"group_by": "alg"}, {"group_by": "lr", "environment": "alg"}, {"group_by": "lr", "seeds": "alg"}):
        with pytest.raises(PlotDataError, match=r"no run has a hyperparameter 'alg'; did you mean algo\?"):
            rla.compare(runs, "return", **wrong)


def test_a_selection_of_no_run_is_refused(data_root, runs):
    with pytest.raises(PlotDataError, match="no run"):
        rla.compare(rla.query(data_root, task="nosuch"), "return")


def test_only_runs_without_a_score_are_refused_with_the_reason(data_root, record):
    record({"seed": 1}, [math.nan])
    with pytest.raises(PlotDataError, match="ended as NaN"):
        rla.compare(rla.query(data_root), "return")


@pytest.mark.parametrize("wrong", [{"estimate": "best"}, {"level": 95}, {"resamples": 0}])
def test_settings_that_make_no_sense_are_refused(runs, wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        rla.compare(runs, "return", "algo", **wrong)


# --- forms


def test_the_json_has_every_score_and_no_nan(runs):
    table = json.loads(rla.compare(runs, "return", "algo", baseline="algo=ppo").json())
    row = table["groups"][0]
    assert (row["values"], row["n"], row["low"], row["scores"]) == ({"algo": "dqn"}, 1, None, {"": [2.5]})
    assert (row["iqm"], row["p_improvement"]) == (2.5, 0.5)
    assert [len(group["runs"]) for group in table["groups"]] == [1, 4, 3]
    assert table["notes"] == rla.compare(runs, "return", "algo", baseline="algo=ppo").notes()


def test_the_same_arguments_give_the_same_table(runs):
    made = [rla.compare(runs, "return", "algo", resamples=50, seed=seed).json() for seed in (0, 0, 1)]
    assert made[0] == made[1]
    assert made[0] != made[2]


@pytest.fixture
def evil(data_root, record):
    record({"algo_name": "<b>a|b</b>_$x$ & 100%\\end", "seed": 0}, [1.0])
    record({"algo_name": "plain", "seed": 0}, [12345.678])
    return rla.compare(rla.query(data_root), "return", "algo_name")


def test_latex_is_escaped_and_tells_above_what_the_numbers_are(evil):
    lines = evil.latex().splitlines()
    assert lines[0] == "% return: last values; low and high: 95 % bootstrap interval of the IQM"
    assert "\\textless{}b\\textgreater{}a\\textbar{}b" in evil.latex()
    assert "\\_\\$x\\$ \\& 100\\%\\textbackslash{}end & 1 & 1 & 1 &  &  \\\\" in evil.latex()
    assert "algo\\_name & n & mean & IQM & low & high \\\\" in lines
    assert "plain & 1 & 12350 & 12350 &  &  \\\\" in lines


def test_markdown_is_escaped_and_tells_below_what_the_numbers_are(evil):
    lines = evil.markdown().splitlines()
    assert lines[0] == "| algo\\_name | n | mean | IQM | low | high |"
    assert lines[2].startswith("| \\<b\\>a\\|b\\</b\\>\\_\\$x\\$ \\& 100%\\\\end | 1 | 1 |")
    assert lines[5].startswith("return: last values")
    assert "algo\\_name=plain: one run: no interval" in lines


def test_html_is_escaped_and_runs_nothing(evil):
    shown = evil._repr_html_()
    assert "<b>" not in shown
    assert "&lt;b&gt;a|b&lt;/b&gt;" in shown
    assert "one run: no interval" in shown


def test_a_key_with_the_name_of_a_number_keeps_its_own_column(data_root, record):
    for n in (1, 2):
        record({"n": n, "mean": 5}, [float(n)])
    table = rla.compare(rla.query(data_root), "return", "n,mean")
    assert table.frame()[["hp.n", "hp.mean", "n", "mean"]].to_numpy().tolist() == [[1, 5, 1, 1.0], [2, 5, 1, 2.0]]
    assert table.head()[:4] == ["hp.n", "hp.mean", "n", "mean"]


def test_its_text_says_what_it_is(runs):
    assert repr(rla.compare(runs, "return", "algo")).startswith("<3 groups; return: last values; low and high: 95 %")


def test_numbers_are_finite_or_missing_and_in_order(runs):
    frame = rla.compare(runs, "return", "algo", estimate="mean").frame()
    there = frame["low"].notna()
    assert (frame.loc[there, "low"] <= frame.loc[there, "mean"]).all()
    assert (frame.loc[there, "mean"] <= frame.loc[there, "high"]).all()
    assert np.isfinite(frame["mean"]).all()
