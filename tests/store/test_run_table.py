"""What a run table promises, on each database."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rla.core import states
from rla.core.manifest import Notes, State
from rla.errors import StoreBusyError, StoreError
from rla.store.run_table import COLUMNS, Place, RunTable
from tests.timing import least_seconds

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()))
KEYS = st.text(st.characters(exclude_categories=()), max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


def same(left, right):
    """Equal, types included, where NaN is itself; PostgreSQL keeps no order of keys."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right or (isinstance(left, float) and math.isnan(left) and math.isnan(right))


class TestRunTable:
    def test_an_inserted_run_comes_back_as_it_was(self, table, run):
        state = State(heartbeat=5.0, time_step=7, summary={"return": 1.5}, lost={"csv": 2})
        row, place = run(state=state, notes=Notes(tags=["a"], notes="good"))
        table.insert(row, place)
        assert table.get(row["uid"]) == {**row, "places": [place]}

    def test_a_row_has_every_column_of_the_table(self, run):
        assert set(run()[0]) == set(COLUMNS)

    def test_a_run_that_is_not_there_is_none(self, table):
        assert table.get("0" * 16) is None

    def test_inserting_a_run_twice_is_an_error(self, table, run):
        table.insert(*run())
        with pytest.raises(StoreError, match="in the index already"):
            table.insert(*run())

    def test_an_inserted_run_with_the_index_of_another_takes_the_next_seq(self, table, run):
        for number in (1, 2, 3):
            table.insert(*run(1, uid=f"uid{number}"))
        assert [row["seq"] for row in table.rows()] == [2, 1, 0]

    def test_upserted_runs_with_one_index_all_stay(self, table, run):
        table.upsert_many([run(1, uid=f"uid{number}") for number in range(5)])
        assert sorted(row["seq"] for row in table.rows()) == [0, 1, 2, 3, 4]

    def test_upserting_again_changes_nothing(self, table, run):
        items = [run(1, uid=f"uid{number}") for number in (2, 1)] + [run(3), run(4)]
        table.upsert_many(items)
        before = table.rows()
        table.upsert_many(items[::-1])
        assert table.rows() == before

    def test_upsert_brings_a_row_up_to_date(self, table, run):
        table.insert(*run())
        row, place = run(state=State(state=states.FINISHED, heartbeat=4e9), notes=Notes(tags=["x"]))
        table.upsert(row, place)
        assert table.get(row["uid"]) == {**row, "places": [place]}

    def test_an_older_word_of_a_run_does_not_replace_a_newer_one(self, table, run):
        table.insert(*run(state=State(state=states.FINISHED, heartbeat=4e9, time_step=10)))
        table.upsert(*run(state=State(heartbeat=8.0, time_step=3), notes=Notes(notes="read now")))
        row = table.rows()[0]
        assert (row["state"], row["time_step"], row["notes"]) == (states.FINISHED, 10, "read now")

    def test_upserting_some_columns_leaves_the_others(self, table, run):
        row, place = run()
        table.insert(row, place)
        table.upsert({"uid": row["uid"], "damaged": "torn"}, place)
        assert table.get(row["uid"]) == {**row, "damaged": "torn", "places": [place]}

    def test_one_bad_row_of_many_leaves_the_table_as_it_was(self, table, run):
        with pytest.raises(StoreError):
            table.upsert_many([run(1), ({**run(2)[0], "task": None}, run(2)[1])])
        assert table.rows() == []

    def test_update_changes_the_columns_it_names(self, table, run):
        row, place = run()
        table.insert(row, place)
        assert table.update(row["uid"], time_step=5, summary={"return": math.inf})
        assert table.get(row["uid"]) == {**row, "time_step": 5, "summary": {"return": math.inf}, "places": [place]}

    def test_update_of_an_unknown_run_says_so(self, table):
        assert table.update("nobody", time_step=5) is False

    def test_update_of_an_unknown_column_is_an_error(self, table):
        with pytest.raises(StoreError, match="reward"):
            table.update("nobody", reward=5)

    def test_rows_come_newest_first(self, table, run):
        table.upsert_many([run(number) for number in (2, 3, 1)])
        assert [row["uid"][-1] for row in table.rows()] == ["3", "2", "1"]

    def test_rows_can_be_limited_to_a_task_a_number_and_columns(self, table, run):
        table.upsert_many([run(1), run(2), run(3, task="hopper")])
        assert table.rows("cartpole", limit=1, columns=["task", "seq"]) == [
            {"uid": f"{2:016x}", "task": "cartpole", "seq": 0}
        ]

    def test_many_rows_come_with_their_places(self, table, run):
        table.upsert_many([run(number) for number in range(600)])
        assert all(place.uid == row["uid"] for row in table.rows(columns=["places"]) for place in row["places"])

    def test_open_rows_are_those_that_have_not_ended(self, table, run):
        for number, state in enumerate(states.STORED):
            table.insert(*run(number, state=State(state=state)))
        assert {row["state"] for row in table.open_rows()} == set(states.OPEN)

    @pytest.mark.parametrize("name", ["00ab12cd00000001", "00ab12", "00AB", "last", "2026/03/01/21-13-00-000001"])
    def test_a_run_is_found_by(self, table, run, name):
        table.insert(*run(0, uid="ffff000000000000"))
        table.insert(*run(1, uid="00ab12cd00000001"))
        assert [row["uid"] for row in table.find(name)] == ["00ab12cd00000001"]

    @pytest.mark.parametrize("name", ["", "%", "_", "2026", "2026/03", "00ab12cd000000011", "*", "2026/03/02"])
    def test_no_run_is_found_by(self, table, run, name):
        table.insert(*run(1, uid="00ab12cd00000001"))
        assert table.find(name) == []

    def test_a_day_finds_all_its_runs(self, table, run):
        table.upsert_many([run(1), run(2), run(3, created="2026/03/02/00-00-00-000000")])
        assert len(table.find("2026/03/01")) == 2

    def test_a_whole_uid_is_not_taken_for_a_prefix(self, table, run):
        table.upsert_many([run(1, uid="abc"), run(2, uid="abcd")])
        assert [row["uid"] for row in table.find("abc")] == ["abc"]

    def test_a_second_place_joins_the_first(self, table, run):
        row, place = run()
        table.insert(row, place)
        archived = place._replace(archived=True)
        assert table.add_place(archived)
        assert table.add_place(archived)  # again: nothing changes
        assert table.places_of(row["uid"]) == [place, archived]

    def test_a_place_of_an_unknown_run_is_refused(self, table):
        assert table.add_place(Place("nobody", "root", "path")) is False

    def test_of_many_places_those_of_unknown_runs_are_given_back(self, table, run):
        row, place = run()
        table.insert(row, place)
        archived, stranger = place._replace(archived=True), Place("nobody", "root", "path")
        assert table.add_places([archived, stranger]) == [stranger]
        assert table.places_of(row["uid"]) == [place, archived]

    def test_a_run_leaves_with_its_last_place(self, table, run):
        row, place = run()
        table.insert(row, place)
        table.add_place(place._replace(archived=True))
        assert table.remove_place(place) is False
        assert table.remove_place(place._replace(archived=True)) is True
        assert table.rows() == []

    def test_many_places_are_removed_at_once(self, table, run):
        items = [run(number) for number in range(4)]
        table.upsert_many(items)
        gone = [place for _, place in items[:3]]
        assert table.remove_places(gone) == [place.uid for place in gone]
        assert [row["uid"] for row in table.rows()] == [items[3][0]["uid"]]

    def test_removing_a_place_twice_is_no_error(self, table, run):
        row, place = run()
        table.insert(row, place)
        table.remove_place(place)
        assert table.remove_place(place) is False

    def test_tasks_are_counted(self, table, run):
        table.upsert_many([run(1), run(2), run(3, task="hopper")])
        assert table.tasks() == {"cartpole": 2, "hopper": 1}

    def test_a_root_is_registered_once_and_can_change(self, table):
        table.register_root("r1", "data", "host-a", "")
        table.register_root("r1", "data", "host-b", "moved")
        assert table.roots() == [{"root_id": "r1", "kind": "data", "host": "host-b", "note": "moved"}]

    def test_a_new_table_is_not_complete_until_told(self, table):
        assert table.is_complete() is False
        table.set_complete()
        assert table.is_complete() is True

    @pytest.mark.parametrize(
        "text", ["a\0b", "\udc80", "\ud83d\ude00", '{"$text":"x"}', '{"$text":', "☃ 🤖 ü", "'; DROP TABLE runs", "\\"]
    )
    def test_any_text_comes_back_from_a_text_column(self, table, run, text):
        row, place = run(task=text, tracked=text, cwd=text, argv=[text])
        place = place._replace(path=text)
        table.insert(row, place)
        assert table.rows(text) == [{**row, "places": [place]}]

    def test_a_long_index_is_no_error(self, table, run):
        rows = [run(1, uid=uid, task="t" * 9000, tracked="k=" + "v" * 90_000) for uid in ("a", "b")]
        table.upsert_many(rows)
        assert [row["seq"] for row in table.rows("t" * 9000)] == [1, 0]

    @pytest.mark.parametrize("number", [2**63, -(2**70)])
    def test_an_integer_that_fits_no_column_is_null(self, table, run, number):
        table.insert(*run(seed=number))
        assert table.rows()[0]["seed"] is None

    @pytest.mark.parametrize("number", [math.nan, math.inf])
    def test_a_time_that_is_no_number_is_null(self, table, run, number):
        table.insert(*run(started=number))
        assert table.rows()[0]["started"] is None

    def test_odd_hyperparameters_come_back_as_they_were(self, table, run):
        odd = {
            "big": 2**70,
            "1e308": 1e308,
            "1e15": 1e15,
            "1e16": 1e16,
            "tiny": 5e-324,
            "edge": 2**53,
            'quo"te': {"nan": math.nan, "inf": [math.inf, -math.inf]},
            "nul": "a\0b",
            "lone": "\ud800",
            "🤖": "emoji 🎉",
            "$float": "NaN",
            "": None,
        }
        row, place = run(hyperparameters=odd)
        table.insert(row, place)
        assert same(table.rows()[0]["hyperparameters"], odd)

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(hyperparameters=st.dictionaries(KEYS, VALUES, max_size=5))
    def test_any_hyperparameters_come_back_as_they_were(self, table, run, hyperparameters):
        row, place = run(hyperparameters=hyperparameters)
        table.upsert(row, place)
        assert same(table.rows()[0]["hyperparameters"], hyperparameters)

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(text=st.text(st.characters(exclude_categories=())))
    def test_any_text_comes_back_as_it_was(self, table, run, text):
        row, place = run(tracked=text)
        table.upsert(row, place)
        assert table.rows()[0]["tracked"] == text

    def test_a_second_table_on_the_same_address_sees_the_rows(self, table, url, new_table, run):
        table.insert(*run())
        assert len(new_table(url).rows()) == 1

    def test_a_held_table_makes_a_writer_wait_no_longer_than_its_budget(self, table, url, new_table, run):
        table.insert(*run(1))

        def update():
            with pytest.raises(StoreBusyError):
                table.within(0.5).update(f"{1:016x}", time_step=1)

        with table.index.write() as connection:
            connection.exec_driver_sql("UPDATE runs SET pid = 1")
            assert 0.4 < least_seconds(update, enough=0.8) < 0.8
        assert table.update(f"{1:016x}", time_step=2)

    def test_a_held_table_can_be_read(self, table, run):
        table.insert(*run())
        with table.index.write() as connection:
            connection.exec_driver_sql("UPDATE runs SET pid = 1")
            assert len(table.within(0.2).rows()) == 1

    def test_an_error_inside_a_transaction_undoes_it(self, table, run):
        table.insert(*run())

        def fail():
            with table.index.write() as connection:
                connection.exec_driver_sql("DELETE FROM places")
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert len(table.places_of(f"{1:016x}")) == 1

    def test_a_forked_child_writes_by_a_connection_of_its_own(self, table, run, in_child):
        table.insert(*run(1))
        told = in_child(lambda: table.insert(*run(2)))
        assert told == "None"
        table.insert(*run(3))
        assert len(table.rows()) == 3

    def test_threads_share_a_table(self, table, run):
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: table.insert(*run(number)), range(80)))
        assert len(table.rows()) == 80

    def test_within_gives_the_same_table_with_another_budget(self, table):
        other = table.within(0.5)
        assert isinstance(other, RunTable)
        assert (other.index.budget, table.index.budget) == (0.5, 5.0)
