"""The index as an SQLite file: other processes, replaced files, damage, missing permissions."""

import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from threading import Thread, Timer

import pytest

from rla.errors import StoreBusyError, StoreError
from rla.store.engine import open_index
from rla.store.run_table import RunTable
from rla.store.sqlite_file import move_aside
from tests.timing import HANGS, least_seconds, wait_for

NOBODY = 65534


def uids(table):
    return sorted(row["uid"] for row in table.rows(columns=[]))


class TestManyProcesses:
    def test_a_hundred_that_start_at_once_make_the_index_and_lose_no_row(self, database, new_table, integrity):
        program = """
            import os, sys
            from rla.core.manifest import Manifest, Notes, State
            from rla.store.engine import open_index
            from rla.store.run_table import Place, RunTable, row_of

            reader, writer = os.pipe()
            children = []
            for number in range(100):
                pid = os.fork()
                if pid:
                    children.append(pid)
                    continue
                os.close(writer)
                os.read(reader, 1)  # until the parent lets all of them go
                uid = f"{number:016x}"
                run = Manifest(uid=uid, task="t", created="c", ip="i", tracked=uid, name="n", started=0.0)
                try:
                    table = RunTable(open_index(sys.argv[1]))
                    table.insert(row_of(run, State(), Notes()), Place(uid, "root", uid))
                    table.index.close()
                except BaseException as error:
                    print(error, flush=True)
                    os._exit(1)
                os._exit(0)
            os.close(reader)
            os.close(writer)
            sys.exit(sum(os.waitpid(pid, 0)[1] != 0 for pid in children))
            """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program), database],
            stdout=subprocess.PIPE,
            check=False,
            timeout=HANGS,
        )
        assert (done.returncode, done.stdout) == (0, b"")
        assert len(new_table(database).rows(columns=["uid"])) == 100
        assert integrity(database) == "ok"

    def test_killing_a_writer_leaves_an_intact_index_with_every_acknowledged_row(
        self, database, new_table, script, integrity
    ):
        writer = script(
            """
            import sys
            from rla.store.engine import open_index
            from rla.store.run_table import Place, RunTable

            table = RunTable(open_index(sys.argv[1]))
            for number in range(100_000):
                uid = f"{number:016x}"
                table.insert({"uid": uid, "task": "t" * 500, "tracked": uid}, Place(uid, "root", uid))
                print(uid, flush=True)
            """,
            database,
        )
        acknowledged = [writer.stdout.readline().strip() for _ in range(300)]
        writer.kill()
        acknowledged += writer.stdout.read().split()
        assert set(acknowledged) <= set(uids(new_table(database)))
        assert integrity(database) == "ok"


class TestBudget:
    def test_a_lock_in_another_process_stops_a_writer_for_its_budget_only(self, sqlite_table, database, run, locked):
        locked(database)

        def insert():
            with pytest.raises(StoreBusyError, match=r"held by another process; waited 0.5 s") as caught:
                sqlite_table.within(0.5).insert(*run())
            assert caught.value.url == str(database)

        assert 0.45 < least_seconds(insert, enough=0.8) < 0.8

    def test_a_lock_that_is_let_go_in_time_is_waited_for(self, sqlite_table, database, run, locked):
        holder = locked(database)
        holder.stdin.close()
        sqlite_table.insert(*run())
        assert len(sqlite_table.rows()) == 1

    def test_opening_waits_no_longer_than_the_budget_either(self, database, locked):
        locked(database)  # of an index that is not even made yet

        def opened():
            with pytest.raises(StoreBusyError):
                open_index(database, budget=0.5)

        assert 0.45 < least_seconds(opened, enough=0.8) < 0.8

    def test_a_lock_in_another_process_does_not_stop_opening_and_reading(self, sqlite_table, database, run, locked):
        sqlite_table.insert(*run())
        sqlite_table.index.close()
        locked(database)
        assert len(RunTable(open_index(database, budget=0.2)).rows()) == 1


