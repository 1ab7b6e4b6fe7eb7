"""What an expression selects, on each database."""

from __future__ import annotations

import importlib.util
import math
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rla.core import where_nodes as nodes
from rla.core.manifest import Notes, State
from rla.core.where_expression import parse, parse_name
from rla.core.where_nodes import COLUMNS, Name
from rla.store.run_row import Place
from rla.store.run_table import COLUMNS as TABLE_COLUMNS
from rla.store.where import WhereSql, created_begins, has_batch, is_open, started_between

_spec = importlib.util.spec_from_file_location("reference", Path(__file__).with_name("reference.py"))
assert _spec is not None
assert _spec.loader is not None
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)


def sql(table, **facts):
    return WhereSql(table.index.dialect, **facts)


def found(table, expression, **facts):
    """The numbers of the runs that an expression selects."""
    rows = table.rows(where=[sql(table, **facts).condition(parse(expression))], columns=["uid"])
    return sorted(int(row["uid"], 16) for row in rows)


@pytest.fixture
def runs_with(table, run):
    """Put one run per dictionary of hyperparameters into the table, numbered from 1."""

    def put(*hyperparameters):
        table.upsert_many([run(number, hyperparameters=each) for number, each in enumerate(hyperparameters, 1)])
        return lambda expression: found(table, expression)

    return put


MIXED = (
    *({"x": 1}, {"x": 1.0}, {"x": "1"}, {"x": True}, {"x": None}, {}, {"x": 0.001}, {"x": [1]}, {"x": {"y": 1}}),
    *({"x": math.nan}, {"x": math.inf}, {"x": -math.inf}, {"x": False}, {"x": "a"}, {"x": 2}),
)
PRESENT = {*range(1, 16)} - {5, 6}


class TestTypes:
    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("x == 1", {1, 2}),
            ("x == 1.0", {1, 2}),
            ("x == '1'", {3}),
            ("x == True", {4}),
            ("x", {4}),
            ("not x", {13}),
            ("x == 1e-3", {7}),
            ("x == .001", {7}),
            ("x < 1", {7, 12}),
            ("x > 1", {11, 15}),
            ("x >= '1'", {3, 14}),
            ("x < 'b'", {3, 14}),
            ("x == None", {5, 6}),
            ("x is None", {5, 6}),
            ("x is not None", PRESENT),
            ("x != 1", PRESENT - {1, 2}),
            ("not x == 1", PRESENT - {1, 2}),
            ("not (x == 1 or x == '1')", PRESENT - {1, 2, 3}),
            ("not x < 1", {1, 2, 11, 15}),
            ("not (x < 1 and x > 0)", {1, 2, 11, 12, 15}),
            ("x in [1, 'a', True]", {1, 2, 4, 14}),
            ("x in [1, None]", {1, 2, 5, 6}),
            ("x not in [1, 'a']", PRESENT - {1, 2, 14}),
            ("x not in [1, None]", PRESENT - {1, 2}),
            ("not x in [1]", PRESENT - {1, 2}),
            ("x in []", set()),
            ("x not in []", PRESENT),
            ("0 < x <= 1", {1, 2, 7}),
            ("not 0 < x <= 1", {11, 12, 15}),
            ("isnan(x)", {10}),
            ("not isnan(x)", PRESENT - {10}),
            ("1 in x", {8}),
            ("1 not in x", set()),
            ("'a' in x", {14}),
            ("'a' not in x", {3, 8}),
            ("x == 1e999", {11}),
            ("x.y == 1", {9}),
            ("x == hp.x", {1, 2, 3, 4, 7, 11, 12, 13, 14, 15}),
            ("x != hp.x", {8, 9, 10}),
            ("x < hp.x", set()),
        ],
    )
    def test_values_compare_within_their_type_and_a_missing_one_never_matches(self, runs_with, expression, expected):
        assert set(runs_with(*MIXED)(expression)) == expected

    def test_a_small_number_is_found_however_it_is_written(self, runs_with):
        find = runs_with({"lr": 0.001}, {"lr": 1e-3}, {"lr": 3e-4})
        assert find("lr == 0.001") == find("lr == 1e-3") == find("lr == 10e-4") == [1, 2]

    def test_integers_of_64_bits_are_told_apart(self, runs_with):
        find = runs_with({"s": 2**53}, {"s": 2**53 + 1}, {"s": 2**63 - 1}, {"s": -(2**63)}, {"s": 2**63 - 2})
        assert find(f"s == {2**53 + 1}") == [2]
        assert find(f"s > {2**53}") == [2, 3, 5]
        assert find(f"s == {2**63 - 1}") == [3]
        assert find(f"s < -{2**53}") == [4]

    def test_larger_integers_compare_as_floats_at_least_and_very_long_ones_never(self, runs_with):
        find = runs_with({"s": 2**64}, {"s": 10**30}, {"s": 2**20_000}, {"s": 10**400})
        assert find(f"s >= {2**64}") == [1, 2]
        assert find(f"s == {10**30}") == [2]
        assert find("s == 1e30") == [2]
        assert find("s > 0") == [1, 2]
        assert find("s != 1") == [1, 2, 3, 4]


