"""Making the table again from the runs' directories."""

import os
import shutil
import tempfile

import pytest

from rla.core import states
from rla.core.layout import RootPaths
from rla.core.manifest import Notes, State
from rla.errors import StoreError
from rla.store.engine import open_index
from rla.store.rebuild import read_row, read_run, rebuild
from rla.store.run_table import Place, RunTable, row_of


@pytest.fixture
def table(sqlite_table):
    return sqlite_table


def test_the_rebuilt_table_is_the_one_that_was_deleted(url, new_table, root, write_run):
    table = new_table(url)
    for number in range(30):
        state = State(state=states.FINISHED, heartbeat=1.0, summary={"r": float("nan")}) if number % 3 else None
        paths = write_run(root, number, state, Notes(tags=["t"]) if number % 2 else None)
        row = row_of(*read_run(paths))
        table.insert(row, Place(row["uid"], "root", paths.place))
    before = repr(table.rows())  # NaN is unlike itself
    table.remove_places(table.places_in("root"))
    assert table.rows() == []
    report = rebuild(root, table, "root")
    assert (report.runs, report.damaged, report.gone) == (30, [], [])
    assert repr(table.rows()) == before


def test_rebuilding_again_changes_nothing(table, root, write_run):
    for number in range(5):
        write_run(root, number, tracked="same", created="2026/03/01/21-13-03-000000", name=f"n{number}")
    rebuild(root, table, "root")
    before = table.rows()
    rebuild(root, table, "root")
    assert table.rows() == before
    assert {row["seq"] for row in before} == {0, 1, 2, 3, 4}


def test_archived_copies_are_found_and_the_live_one_counts(table, root, write_run):
    write_run(RootPaths(root.root / "arc"), 1, State(heartbeat=2.0))
    write_run(RootPaths(root.root / "arc"), 2)
    write_run(root, 1, State(heartbeat=2.0, time_step=5))
    rebuild(root, table, "root")
    assert [place.archived for place in table.places_of(f"{1:016x}")] == [False, True]
    assert table.get(f"{1:016x}")["time_step"] == 5
    assert [place.archived for place in table.places_of(f"{2:016x}")] == [True]


def test_a_run_whose_directory_is_gone_leaves(table, root, write_run):
    gone, stays = write_run(root, 1), write_run(root, 2)
    rebuild(root, table, "root")
    shutil.rmtree(gone.log)
    report = rebuild(root, table, "root")
    assert report.left == [f"{1:016x}"]
    assert [place.path for place in report.gone] == [gone.place]
    assert [row["uid"] for row in table.rows()] == [read_run(stays)[0].uid]


def test_places_of_other_roots_are_not_judged(table, root, run):
    row, place = run(root_id="another host's")
    table.insert(row, place)
    rebuild(root, table, "root")
    assert table.places_of(row["uid"]) == [place]


def test_a_root_that_is_not_there_is_an_error_and_nothing_leaves(table, root, write_run):
    write_run(root)
    rebuild(root, table, "root")
    root.root.rename(root.root.with_name("unmounted"))
    with pytest.raises(StoreError, match="is not there"):
        rebuild(root, table, "root")
    assert len(table.rows()) == 1


def test_a_log_tree_on_a_disk_that_is_not_mounted_is_an_error_and_nothing_leaves(table, root, write_run, tmp_path):
    write_run(root)
    rebuild(root, table, "root")
    root.kind("log").rename(tmp_path / "disk")
    root.kind("log").symlink_to(tmp_path / "disk")
    assert rebuild(root, table, "root").runs == 1
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    with pytest.raises(StoreError, match="mount it"):
        rebuild(root, table, "root")
    assert len(table.rows()) == 1


def test_a_directory_that_may_not_be_read_is_reported_and_nothing_leaves(open_directory, write_run, in_child):
    root = RootPaths(open_directory)
    place = write_run(root).place
    (root.kind("log") / "cartpole").chmod(0)

    def rebuild_as_another():
        with tempfile.TemporaryDirectory() as own:
            index = open_index(f"{own}/rla.db")
            table = RunTable(index)
            table.insert({"uid": "a"}, Place("a", "root", place))
            report = rebuild(root, table, "root")
            index.close()
        return [damage.path.name for damage in report.damaged], report.gone

    assert in_child(rebuild_as_another, uid=65534) == "(['cartpole'], [])"
    (root.kind("log") / "cartpole").chmod(0o755)