class TestReplacedFile:
    def test_a_deleted_file_is_made_again_and_is_not_complete(self, sqlite_table, database, run):
        sqlite_table.insert(*run(1))
        sqlite_table.set_complete()
        database.unlink()
        sqlite_table.insert(*run(2))
        assert uids(sqlite_table) == [f"{2:016x}"]
        assert sqlite_table.is_complete() is False

    def test_a_deleted_file_is_noticed_by_a_reader(self, sqlite_table, database, run):
        sqlite_table.insert(*run(1))
        database.unlink()
        assert sqlite_table.rows() == []

    def test_a_file_put_in_its_place_is_used(self, sqlite_table, database, tmp_path, new_table, run):
        sqlite_table.insert(*run(1))
        other = new_table(tmp_path / "other.db")
        other.insert(*run(7))
        other.index.close()
        os.replace(tmp_path / "other.db", database)
        for suffix in ("-wal", "-shm"):
            os.unlink(f"{database}{suffix}")
        sqlite_table.insert(*run(8))
        assert uids(sqlite_table) == [f"{7:016x}", f"{8:016x}"]

    def test_a_file_replaced_while_waiting_for_its_lock_is_noticed(self, sqlite_table, database, run, locked):
        holder = locked(database)

        def replace():
            database.unlink()
            holder.stdin.close()

        timer = Timer(0.2, replace)
        timer.start()
        sqlite_table.insert(*run(1))
        timer.join()
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)

    def test_closing_after_a_replacement_does_not_harm_the_new_file(
        self, sqlite_table, database, run, script, integrity
    ):
        sqlite_table.insert(*run(1))
        database.unlink()
        other = script(
            """
            import sys
            from rla.store.engine import open_index
            from rla.store.run_table import Place, RunTable

            table = RunTable(open_index(sys.argv[1]))
            for uid in ("a", "b"):
                table.insert({"uid": uid, "tracked": uid}, Place(uid, "root", uid))
                print("done", flush=True)
                sys.stdin.readline()
            """,
            database,
        )
        assert other.stdout.readline() == "done\n"
        sqlite_table.index.close()
        other.stdin.write("go on\n")
        other.stdin.flush()
        assert other.stdout.readline() == "done\n"
        assert uids(sqlite_table) == ["a", "b"]
        assert integrity(database) == "ok"

    def test_side_files_that_a_deleted_index_left_are_not_taken_over(self, database, sqlite_table, run):
        sqlite_table.insert(*run(1))
        old = {suffix: os.stat(f"{database}{suffix}").st_ino for suffix in ("-wal", "-shm")}
        database.unlink()
        sqlite_table.insert(*run(2))
        assert all(os.stat(f"{database}{suffix}").st_ino != inode for suffix, inode in old.items())

    def test_without_leave_to_create_a_missing_file_is_an_error(self, database):
        with pytest.raises(StoreError, match=r"\[Errno 2\]"):
            open_index(database, create=False)
        assert not database.exists()


class TestFork:
    def test_a_child_that_ends_normally_leaves_the_parents_connection_alone(self, database, integrity):
        program = """
            import os, sys
            from rla.store.engine import open_index
            from rla.store.run_table import Place, RunTable

            table = RunTable(open_index(sys.argv[1]))
            insert = lambda uid: table.insert({"uid": uid, "tracked": uid}, Place(uid, "root", uid))
            insert("before")
            child = os.fork()
            if not child:
                insert("child")
                sys.exit()  # with all that Python does at the end of a program
            assert os.waitpid(child, 0)[1] == 0
            insert("after")
            """
        subprocess.run([sys.executable, "-c", textwrap.dedent(program), database], check=True, timeout=HANGS)
        with closing(sqlite3.connect(database)) as connection:
            found = connection.execute("SELECT uid FROM runs ORDER BY uid").fetchall()
        assert found == [("after",), ("before",), ("child",)]
        assert integrity(database) == "ok"

    def test_a_process_that_ends_leaves_one_plain_file(self, database):
        subprocess.run(
            [sys.executable, "-c", f"from rla.store.engine import open_index; open_index({str(database)!r})"],
            check=True,
            timeout=HANGS,
        )
        assert [path.name for path in database.parent.iterdir()] == ["rla.db"]


class TestDamage:
    @pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
    def test_a_file_that_is_no_database_is_told_with_the_way_out(self, database, content):
        database.write_bytes(content)
        with pytest.raises(StoreError, match=r"damaged .*; run `rla reindex`") as caught:
            open_index(database)
        assert str(database) in str(caught.value)
        assert database.read_bytes() == content

    def test_a_malformed_table_is_told_with_the_way_out(self, sqlite_table, database, run):
        sqlite_table.upsert_many([run(number) for number in range(200)])
        sqlite_table.index.close()
        with open(database, "r+b") as file:
            file.seek(4096)
            file.write(b"\xaa" * (os.path.getsize(database) - 4096))
        with pytest.raises(StoreError, match="rla reindex"):
            sqlite_table.rows()

    def test_a_damaged_file_is_moved_aside_whole(self, database):
        for suffix in ("", "-wal", "-shm"):
            database.with_name(database.name + suffix).write_text(suffix)
        target = move_aside(database)
        assert {path.name for path in database.parent.iterdir()} == {
            f"{target.name}{suffix}" for suffix in ("", "-wal", "-shm")
        }
        open_index(database).close()

    def test_moving_aside_what_is_not_there_is_nothing(self, database):
        assert move_aside(database) is None


