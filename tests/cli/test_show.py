"""rla show."""

from __future__ import annotations

import sys

import pytest

import rla


def test_everything_that_is_known_of_a_run_is_shown(rla_command, record):
    run = record(seed=3, net={"layers": [64, 64]})
    out = rla_command("show", run.uid[:10]).out
    for expected in (run.uid, "finished", "demo", "net.layers", "[64,64]", "reward", run.paths.place, "seed"):
        assert expected in out


def test_the_range_of_each_value_stands_beside_its_last(rla_command, record):
    record()
    (line,) = (line for line in rla_command("show", "last").lines if line.startswith("reward"))
    assert line.split() == ["reward", "10", "5", "10", "7.5"]


def test_the_command_and_the_tags_are_shown_as_they_are_typed(rla_command, record, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", "two words", "--lr=0.1"])
    run = record()
    assert rla_command("tag", run.uid, "--add", "good", "--add", "old").code == 0
    out = rla_command("show", "last").out
    assert "'two words' --lr=0.1\n" in out
    assert "  tags       good, old\n" in out


def test_json_is_one_document(rla_command, record):
    run = record(seed=3)
    shown = rla_command("show", "last", "--json").json
    assert (shown["uid"], shown["hyperparameters"], shown["state"]) == (run.uid, {"seed": 3}, "finished")


def test_a_traceback_keeps_its_lines_and_nothing_that_moves_the_cursor(rla_command, data_root):
    with pytest.raises(ValueError, match="diverged"), rla.init("t", data_root=data_root):
        raise ValueError("diverged \x1b[2J\r over")
    done = rla_command("show", "last")
    assert "Traceback (most recent call last):\n" in done.out
    assert "ValueError: diverged \\x1b[2J" in done.out
    assert all(char.isprintable() for line in done.out.split("\n") for char in line)


def test_losses_are_counted(rla_command, data_root):
    run = rla.init("t", data_root=data_root)
    with pytest.warns(rla.errors.RlaWarning, match="not a number"):
        rla.logger.logkv_mean("k", "no number")
    run.close()
    assert "logkv_mean:k  1" in rla_command("show", "last").out


@pytest.mark.parametrize("file", ["run.json", "state.json"])
def test_a_damaged_file_is_named_and_hides_nothing_else(rla_command, record, file):
    run = record(seed=3)
    (run.log_dir / file).write_text("garbage")
    assert rla_command("reindex").code == 0
    done = rla_command("show", run.uid)
    assert done.code == 0
    assert f"reason  {file}: " in done.out


def test_a_run_whose_files_are_elsewhere_is_still_shown(rla_command, record, database):
    from rla.store.run_row import Place

    run = record(seed=3)
    table = database().table
    table.add_place(Place(run.uid, "another root", run.paths.place))
    table.remove_place(Place(run.uid, database().root_id, run.paths.place))
    assert "root another root" in rla_command("show", run.uid).out
    for name in ("path", "logs"):
        done = rla_command(name, run.uid)
        assert (done.code, done.out) == (3, "")
        assert "another root" in done.err


def test_the_lineage_of_a_run_is_shown_from_its_first_ancestor_to_its_children(rla_command, data_root):
    config = {"DL_FRAMEWORK": "numpy"}
    with rla.init("t", {"seed": 1}, ["seed"], data_root=data_root, config=config) as first:
        rla.exp_manager.save_checkpoint({"w": 1.0})
    with rla.resume(first.uid, data_root=data_root, config=config) as resumed:
        second = resumed.run
    lines = rla_command("show", second.uid).out.partition("\nlineage\n")[2].splitlines()
    assert [line.split()[0] for line in lines[:2]] == [first.uid, ">"]
    assert second.uid in lines[1]
    assert rla_command("show", first.uid, "--json").json["children"] == [second.uid]
    assert rla_command("show", second.uid, "--json").json["ancestors"] == [first.uid]
    assert "\nlineage\n" not in rla_command("show", rla.init("t", data_root=data_root).uid).out
