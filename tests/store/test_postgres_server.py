"""The index on PostgreSQL: what only a server can do to us."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from rla.errors import StoreBusyError
from rla.store.engine import open_index
from rla.store.run_table import RunTable
from tests.timing import least_seconds


@pytest.fixture
def table(postgres_url, new_table):
    return new_table(postgres_url)


def own_session(table):
    with table.index.read() as connection:
        return connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()


def test_a_locked_table_stops_a_writer_for_its_budget_only(table, postgres_url, run):
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")

        def insert():
            with pytest.raises(StoreBusyError, match=r"did not answer within 0.5 s"):
                table.within(0.5).insert(*run())

        assert 0.4 < least_seconds(insert, enough=0.8) < 0.8


def test_a_server_that_hangs_stops_a_writer_for_its_budget_only(table, run):
    table.insert(*run())

    def seconds_of_an_update():
        session = own_session(table)
        os.kill(session, signal.SIGSTOP)
        started = time.monotonic()
        try:
            with pytest.raises(StoreBusyError):
                table.within(0.5).update(f"{1:016x}", time_step=1)
            return time.monotonic() - started
        finally:
            os.kill(session, signal.SIGCONT)

    assert any(seconds_of_an_update() < 0.9 for _ in range(10))  # other programs may add to it
    assert table.update(f"{1:016x}", time_step=2)


def test_a_connection_cut_while_idle_is_made_again(table, postgres_url, run):
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [own_session(table)])
    table.insert(*run())
    assert len(table.rows()) == 1


def test_a_reading_transaction_cannot_write(table):
    from rla.errors import StoreError

    with pytest.raises(StoreError, match="read-only"), table.index.read() as connection:
        connection.exec_driver_sql("DELETE FROM runs")


def test_many_that_start_at_once_make_the_tables_once(postgres_url, run):
    def start(number):
        RunTable(open_index(f"{postgres_url}&application_name=n{number}")).insert(*run(number))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(start, range(12)))
    table = RunTable(open_index(postgres_url))
    assert len(table.rows()) == 12
    for number in range(12):
        open_index(f"{postgres_url}&application_name=n{number}").close()
    table.index.close()


def test_a_runs_json_can_be_queried_by_the_server(table, run):
    table.insert(*run(hyperparameters={"lr": 1e-3}))
    with table.index.read() as connection:
        query = "SELECT uid FROM runs WHERE hyperparameters->>'lr' = '0.001'"
        assert connection.exec_driver_sql(query).scalar() == f"{1:016x}"
