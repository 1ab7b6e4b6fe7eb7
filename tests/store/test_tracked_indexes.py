"""Indexes on tracked hyperparameters: made once, by readers, and used."""

from __future__ import annotations

import pytest

from rla.core.where_expression import parse
from rla.store import tracked_indexes
from rla.store.run_table import runs
from rla.store.where import WhereSql


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(tracked_indexes, "WORTH_IT", 5)
    monkeypatch.setattr(tracked_indexes, "_done", set())


def index_names(table):
    with table.index.read() as connection:
        return {name for name in tracked_indexes._index_names(connection) if name.startswith("runs_tracked_")}


def put(table, run, count, tracked="lr=0.1&env.id=Hopper&flag=True", numbers_from=0, **fields):
    hyperparameters = {"lr": 0.1, "env": {"id": "Hopper"}, "flag": True, 'odd"': 1}
    items = [
        run(n, tracked=tracked, hyperparameters=hyperparameters, **fields)
        for n in range(numbers_from, numbers_from + count)
    ]
    table.upsert_many(items)


def test_a_small_task_has_none(table, run):
    put(table, run, 4)
    tracked_indexes.ensure_indexes(table, "cartpole")
    assert index_names(table) == set()


def test_a_large_task_has_one_per_key_and_on_sqlite_one_over_all(table, run):
    put(table, run, 5)
    tracked_indexes.ensure_indexes(table, "cartpole")
    assert len(index_names(table)) == (3 if table.index.dialect == "sqlite" else 2)  # a truth value has none


def test_making_them_again_changes_nothing(table, run, monkeypatch):
    put(table, run, 5)
    tracked_indexes.ensure_indexes(table, "cartpole")
    before = index_names(table)
    monkeypatch.setattr(tracked_indexes, "_done", set())
    tracked_indexes.ensure_indexes(table, "cartpole")
    assert index_names(table) == before


def test_tasks_that_track_the_same_share_them(table, run):
    put(table, run, 5)
    put(table, run, 5, numbers_from=10, task="other")
    for task in ("cartpole", "other"):
        tracked_indexes.ensure_indexes(table, task)
    assert len(index_names(table)) == (3 if table.index.dialect == "sqlite" else 2)


def test_a_process_looks_only_once_per_task(sqlite_table, run, monkeypatch):
    put(sqlite_table, run, 5)
    tracked_indexes.ensure_indexes(sqlite_table, "cartpole")
    monkeypatch.setattr(tracked_indexes, "_make", lambda *_: pytest.fail("looked again"))
    tracked_indexes.ensure_indexes(sqlite_table, "cartpole")


def test_with_them_the_same_runs_are_found_and_new_ones_can_be_written(table, run):
    put(table, run, 6)
    expressions = ["lr == 0.1 and env.id == 'Hopper'", "lr > 0.05", "env.id != 'x'", "lr < 0.1"]
    sql = WhereSql(table.index.dialect)
    find = lambda: [len(table.rows("cartpole", where=[sql.condition(parse(text))])) for text in expressions]
    before = find()
    tracked_indexes.ensure_indexes(table, "cartpole")
    assert find() == before
    table.insert(*run(100, tracked="lr=x", hyperparameters={"lr": "x" * 9000, "env": [1], "flag": None}))
    table.insert(*run(101, tracked="lr=y", hyperparameters={"lr": 2**300, "env": {"id": "y" * 9000}}))
    table.update(f"{3:016x}", hyperparameters={"lr": 0.7})
    assert find() == [5, 6 + 1, 6 - 1 + 1, 0]


def test_sqlite_uses_the_one_of_the_task(sqlite_table, run):
    put(sqlite_table, run, 50)
    tracked_indexes.ensure_indexes(sqlite_table, "cartpole")
    condition = WhereSql("sqlite").condition(parse("env.id == 'Hopper' and lr == 0.1"))
    with sqlite_table.index.read() as connection:
        query = runs.select().where(runs.c.task == "cartpole", condition)
        text = str(query.compile(connection.engine, compile_kwargs={"literal_binds": True}))
        (plan, *_) = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").fetchall()
    assert "runs_tracked_" in plan[3]
    assert plan[3].count("<expr>=?") == 2


def test_keys_that_no_index_can_reach_are_passed_over(table, run):
    put(table, run, 5, tracked='odd"=1&lr=0.1')
    tracked_indexes.ensure_indexes(table, "cartpole")
    assert 1 <= len(index_names(table)) <= 3


def test_a_text_that_looks_like_keys_makes_none(table, run):
    put(table, run, 5, tracked="name=a&b=c&=&")
    tracked_indexes.ensure_indexes(table, "cartpole")
    assert index_names(table) == set()


def test_there_is_a_limit_to_how_many_there_are(sqlite_table, run, monkeypatch):
    monkeypatch.setattr(tracked_indexes, "_MAX_INDEXES", 3)
    put(sqlite_table, run, 5)
    tracked_indexes.ensure_indexes(sqlite_table, "cartpole")
    assert index_names(sqlite_table) == set()


def test_a_busy_index_is_left_for_the_next_time(sqlite_table, run, database, locked, monkeypatch):
    put(sqlite_table, run, 5)
    monkeypatch.setattr(tracked_indexes, "_BUDGET", 0.1)
    locked(database)
    tracked_indexes.ensure_indexes(sqlite_table, "cartpole")
    assert index_names(sqlite_table) == set()
    assert tracked_indexes._done == set()