class TestDamaged:
    @pytest.mark.parametrize(
        "content", [b"", b"{", b"[1, 2]", b"\xff\xfe", b'{"uid": "0123456789abcdef"}', b"[" * 10**5]
    )
    def test_a_damaged_manifest_hides_no_other_run(self, table, root, write_run, content):
        bad, good = write_run(root, 1), write_run(root, 2)
        bad.manifest.write_bytes(content)
        report = rebuild(root, table, "root")
        assert [damage.path for damage in report.damaged] == [bad.manifest]
        assert good.place in {place.path for row in table.rows() for place in row["places"]}

    def test_a_torn_manifest_still_gives_a_row_when_it_tells_the_uid(self, table, root, write_run):
        paths = write_run(root, 1, State(state=states.FAILED, time_step=9))
        paths.manifest.write_bytes(paths.manifest.read_bytes()[:200])
        rebuild(root, table, "root")
        row = table.get(f"{1:016x}")
        assert row["damaged"].startswith("run.json: not a manifest file")
        assert (row["created"], row["ip"], row["state"]) == ("2026/03/01/21-13-00-000001", "192.0.2.7", states.FAILED)

    def test_the_marker_of_another_kind_tells_the_uid(self, table, root, write_run):
        paths = write_run(root, 1)
        paths.manifest.write_bytes(b"")
        paths.directory("code").mkdir(parents=True)
        paths.marker("code").write_text(f"{1:016x}\n")
        rebuild(root, table, "root")
        assert table.get(f"{1:016x}")["damaged"]

    def test_a_row_that_is_known_keeps_what_it_says(self, table, root, write_run):
        paths = write_run(root, 1)
        rebuild(root, table, "root")
        paths.manifest.write_bytes(b"")
        rebuild(root, table, "root")
        row = table.get(f"{1:016x}")
        assert (row["hyperparameters"]["lr"], bool(row["damaged"])) == (0.1, True)

    def test_a_mended_manifest_takes_the_mark_away(self, table, root, write_run):
        paths = write_run(root, 1)
        content = paths.manifest.read_bytes()
        paths.manifest.write_bytes(content[:200])
        rebuild(root, table, "root")
        paths.manifest.write_bytes(content)
        rebuild(root, table, "root")
        assert table.get(f"{1:016x}")["damaged"] is None

    @pytest.mark.parametrize("name", ["state", "notes"])
    def test_a_damaged_second_file_is_noted_on_the_row(self, table, root, write_run, name):
        paths = write_run(root, 1, State(), Notes())
        getattr(paths, name).write_bytes(b"{")
        report = rebuild(root, table, "root")
        assert len(report.damaged) == 1
        assert table.get(f"{1:016x}")["damaged"].startswith(f"{name}.json")

    def test_a_pipe_in_place_of_a_manifest_does_not_make_us_wait(self, table, root, write_run):
        paths = write_run(root, 1)
        paths.manifest.unlink()
        os.mkfifo(paths.manifest)
        assert len(rebuild(root, table, "root").damaged) == 1


class TestLinks:
    def test_a_linked_directory_is_not_followed(self, table, root, write_run, tmp_path):
        paths = write_run(RootPaths(tmp_path / "elsewhere"), 1)
        root.kind("log").mkdir()
        (root.kind("log") / "cartpole").symlink_to(paths.log.parents[3])
        assert rebuild(root, table, "root").runs == 0

    def test_a_linked_manifest_is_not_read(self, table, root, write_run, tmp_path):
        secret = write_run(RootPaths(tmp_path / "elsewhere"), 1).manifest
        paths = write_run(root, 2)
        paths.manifest.unlink()
        paths.manifest.symlink_to(secret)
        report = rebuild(root, table, "root")
        assert (report.runs, len(report.damaged)) == (0, 1)


class TestReading:
    def test_a_run_that_has_only_a_manifest_is_read(self, root, write_run):
        assert read_run(write_run(root))[1:] == (State(), Notes())

    def test_a_directory_without_a_manifest_is_no_run(self, root):
        with pytest.raises(FileNotFoundError):
            read_run(root.run("nothing"))

    def test_a_damaged_file_is_named(self, root, write_run):
        paths = write_run(root, 1, State())
        paths.state.write_bytes(b"{")
        with pytest.raises(ValueError, match=r"^state\.json: not a state file"):
            read_run(paths)

    def test_the_row_of_a_whole_run_has_no_damage(self, root, write_run):
        paths = write_run(root, 1, State(), Notes(notes="n"))
        assert read_row(paths) == row_of(*read_run(paths))