class TestKeys:
    @pytest.mark.parametrize(
        "key",
        [
            "plain",
            "two words",
            "it's",
            'say "x"',
            "back\\slash",
            "a.b",
            "ü",
            "sla/sh",
            "tab\there",
            "",
            "0",
            "%s",
            ":x",
            "{}",
            "[0]",
            "\u2028",
            "$.x"[1:],
        ],
    )
    def test_any_key_can_be_asked_for_in_brackets(self, runs_with, key):
        find = runs_with({key: 1}, {"other": 1}, {"outer": {key: {key: 2}}}, {key: "1"})
        spelled = (
            "'" + key.replace("\\", "\\\\").replace("'", "\\'").replace("\t", "\\t").replace("\u2028", "\\u2028") + "'"
        )
        assert find(f"hp[{spelled}] == 1") == [1]
        assert find(f"hp.outer[{spelled}][{spelled}] == 2") == [3]
        assert find(f"hp[{spelled}] != 1") == [4]

    def test_dots_reach_inside_and_a_key_that_has_the_dots_itself_comes_first(self, runs_with):
        find = runs_with({"a": {"b": 1}}, {"a.b": 1}, {"a": {"b": 1}, "a.b": 2}, {"a": {"b": 1}, "a.b": None})
        assert find("a.b == 1") == [1, 2]
        assert find("hp['a']['b'] == 1") == [1, 3, 4]
        assert find("hp['a.b'] == 1") == [2]
        assert find("a.b is None") == [4]
        assert find("1 in a.b") == []

    def test_a_column_comes_before_a_hyperparameter_of_its_name(self, runs_with):
        find = runs_with({"task": "mine", "seed": 7}, {"task": "cartpole"})
        assert find("task == 'cartpole'") == [1, 2]
        assert find("run.task == 'cartpole'") == [1, 2]
        assert find("hp.task == 'mine'") == [1]
        assert find("hyperparameters.task == 'mine'") == [1]

    def test_an_index_into_a_list_is_no_key(self, runs_with):
        assert runs_with({"x": [5]}, {"x": {"0": 5}})("hp.x['0'] == 5") == [2]


class TestSummary:
    @pytest.fixture
    def find(self, table, run):
        summary = {"return": 5.0, "train/loss": 0.5, "max": 3, "a.b": 1}
        ranges = {
            "return": {"min": -1.0, "max": 9.0, "mean": 4.0},
            "train/loss": {"min": 0.25, "max": 2.0, "mean": 1.0},
        }
        table.upsert_many(
            [
                run(1, state=State(summary=summary, summary_range=ranges, time_step=100)),
                run(2, state=State(time_step=9)),
            ]
        )
        return lambda expression: found(table, expression)

    @pytest.mark.parametrize(
        "expression",
        [
            *("summary.return_ == 5 or hp.lr == 0.1 and summary['return'] == 5", "summary['return'].last == 5"),
            *("summary['return'].max > 8", "summary['return'].min < 0", "summary['return'].mean == 4.0"),
            *("summary['train/loss'] < 1", "summary['train/loss'].min == .25", "summary.max == 3", "summary.a.b == 1"),
            *("summary['return'] > summary['return'].mean", "time_step >= 100", "time_step > 99.5"),
        ],
    )
    def test_last_values_and_ranges_are_found_by_key(self, find, expression):
        assert find(expression) == [1]

    def test_a_run_without_the_value_matches_neither_a_condition_nor_its_opposite(self, find):
        assert find("not summary['return'] > 100") == [1]