class TestPermissions:
    @pytest.fixture
    def shared(self, open_directory, new_table, run):
        """An index with one row in a directory where others may only read."""
        table = new_table(open_directory / "rla.db")
        table.insert(*run(1))
        return table

    def read_by_another(self, shared, in_child):
        path = shared.index.name
        return in_child(lambda: len(RunTable(open_index(path, budget=1)).rows()), uid=NOBODY)

    def test_a_closed_index_is_read_by_another_user(self, shared, in_child, open_directory):
        shared.index.close()
        open_directory.chmod(0o555)
        assert self.read_by_another(shared, in_child) == "1"

    def test_an_open_index_is_read_by_another_user(self, shared, in_child):
        assert self.read_by_another(shared, in_child) == "1"

    def test_a_reader_sees_what_is_written_meanwhile(self, shared, in_child, run):
        hears, tells = os.pipe()

        def wait_for_a_second_row():
            table = RunTable(open_index(shared.index.name, budget=1))
            before = len(table.rows())
            os.write(tells, b"!")
            wait_for(lambda: len(table.rows()) > before)
            return before, len(table.rows())

        def insert():
            os.read(hears, 1)
            shared.insert(*run(2))

        inserting = Thread(target=insert)
        inserting.start()
        assert in_child(wait_for_a_second_row, uid=NOBODY) == "(1, 2)"
        os.write(tells, b"!")  # if the child never came so far
        inserting.join()
        os.close(hears)
        os.close(tells)

    def test_writing_names_the_path_and_the_error_number(self, shared, in_child, open_directory, run):
        shared.index.close()
        open_directory.chmod(0o555)
        told = in_child(lambda: RunTable(open_index(shared.index.name)).insert(*run(2)), uid=NOBODY)
        assert told.startswith("StoreError")
        assert "[Errno 13] Permission denied" in told
        assert str(open_directory / "rla.db") in told

    def test_making_an_index_where_one_may_not_write_names_the_error_number(self, open_directory, in_child):
        open_directory.chmod(0o555)
        told = in_child(lambda: open_index(open_directory / "rla.db"), uid=NOBODY)
        assert "[Errno 13] Permission denied" in told

    def test_rows_that_only_a_writer_could_recover_are_not_passed_over(self, open_directory, in_child, script):
        path = open_directory / "rla.db"
        writer = script(
            """
            import sys
            from rla.store.engine import open_index
            open_index(sys.argv[1])
            print("open", flush=True)
            sys.stdin.read()
            """,
            path,
        )
        writer.stdout.readline()
        writer.kill()  # leaves a -wal file with all there is
        writer.wait()
        (open_directory / "rla.db-shm").unlink()
        open_directory.chmod(0o555)
        told = in_child(lambda: open_index(path), uid=NOBODY)
        assert "was not closed" in told

    def test_a_missing_directory_is_told_with_its_error_number(self, tmp_path):
        with pytest.raises(StoreError, match=r"\[Errno 2\]"):
            open_index(tmp_path / "none" / "rla.db")

    def test_a_directory_in_its_place_is_told_with_its_error_number(self, tmp_path):
        with pytest.raises(StoreError, match=r"\[Errno 21\]"):
            open_index(tmp_path)


class TestOtherReaders:
    def test_plain_sqlite_reads_a_hyperparameter(self, sqlite_table, database, run):
        sqlite_table.insert(*run(hyperparameters={"lr": 1e-3, "ü": 2, "nan": float("nan")}))
        query = "SELECT json_extract(hyperparameters, '$.lr'), json_extract(hyperparameters, '$.ü') FROM runs"
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute(query).fetchone() == (1e-3, 2)

    def test_every_json_column_is_json_to_sqlite(self, sqlite_table, database, run):
        sqlite_table.insert(*run(hyperparameters={"a": float("inf"), "b": "\0", "c": 2**80, '"': {1: 2}}))
        with closing(sqlite3.connect(database)) as connection:
            text, valid = connection.execute("SELECT hyperparameters, json_valid(hyperparameters) FROM runs").fetchone()
        assert valid == 1
        assert json.loads(text)["a"] == {"$float": "Infinity"}

    def test_the_file_is_in_wal_mode(self, sqlite_table, database):
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)

    @pytest.mark.parametrize(("pragma", "value"), [("synchronous", 1), ("foreign_keys", 1)])
    def test_our_connections_are_set_up(self, sqlite_table, pragma, value):
        with sqlite_table.index.read() as connection:
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value

    def test_the_schema_is_trusted_only_where_indexes_on_json_need_it(self, sqlite_table):
        with sqlite_table.index.read() as connection:
            trusted = connection.exec_driver_sql("PRAGMA trusted_schema").scalar()
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("CREATE TABLE probe (value)")
            if trusted:
                with pytest.raises(sqlite3.OperationalError, match="unsafe use"):
                    connection.execute("CREATE INDEX probed ON probe (json_type(value))")
            else:
                connection.execute("CREATE INDEX probed ON probe (json_type(value))")
