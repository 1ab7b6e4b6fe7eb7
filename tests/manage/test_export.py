"""Runs as tables for other programs."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

import rla
from rla.core import json_codec
from rla.errors import ConfigError, SelectionError
from rla.manage import annotate
from rla.manage.export import export, table, write_export
from rla.runs.query import query
from tests.indexes import open_database


@pytest.fixture
def record(data_root):
    def run(**hyperparameters: object) -> str:
        with rla.init("demo", hyperparameters, data_root=data_root) as run:
            rla.logger.record_tabular("reward", 1.5)
            rla.logger.dump_tabular()
        return run.uid

    return run


@pytest.fixture
def exported(data_root):
    return lambda kind, columns=None: export(query(data_root), kind, columns)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_row_holds_the_run_its_hyperparameters_and_its_last_values(record, exported):
    uid = record(lr=0.1, net={"layers": [64, 64]})
    (row,) = rows_of(exported("csv"))
    assert (row["uid"], row["state"], row["lr"], row["net.layers"]) == (uid, "finished", "0.1", "[64,64]")
    assert row["summary.reward"] == "1.5"


def test_the_hyperparameters_of_all_runs_stand_before_any_value(record, data_root):
    record(a=1)
    record(b=2)
    columns, rows = table(query(data_root))
    assert columns[-3:] == ["b", "a", "summary.reward"]
    assert [row[-3:-1] for row in rows] == [[2, None], [None, 1]]


def test_a_hyperparameter_with_the_name_of_a_column_is_told_apart(record, exported):
    record(task="mine", name="n")
    (row,) = json.loads(exported("json"))
    assert (row["task"], row["hp.task"], row["hp.name"]) == ("demo", "mine", "n")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_text_is_a_formula_in_a_spreadsheet(record, exported, data_root, first):
    text = f"{first}cmd|' /C calc'!A0"
    uid = record(**{"evil": text, text: 1})
    annotate.tag(open_database(data_root), [uid], add=["=tag"])
    annotated = exported("csv")
    for cell in (cell for row in csv.reader(io.StringIO(annotated, newline="")) for cell in row):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"))
    (row,) = rows_of(annotated)
    assert (row["evil"], row["tags"]) == (f"'{text}", "'=tag")


def test_numbers_stay_numbers(record, exported):
    record(negative=-1.5, whole=-7, small=1e-300, nothing=None, truth=True, odd=float("nan"), big=2**80)
    (row,) = rows_of(exported("csv"))
    values = [row[key] for key in ("negative", "whole", "small", "nothing", "truth", "odd", "big")]
    assert values == ["-1.5", "-7", "1e-300", "", "True", "NaN", str(2**80)]
    assert '"-1.5"' not in exported("csv")


def test_a_text_with_quotes_separators_and_lines_comes_back(record, exported):
    text = 'a "b", c; d\ne'
    record(text=text)
    (row,) = rows_of(exported("csv"))
    assert row["text"] == text
    assert '"a ""b"", c; d\ne"' in exported("csv")


def test_pandas_reads_the_csv_as_it_was(record, exported):
    import pandas as pd

    record(lr=0.1, seed=3, env="Hopper")
    frame = pd.read_csv(io.StringIO(exported("csv")))
    assert (frame["lr"][0], frame["seed"][0], frame["env"][0]) == (0.1, 3, "Hopper")


def test_json_holds_every_value_exactly(record, exported):
    given = {"nan": float("nan"), "big": 2**80, "list": [1, None], "text": "=1"}
    record(**given)
    (row,) = json_codec.loads(exported("json"))
    assert str({key: row[key] for key in given}) == str(given)


def test_latex_is_a_booktabs_table(record, exported):
    record(lr=1e-5, env="Hopper_v4")
    text = exported("latex", ["lr", "env", "summary.reward"])
    assert text.splitlines() == [
        "% \\usepackage{booktabs}",
        "\\begin{tabular}{rlr}",
        "\\toprule",
        "lr & env & summary.reward \\\\",
        "\\midrule",
        "$1 \\times 10^{-5}$ & Hopper\\_v4 & 1.5 \\\\",
        "\\bottomrule",
        "\\end{tabular}",
    ]


def test_no_text_is_a_command_of_tex(record, exported):
    evil = '\\input{/etc/passwd} $x$ & % # _ ^ ~ {a}\n\\\\ [1] * <b> | " -- ``'
    record(evil=evil)
    line = exported("latex", ["evil", "state"]).splitlines()[-3]
    left = re.sub(r"\\text\w+\{\}|\\[&%$#_{}]|\{[\[\]*`'\"?!-]\}", "", line.removesuffix(" & finished \\\\"))
    assert not set(left) & set('\\{}$&%#_^~<>|[]*"`-')


def test_a_first_cell_in_brackets_is_no_argument_of_the_line_above(record, exported):
    record(layers=[64])
    assert "\n{[}64{]} \\\\" in exported("latex", ["layers"])


@pytest.mark.parametrize(
    ("value", "text"), [(-1, "$-1$"), (float("inf"), "$\\infty$"), (float("nan"), "NaN"), (7, "7")]
)
def test_numbers_are_set_as_numbers(record, exported, value, text):
    record(x=value)
    assert exported("latex", ["x"]).splitlines()[-3] == f"{text} \\\\"


@pytest.mark.parametrize("kind", ["csv", "json", "latex"])
def test_what_no_encoding_has_hinders_no_export(record, exported, kind):
    record(odd="\ud800\0\x1b", huge=10**4000)
    exported(kind).encode("utf-8")


def test_an_unknown_column_is_named_with_the_nearest(record, exported):
    record(learning_rate=0.1)
    with pytest.raises(SelectionError, match="did you mean learning_rate"):
        exported("csv", ["learnin_rate"])


def test_an_unknown_format_is_named_with_those_there_are(record, exported):
    record()
    with pytest.raises(ConfigError, match="csv, json, latex"):
        exported("xlsx")


def test_a_file_that_is_there_stays_unless_forced(tmp_path):
    file = tmp_path / "runs.csv"
    write_export(file, "one")
    with pytest.raises(ConfigError, match="is there already"):
        write_export(file, "two")
    assert file.read_text() == "one"
    write_export(file, "two", force=True)
    assert file.read_text() == "two"
    assert [path.name for path in tmp_path.iterdir() if "csv" in path.name] == ["runs.csv"]


def test_a_link_or_a_directory_is_never_replaced(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "directory").mkdir()
    for name in ("link", "directory"):
        with pytest.raises(ConfigError, match="no plain file"):
            write_export(tmp_path / name, "x", force=True)