class TestColumns:
    def test_every_column_of_the_table_can_be_named_but_those_that_have_prefixes(self):
        hidden = {"hyperparameters", "summary", "summary_range", "lost"}
        assert set(COLUMNS) == (set(TABLE_COLUMNS) - hidden) | {"duration", "archived"}

    @pytest.mark.parametrize("name", sorted(COLUMNS))
    def test_every_column_can_be_asked_for_and_sorted_by(self, table, run, name):
        table.insert(*run(1))
        compare = {"text": f"{name} < 'z'", "number": f"{name} > -1", "time": f"{name} > '2000-01-01'"}
        expression = compare.get(
            COLUMNS[name], f"'x' not in {name}" if COLUMNS[name] == "list" else f"{name} == True or not {name}"
        )
        assert found(table, f"({expression}) or run.{name} is None", now=1e10) == [1]
        if COLUMNS[name] != "list":
            assert len(table.values(["uid"], order=sql(table).order(parse_name(name), descending=True))) == 1

    def test_tags_are_asked_with_in(self, table, run):
        table.upsert_many([run(1, notes=Notes(tags=["paper", "it's"])), run(2, notes=Notes(tags=["pap"])), run(3)])
        assert found(table, "'paper' in tags") == [1]
        assert found(table, '"it\'s" in tags') == [1]
        assert found(table, "'paper' not in tags") == [2, 3]
        assert found(table, "'argv' in tags or 'train.py' in argv") == [1, 2, 3]

    def test_a_run_is_lost_when_its_row_says_running_and_nothing_records_it(self, table, run):
        table.upsert_many([run(1), run(2), run(3, state=State(state="finished"))])
        lost = [f"{number:016x}" for number in (1, 3)]
        assert found(table, "state == 'lost'", lost=lost) == [1]
        assert found(table, "state == 'running'", lost=lost) == [2]
        assert found(table, "state != 'lost'", lost=lost) == [2, 3]

    def test_the_duration_goes_to_the_end_or_to_now_or_to_a_lost_runs_last_word(self, table, run):
        started = 1_772_399_584.0
        ended = State(state="finished", ended=started + 10, heartbeat=started + 10)
        table.upsert_many(
            [
                run(1, started=started, state=ended),
                run(2, started=started),
                run(3, started=started, state=State(heartbeat=started + 60)),
            ]
        )
        facts = {"now": started + 1000, "lost": [f"{3:016x}"]}
        assert found(table, "duration == 10", **facts) == [1]
        assert found(table, "duration == 1000", **facts) == [2]
        assert found(table, "duration == 60", **facts) == [3]

    def test_times_compare_with_dates_and_with_how_long_ago(self, table, run):
        now = time.time()
        table.upsert_many([run(1, started=now - 3600), run(2, started=now - 86400 * 3)])
        assert found(table, "started > '2d'") == [1]
        assert found(table, "started < '2h'") == [2]
        assert found(table, "started > '2001-01-01'") == [1, 2]

    def test_a_run_with_an_archived_copy_is_archived(self, table, run):
        row, place = run(1)
        table.upsert_many([(row, place), run(2)])
        table.add_place(place._replace(archived=True))
        assert found(table, "archived") == [1]
        assert found(table, "not archived") == [2]

    def test_a_number_beyond_the_column_compares_as_a_number(self, table, run):
        table.insert(*run(1, state=State(time_step=5)))
        assert found(table, f"time_step < {10**40}") == [1]
        assert found(table, f"time_step > -{10**400}") == [1]
        assert found(table, "started < 1e999") == [1]


class TestLike:
    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            *(("Hopper%", [1]), ("hopper%", [2]), ("%-v4", [1, 2]), ("H_pper-v4", [1]), ("%", [1, 2, 3, 4])),
            *((r"100\\%", [3]), (r"100\\_", []), ("[H]%", []), ("*", []), ("%[a]*?%", [4]), ("", [])),
            *(("x\\\\\\\\%", [4]), ("%\\\\", [])),
        ],
    )
    def test_a_pattern_has_two_wildcards_and_knows_capitals(self, runs_with, pattern, expected):
        find = runs_with({"e": "Hopper-v4"}, {"e": "hopper-v4"}, {"e": "100%"}, {"e": "x\\[a]*?y"}, {"e": 100}, {})
        assert find(f"e like '{pattern}'") == find(f"like(e, '{pattern}')") == find(f"e.like('{pattern}')") == expected

    def test_not_like_asks_for_a_text(self, runs_with):
        find = runs_with({"e": "a"}, {"e": "b"}, {"e": 1}, {})
        assert find("e not like 'a%'") == find("not e like 'a%'") == [2]


