"""What loggers of spinningup's kind write becomes curves and last values."""

from __future__ import annotations

import pytest

from rla.core.layout import JobRunPaths
from rla.core.manifest import State
from rla.sweep.progress_text import take_in_progress
from tests.sweep.test_grid import local

TEXT = "Epoch\tAverageEpRet\tTotalEnvInteracts\tNote\n0\t-1.5\t4000\ta, b\n1\tnan\t8000\tc\n2\t3e1\t12000\td\n"


@pytest.fixture
def paths(tmp_path):
    """An empty directory of a run."""
    made = JobRunPaths(tmp_path, "run")
    made.log.mkdir()
    return made


def test_the_table_becomes_csv_with_the_steps_of_the_environment(paths):
    paths.progress_text.write_text(TEXT)
    state = take_in_progress(paths, State())
    assert paths.csv.read_text() == (
        "Epoch,AverageEpRet,TotalEnvInteracts,Note,time-step\n"
        '0,-1.5,4000,"a, b",4000\n1,NaN,8000,c,8000\n2,3e1,12000,d,12000\n'
    )
    assert (state.time_step, state.summary) == (12000, {"Epoch": 2, "AverageEpRet": 30.0, "TotalEnvInteracts": 12000})


def test_without_steps_the_epoch_counts_and_without_epochs_the_row(paths):
    paths.progress_text.write_text("Epoch\tLoss\n5\t1\n6\t2\n")
    assert take_in_progress(paths, State()).time_step == 6
    paths.csv.unlink()
    paths.progress_text.write_text("Loss\n1\n2\n")
    assert take_in_progress(paths, State()).time_step == 1


def test_a_line_that_was_cut_off_does_not_count(paths):
    paths.progress_text.write_text(TEXT + "3\t4")
    assert take_in_progress(paths, State()).time_step == 12000


@pytest.mark.parametrize("text", ["", "Epoch", "Epoch\n", "\n\n", "\x00\xff"])
def test_a_table_without_rows_is_nothing(paths, text):
    paths.progress_text.write_text(text)
    state = take_in_progress(paths, State())
    assert (state.time_step, state.summary, paths.csv.exists()) == (None, {}, False)


def test_a_csv_of_its_own_is_read_as_it_is(paths):
    paths.csv.write_text("Epoch,AverageEpRet,TotalEnvInteracts\n0,2.5,100\n")
    before = paths.csv.read_bytes()
    state = take_in_progress(paths, State())
    assert (state.time_step, state.summary["AverageEpRet"]) == (100, 2.5)
    assert paths.csv.read_bytes() == before


def test_a_run_that_recorded_with_rla_is_left_alone(paths):
    paths.joined.touch()
    paths.progress_text.write_text(TEXT)
    assert take_in_progress(paths, State(time_step=7)).summary == {}
    assert not paths.csv.exists()


def test_a_grid_of_spinningup_can_be_drawn_and_compared(grid, stored):
    def ppo(lr, logger_kwargs):
        with open(f"{logger_kwargs['output_dir']}/progress.txt", "w") as file:
            file.write("Epoch\tAverageEpRet\tTotalEnvInteracts\n")
            file.writelines(f"{epoch}\t{lr * epoch}\t{epoch * 1000}\n" for epoch in range(3))

    grid(lr=[1, 2], seed=[0, 1]).run(local(ppo), quiet=True).check()
    import rla

    runs = stored()
    assert [run.time_step for run in runs] == [2000] * 4
    assert [list(values) for values in runs[3].curve("AverageEpRet")] == [[0, 1000, 2000], [0, 2, 4]]
    figure, table = rla.plot(rla.query("rla_data", batch="g"), "AverageEpRet", group_by="lr", band=None)
    assert len(figure.axes[0].get_lines()) >= 2
    assert not table.empty
    assert [run.summary["AverageEpRet"] for run in runs] == [2, 2, 4, 4]
