"""Data roots with stored runs, and disks to put them on."""

from __future__ import annotations

import pytest

from rla.manage.plan import execute, plan_delete
from tests.faults.conftest import mount
from tests.indexes import open_database
from tests.manage.stored_runs import inconsistencies, make_runs

__all__ = ["mount"]


@pytest.fixture
def root(tmp_path):
    """A data root; whatever a test does to it, rows, places and directories agree in the end."""
    path = tmp_path / "data root"
    yield path
    if path.exists():
        assert inconsistencies(path) == []


@pytest.fixture
def uids(root):
    """Four runs that have ended."""
    return make_runs(root, 4)


@pytest.fixture
def database(root, uids):
    return open_database(root)


@pytest.fixture
def delete(database):
    """Delete runs as the command does."""
    return lambda chosen, **options: execute(database, plan_delete(database, chosen, **options))