class TestOrder:
    @pytest.mark.parametrize(
        ("descending", "expected"), [(False, [2, 7, 1, 3, 4, 6, 5]), (True, [1, 7, 2, 4, 3, 6, 5])]
    )
    def test_numbers_come_first_then_texts_then_truth_values_and_the_missing_last(
        self, runs_with, table, descending, expected
    ):
        runs_with({"x": 3}, {"x": -1}, {"x": "a"}, {"x": "b"}, {}, {"x": True}, {"x": 0.5})
        order = sql(table).order(parse_name("x"), descending=descending)
        assert [int(uid, 16) for (uid,) in table.values(["uid"], order=order)] == expected
        assert [int(uid, 16) for (uid,) in table.values(["uid"], order=order, limit=3)] == expected[:3]


class TestParts:
    """What a selection has besides its expression."""

    def test_tags_batches_and_times_select(self, table, run):
        table.upsert_many([run(1, notes=Notes(tags=["a"]), started=10.0, batch="b"), run(2, started=20.0)])
        numbers = lambda *conditions: [int(row["uid"], 16) for row in table.rows(where=conditions)]
        assert numbers(sql(table).has_tag("a")) == numbers(has_batch("b")) == [1]
        assert numbers(*started_between(10.0, 20.0)) == numbers(*started_between(None, 15.0)) == [1]
        assert numbers(*started_between(20.0, None)) == [2]
        assert numbers(created_begins("2026/03/01/21-13-00-000002")) == [2]

    def test_runs_that_have_not_ended_are_open(self, table, run):
        table.upsert_many([run(1, state=State(state="finished")), run(2)])
        assert [row["uid"] for row in table.rows(where=[is_open()])] == [f"{2:016x}"]

    def test_a_run_is_kept_as_long_as_one_copy_is_not_archived(self, table, run):
        (one, place), two, three = run(1), run(2), run(3)
        table.upsert_many([(one, place._replace(archived=True)), two, three])
        table.add_place(two[1]._replace(archived=True))
        assert {int(row["uid"], 16) for row in table.rows(where=[sql(table).is_kept()])} == {2, 3}

    def test_a_key_is_held_by_any_run_of_the_task_even_with_a_null(self, table, run):
        table.upsert_many([run(1, hyperparameters={"a": None}), run(2, task="other", hyperparameters={"b": {"c": 1}})])
        held = lambda name, task: table.truths([sql(table).is_held(parse_name(name), task)])
        assert held("hp.a", "cartpole") == held("b.c", "other") == held("b.c", None) == [True]
        assert held("hp.b", "cartpole") == held("summary.a", None) == held("hp.d", None) == [False]
        assert table.truths([]) == []


class TestHostile:
    @pytest.mark.parametrize(
        "text", ["'; DROP TABLE runs; --", "x' OR '1'='1", 'x.$") OR 1=1 --', "%(x)s", ":uid", "\\'"]
    )
    def test_no_key_and_no_value_is_read_as_sql(self, runs_with, table, text):
        find = runs_with({text: text, "x": text}, {"x": "other"})
        spelled = repr(text)
        assert find(f"hp[{spelled}] == {spelled}") == [1]
        assert find(f"x == {spelled}") == [1]
        assert find(f"{spelled} in x") == [1]
        assert find(f"summary[{spelled}] == 1") == []
        assert len(table.rows()) == 2

    def test_thousands_of_uids_are_one_parameter(self, table, run):
        table.upsert_many([run(number) for number in range(10)])
        uids = [f"{number:016x}" for number in range(5, 50_000)]
        assert len(table.rows(where=[sql(table).uid_in(uids)])) == 5

    def test_the_largest_expression_is_taken(self, table, run):
        table.insert(*run(1))
        assert found(table, " or ".join(["lr == 1"] * 199 + ["lr == 0.1"])) == [1]
        assert found(table, f"lr in [{','.join(map(str, range(3999)))},0.1]") == [1]
        assert found(table, "not " * 40 + "(lr == 0.1)") == [1]


# --- random rows and expressions against the reference

NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats(allow_nan=False),
    st.sampled_from([0.0, 1.0, 0.5, 1e-3, 2.0**53]),
)
TEXTS = st.sampled_from(
    ["", "a", "ab", "b", "1", "True", "é", "Z", "'", '"', "%", "_", "\\", "a\nb", "\U0001f600", "{}"]
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, st.just(math.nan), TEXTS)
KEYS = st.sampled_from(["a", "b", "a.b", 'q"', "s p", ""])
STORED = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=4
)
HYPERPARAMETERS = st.dictionaries(KEYS, STORED, max_size=4)
SUMMARIES = st.dictionaries(st.sampled_from(["a", "l/b"]), NUMBERS | st.just(math.nan) | TEXTS, max_size=2)
RANGES = st.dictionaries(
    st.sampled_from(["a", "l/b"]), st.fixed_dictionaries({"min": NUMBERS, "max": NUMBERS, "mean": NUMBERS}), max_size=2
)
ROWS = st.fixed_dictionaries(
    {"hyperparameters": HYPERPARAMETERS, "summary": SUMMARIES, "summary_range": RANGES}
    | {"tags": st.lists(TEXTS, max_size=2), "time_step": st.none() | st.integers(0, 5), "notes": TEXTS}
    | {"git_dirty": st.none() | st.booleans()}
)

JSON_NAMES = st.one_of(
    st.lists(KEYS, min_size=1, max_size=2).map(lambda keys: Name("hp", (tuple(keys),))),
    st.just(Name("hp", (("a.b",), ("a", "b")))),
    st.builds(
        lambda key, stat: Name("summary", ((key,),), stat),
        st.sampled_from(["a", "l/b"]),
        st.sampled_from(["last", "min", "max", "mean"]),
    ),
)
VALUES = st.booleans() | NUMBERS | TEXTS
SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


def column(name):
    return st.just(Name("run", ((name,),)))


def comparisons(names, values):
    return st.builds(nodes.Comparison, names, SIGNS, values).filter(
        lambda node: node.operator in {"==", "!="} or not isinstance(node.other, bool)
    )


CONDITIONS = st.one_of(
    comparisons(JSON_NAMES, VALUES),
    comparisons(JSON_NAMES, JSON_NAMES),
    comparisons(column("time_step"), st.integers(-1, 6) | st.floats(-1, 6)),
    comparisons(column("notes"), TEXTS),
    comparisons(column("notes"), JSON_NAMES),
    comparisons(JSON_NAMES, column("time_step")),
    st.builds(nodes.Comparison, column("git_dirty"), st.sampled_from(["==", "!="]), st.booleans()),
    st.builds(nodes.Presence, JSON_NAMES | column("time_step"), st.booleans()),
    st.builds(nodes.Membership, JSON_NAMES, st.lists(VALUES, max_size=4).map(tuple), st.booleans()),
    st.builds(nodes.Membership, column("notes"), st.lists(TEXTS, max_size=3).map(tuple), st.booleans()),
    st.builds(nodes.Contains, JSON_NAMES, VALUES, st.booleans()),
    st.builds(nodes.Contains, column("tags") | column("notes"), TEXTS, st.booleans()),
    st.builds(nodes.Like, JSON_NAMES | column("notes"), st.text(alphabet="a%_b\\1Z", max_size=4), st.booleans()),
    st.builds(nodes.IsNan, JSON_NAMES, st.booleans()),
)
EXPRESSIONS = st.recursive(
    CONDITIONS,
    lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
        lambda parts: st.sampled_from([nodes.All(tuple(parts)), nodes.AnyOf(tuple(parts))])
    ),
    max_leaves=5,
)
REUSE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=150, deadline=None, suppress_health_check=REUSE)
@given(rows=st.lists(ROWS, min_size=1, max_size=8), expressions=st.lists(EXPRESSIONS, min_size=1, max_size=12))
@example(
    rows=[
        {
            "hyperparameters": {"a": 2**53 + 1},
            "summary": {},
            "summary_range": {},
            "tags": [],
            "time_step": None,
            "notes": "",
            "git_dirty": None,
        }
    ],
    expressions=[nodes.Comparison(Name("hp", (("a",),)), "==", 2.0**53)],
)
def test_the_database_and_the_reference_select_the_same_runs(table, run, rows, expressions):
    uids = [f"{number:016x}" for number in range(len(rows))]
    base = [run(number)[0] for number in range(len(rows))]
    table.upsert_many(
        [({**one, **row}, Place(uid, "root", uid)) for uid, one, row in zip(uids, base, rows, strict=True)]
    )
    compiler = sql(table)
    here = compiler.uid_in(uids)
    for expression in expressions:
        found = {row["uid"] for row in table.rows(where=[here, compiler.condition(expression)], columns=["uid"])}
        expected = {uid for uid, row in zip(uids, rows, strict=True) if reference.matches(expression, row)}
        assert found == expected, expression
