"""Opening an index by its address."""

import subprocess
import sys

import pytest

from rla.errors import ConfigError, MissingDependencyError, StoreError
from rla.store.engine import open_index


@pytest.mark.parametrize("form", [str, "sqlite:///{}".format, "sqlite+pysqlite:///{}".format])
def test_a_file_is_opened_by(database, new_table, form):
    new_table(form(database))
    assert database.exists()


def test_a_relative_path_stays_where_it_was_opened(tmp_path, new_table, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    table = new_table("rla.db")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    table.index.close()
    table.insert(*run())
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_path_with_odd_characters_is_opened(tmp_path, new_table, run):
    path = tmp_path / "a b?c#d%41&mode=ro ü.db"
    new_table(path).insert(*run())
    assert path.exists()


@pytest.mark.parametrize(
    "url", ["mysql://user:geheim@host/db", "sqlite://", "sqlite:///:memory:", "postgresql://user:geheim@host:port/db"]
)
def test_a_url_that_cannot_be_an_index_is_a_configuration_error(url):
    with pytest.raises(ConfigError, match="write sqlite") as caught:
        open_index(url)
    assert caught.value.key == "INDEX_URL"
    assert "geheim" not in str(caught.value)


def test_a_server_that_is_not_there_is_told_without_the_password():
    url = "postgresql+psycopg://user:geheim@localhost:1/db?password=geheim"
    with pytest.raises(StoreError) as caught:
        open_index(url, budget=2)
    assert "geheim" not in str(caught.value) + caught.value.url
    assert "user:***@localhost:1" in caught.value.url


def test_without_psycopg_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "rla\[postgres\]"'):
        open_index("postgresql://user@localhost:2/db")


def test_one_process_opens_a_database_once(database, new_table):
    new_table(database)
    before = len(list(database.parent.iterdir()))
    with new_table(database).index.read() as first, new_table(database).index.read() as second:
        assert first.engine is second.engine
    assert len(list(database.parent.iterdir())) == before


def test_a_closed_index_opens_itself_again(sqlite_table, run):
    sqlite_table.index.close()
    sqlite_table.insert(*run())
    assert len(sqlite_table.rows()) == 1


def test_the_sqlite_index_needs_no_postgresql_dialect(database):
    program = f"""
import sys
from rla.store.engine import open_index
from rla.store.run_table import Place, RunTable
RunTable(open_index({str(database)!r})).insert({{"uid": "a"}}, Place("a", "root", "a"))
sys.exit("sqlalchemy.dialects.postgresql" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=90)
