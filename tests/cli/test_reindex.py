"""rla reindex."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3

from rla.errors import StoreError
from rla.runs.database import open_database


def test_it_tells_how_many_runs_there_are(rla_command, record):
    record(seed=1)
    record(seed=2)
    assert rla_command("reindex").out == "2 runs\n"
    assert rla_command("reindex", "--json").json["runs"] == 2


def test_a_run_whose_directory_was_deleted_leaves_the_table(rla_command, record):
    shutil.rmtree(record(seed=1).log_dir)
    kept = record(seed=2)
    rla_command("reindex")
    assert [row["uid"] for row in rla_command("ls", "--json").json] == [kept.uid]


def test_damage_is_named_on_stderr_and_in_json(rla_command, record):
    run = record(seed=1)
    run.paths.state.write_text("garbage")
    done = rla_command("reindex")
    assert done.out == "1 run\n"
    assert "state.json" in done.err
    assert "state.json" in rla_command("reindex", "--json").json["damaged"][0]["reason"]


def test_damage_that_shows_only_when_the_table_is_written_moves_it_aside_too(rla_command, record, data_root):
    runs = {record(seed=seed, text="x" * 200).uid for seed in range(20)}
    rla_command("ls")
    with sqlite3.connect(data_root / "rla.db") as connection:
        pages = [page for (page,) in connection.execute("SELECT rootpage FROM sqlite_schema WHERE rootpage > 0")]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    from rla.store.engine import open_index

    open_index(data_root / "rla.db").close()
    with (data_root / "rla.db").open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * 4096)
            file.write(os.urandom(4096))
    assert rla_command("ls").code == 1
    done = rla_command("reindex")
    assert done.out == "20 runs\n"
    assert len(list(data_root.glob("rla.db.damaged-*"))) == 1
    assert {run.uid for run in open_database(data_root).runs()} == runs


def test_an_index_of_a_newer_version_is_refused_and_stays(rla_command, record, data_root):
    record()
    rla_command("ls")
    with sqlite3.connect(data_root / "rla.db") as connection:
        connection.execute("UPDATE meta SET value = '999' WHERE key = 'schema_version'")
    connection.close()
    from rla.store.engine import open_index  # what is open has been checked before

    index = data_root / "rla.db"
    with contextlib.suppress(StoreError):
        open_index(index).close()
    before = index.read_bytes()
    assert rla_command("reindex").code == 1
    assert index.read_bytes() == before
    assert list(data_root.glob("rla.db.damaged-*")) == []
