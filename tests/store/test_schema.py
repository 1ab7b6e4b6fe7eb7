"""Making the tables, and bringing older ones up to date."""

import pytest

from rla.errors import SchemaVersionError
from rla.store import schema
from rla.store.engine import open_index


@pytest.fixture
def newer(table):
    with table.index.write() as connection:
        schema.set_meta(connection, "schema_version", str(schema.VERSION + 1))
    table.index.close()
    return table


def test_a_newer_index_is_refused_with_what_to_do(newer, url):
    with pytest.raises(
        SchemaVersionError, match="schema 2, and this rla knows up to 1: run  pip install -U rla"
    ) as told:
        open_index(url)
    assert "rla reindex" in str(told.value)
    assert told.value.url


def test_a_newer_index_is_left_as_it_is(newer, url):
    for attempt in (lambda: open_index(url), newer.rows):
        with pytest.raises(SchemaVersionError):
            attempt()


def test_opening_again_changes_nothing(table, url, new_table, run):
    table.insert(*run())
    table.set_complete()
    table.index.close()
    again = new_table(url)
    assert (len(again.rows()), again.is_complete()) == (1, True)


def test_an_older_index_is_migrated_step_by_step(table):
    seen = []
    steps = tuple(lambda connection, step=step: seen.append(step) for step in range(3))
    with table.index.write() as connection:
        schema.set_meta(connection, "schema_version", "2")
        schema.set_up(connection, steps)
        assert schema.get_meta(connection, "schema_version") == "4"
    assert seen == [1, 2]


def test_a_migration_that_fails_leaves_the_index_as_it_was(table):
    def step(connection):
        connection.exec_driver_sql("ALTER TABLE roots ADD COLUMN extra TEXT")
        raise KeyError

    def migrate():
        with table.index.write() as connection:
            schema.set_up(connection, (step,))

    with pytest.raises(KeyError):
        migrate()
    with table.index.read() as connection:
        assert schema.is_current(connection)
        assert schema.inspect(connection).get_columns("roots")[-1]["name"] == "note"


def test_a_new_index_needs_no_migration(url, new_table):
    with new_table(url).index.write() as connection:
        schema.metadata.drop_all(connection)
        schema.set_up(connection, (pytest.fail,))
        assert schema.get_meta(connection, "schema_version") == "2"
