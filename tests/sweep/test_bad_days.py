"""Grids whose functions, parents and machines do not behave."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from rla.errors import JobsFailedError
from tests.sweep.test_grid import local
from tests.timing import HANGS, wait_for


def names(runs):
    return [run.row["job"].partition("#")[0] for run in runs]


# --- how a function may end


def exits(code):
    return lambda: sys.exit(code)


def dies(code):
    return lambda: os._exit(code)


def crashes():
    import ctypes

    ctypes.string_at(0)


def forks_and_fails():
    if os.fork() == 0:
        os._exit(0)
    os.wait()
    raise OSError("after the fork")


@pytest.mark.parametrize(
    ("thunk", "state", "code", "error"),
    [
        (exits(0), "failed", 1, "before it returned"),
        (exits(7), "failed", 7, "exit code 7"),
        (dies(0), "failed", 0, "ended with exit code 0 before the function returned"),
        (dies(5), "failed", 5, "exit code 5"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "killed", 137, "SIGKILL"),
        (local(crashes), "killed", 139, "SIGSEGV"),
        (local(forks_and_fails), "failed", 1, "after the fork"),
        (lambda: (_ for _ in ()).throw(KeyboardInterrupt), "killed", 130, "SIGINT"),
    ],
    ids=["sys.exit(0)", "sys.exit(7)", "os._exit(0)", "os._exit(5)", "SIGKILL", "segfault", "fork", "Ctrl-C in it"],
)
def test_every_end_but_a_return_is_told_and_stops_nothing_else(grid, stored, thunk, state, code, error):
    report = grid(thunk=[thunk, lambda: 1], seed=[0]).run("thunk", quiet=True)
    first, second = stored()
    assert (first.state, first.row["exit_code"]) == (state, code)
    assert error in first.row["error"]
    assert second.state == "finished"
    assert report.counts == {state: 1, "finished": 1}
    assert error in str(report)
    assert not report.succeeded


def test_a_failure_stops_the_rest_when_asked(grid, stored):
    with pytest.raises(JobsFailedError, match="2 not started") as caught:
        grid(lr=[0, 1, 2]).run(local(lambda lr: 1 / lr), on_failure="stop", quiet=True)
    assert [run.state for run in stored()] == ["failed"]
    assert len(caught.value.failures) == 1


def test_a_variant_that_fails_is_run_again_as_often_as_asked(grid, stored, place):
    def flaky(place):
        from pathlib import Path

        tries = Path(place) / "tries"
        tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
        assert len(tries.read_text()) == 3

    report = grid(place=str(place)).run(local(flaky), retries=4, quiet=True)
    assert report.counts == {"finished": 1}
    assert [run.state for run in stored()] == ["failed", "failed", "finished"]
    assert [run.log_dir.name for run in stored()] == ["g_s0", "g_s0-2", "g_s0-3"]


def test_a_variant_whose_time_is_up_is_ended(grid, stored):
    def slow(seconds):
        import time

        time.sleep(seconds)

    grid(seconds=[600, 0]).run(local(slow), timeout=5, quiet=True)
    assert [run.state for run in stored()] == ["timeout", "finished"]


# --- side by side


def meet(place, me, other):
    """Return when the other one is there at the same time."""
    import time
    from pathlib import Path

    (Path(place) / f"here-{me}").touch()
    while not (Path(place) / f"here-{other}").exists():
        time.sleep(0.01)


def test_variants_run_side_by_side(grid, stored, place):
    pair = [{"me": 0, "other": 1}, {"me": 1, "other": 0}]
    report = grid(pair=pair, place=str(place), meet=[local(meet)]).run(
        local(lambda pair, place, meet: meet(place, **pair)), jobs=2, quiet=True
    )
    assert report.counts == {"finished": 2}


def seen_by_two(place, n, meet):
    """The GPU of a variant, which runs at the same time as its neighbour."""
    import os

    meet(place, n, n ^ 1)
    return int(os.environ["CUDA_VISIBLE_DEVICES"])


def test_gpus_are_dealt_out(grid, stored, place):
    variants = grid(n=[0, 1, 2, 3], place=str(place), meet=[local(meet)])
    variants.run(local(seen_by_two), jobs=4, gpus=[3, 5], quiet=True)
    assert sorted(run.summary["result"] for run in stored()) == [3, 3, 5, 5]


def test_without_jobs_there_is_one_variant_for_each_gpu(grid, stored, place):
    variants = grid(n=[0, 1], place=str(place), meet=[local(meet)])
    variants.run(local(seen_by_two), gpus=[0, 1], quiet=True)
    assert sorted(run.summary["result"] for run in stored()) == [0, 1]


# --- again


def test_resume_runs_what_has_not_finished_and_knows_the_same_work_under_another_name(grid, stored):
    thunk = local(lambda lr, net="a": 1 / lr)
    grid(lr=[1]).run(thunk, quiet=True)
    report = grid(lr=[1, 0]).run(thunk, quiet=True, resume=True)
    assert (report.skipped, report.counts) == (1, {"failed": 1})
    report = grid(lr=[1, 0, 2]).run(thunk, quiet=True, resume=True)
    assert (report.skipped, report.counts) == (1, {"failed": 1, "finished": 1})
    assert names(stored()) == ["g", "g_lr0", "g_lr0", "g_lr2"]


def test_resume_runs_another_value_that_is_not_in_the_name(grid, stored):
    grid(lr=[1], steps=[10]).run(local(lambda lr, steps: steps), quiet=True)
    report = grid(lr=[1], steps=[20]).run(local(lambda lr, steps: steps), quiet=True, resume=True)
    assert (report.skipped, report.counts) == (0, {"finished": 1})


def test_a_variant_that_is_listed_twice_runs_twice_and_is_done_twice(grid):
    thunk = local(lambda lr: lr)
    assert grid(lr=[1, 1]).run(thunk, quiet=True).counts == {"finished": 2}
    assert grid(lr=[1, 1]).run(thunk, quiet=True, resume=True).skipped == 2


SCRIPT = """
import os, sys, time
from pathlib import Path
from rla.sweep import ExperimentGrid

def train(n):
    Path(f"began-{n}").touch()
    while not Path("go").exists():
        time.sleep(0.02)
    return n

grid = ExperimentGrid("g")
grid.add("n", [0, 1, 2])
report = grid.run(train, jobs=2, resume=True)
print(report.counts, report.skipped)
"""


def test_in_a_file_the_table_of_a_grid_stands_above_what_became_of_it(python):
    text = """
        import os
        from rla.sweep import ExperimentGrid
        os.dup2(1, 2)
        grid = ExperimentGrid("g")
        grid.add("lr", [1])
        grid.run(lambda lr: lr)
    """
    _, out, _ = python(text)
    assert out.index("runs over parameters") < out.index("[1/1] finished") < out.index("grid g: 1 finished")


def test_ctrl_c_ends_the_variants_and_resume_goes_on(python, place, stored):
    process = python(SCRIPT, wait=False)
    wait_for(lambda: (place / "began-1").exists() and (place / "began-0").exists())
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=HANGS)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in err
    assert [run.state for run in stored()] == ["interrupted"] * 2
    assert not (place / "began-2").exists()
    (place / "go").touch()
    assert "{'finished': 3} 0" in python(SCRIPT)[1]


def test_a_parent_that_is_killed_leaves_variants_that_the_next_call_takes_over(python, place, newest):
    process = python(SCRIPT, wait=False)
    wait_for(lambda: (place / "began-1").exists() and (place / "began-0").exists())
    process.kill()
    process.communicate(timeout=HANGS)
    second = python(SCRIPT, wait=False)
    adopted = (line for line in second.stderr if "goes on" in line)
    assert len([next(adopted), next(adopted)]) == 2
    (place / "go").touch()
    out, err = second.communicate(timeout=HANGS)
    assert "{'finished': 3} 0" in out, err
    assert [run.state for run in newest()] == ["finished"] * 3
    assert len(list(place.glob("rla_data/g_n*/g_n*"))) == 3
    assert {run.summary["result"] for run in newest()} == {0, 1, 2}


def test_variants_that_ended_while_nobody_watched_are_judged_by_the_next_call(python, place, newest):
    process = python(SCRIPT, wait=False)
    wait_for(lambda: (place / "began-1").exists() and (place / "began-0").exists())
    process.kill()
    process.communicate(timeout=HANGS)
    (place / "go").touch()
    wait_for(lambda: [file.read_text().strip() for file in place.glob("rla_data/g_n*/g_n*/exit_code")] == ["0"] * 2)
    assert "{'finished': 1} 2" in python(SCRIPT)[1]
    assert {run.summary["result"] for run in newest()} == {0, 1, 2}
    assert not list(place.glob("rla_data/g_n*/g_n*/.payload"))


# --- where functions come from


def test_a_function_of_a_sibling_module_runs(python, place, stored):
    (place / "sibling.py").write_text("FACTOR = 3\ndef train(lr): return lr * FACTOR\n")
    python(
        """
        import os
        from sibling import train
        from rla.sweep import ExperimentGrid
        grid = ExperimentGrid("g")
        grid.add("lr", [1, 2])
        os.chdir("/")
        grid.run(train, data_root=os.path.dirname(os.path.abspath(__file__)) + "/rla_data")
        """
    )
    assert [run.summary["result"] for run in stored()] == [3, 6]
    assert {run.row["cwd"] for run in stored()} == {"/"}


def test_a_function_of_the_script_runs_without_a_guard_around_the_rest(python, stored):
    python(
        """
        from rla.sweep import ExperimentGrid
        SCALE = 10
        class Net:
            width = 4
        def helper(lr):
            return lr * SCALE * Net.width
        def train(lr, net):
            return helper(lr) + net.width
        grid = ExperimentGrid("g")
        grid.add("lr", [1, 2])
        grid.add("net", Net)
        grid.run(train)
        """
    )
    assert [run.summary["result"] for run in stored()] == [44, 84]


def test_a_function_of_a_notebook_runs(place, stored):
    import subprocess

    cells = "def train(lr): return lr + 1\nfrom rla.sweep import ExperimentGrid\ngrid = ExperimentGrid('g')\n"
    cells += "grid.add('lr', [1])\ngrid.run(train)\n"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-"], input=cells, text=True, check=True, env=environment, cwd=place)
    assert [run.summary["result"] for run in stored()] == [2]


def test_a_spinningup_script_runs_when_its_import_line_changes(python, place, stored):
    python(
        """
        from rla.sweep.run_utils import ExperimentGrid
        import json, os

        def ppo(env_fn, ac_kwargs=dict(), seed=0, steps_per_epoch=4000, epochs=50, logger_kwargs=dict()):
            env = env_fn()
            os.makedirs(logger_kwargs["output_dir"], exist_ok=True)
            with open(os.path.join(logger_kwargs["output_dir"], "progress.txt"), "w") as file:
                file.write("Epoch\\tEpLen\\n0\\t%d\\n" % steps_per_epoch)
            env.close()

        if __name__ == '__main__':
            eg = ExperimentGrid(name='ppo-bench')
            eg.add('env_name', 'CartPole-v1', '', True)
            eg.add('seed', [10*i for i in range(2)])
            eg.add('epochs', 10)
            eg.add('steps_per_epoch', 100)
            eg.add('ac_kwargs:hidden_sizes', [(32,), (64,64)], 'hid')
            eg.run(ppo, num_cpu=1, data_dir='data')
        """
    )
    assert [run.state for run in stored()] == ["finished"] * 4
    expected = [f"ppo-bench_cartpole-v1_hid{hid}" for hid in ("32", "64-64")] * 2
    assert names(stored()) == expected
    assert (place / f"data/{expected[0]}/{expected[0]}_s10/progress.txt").exists()


def test_workers_that_a_function_spawns_do_not_run_its_script_again(python, place, stored):
    (place / "worker.py").write_text("def double(x): return 2 * x\n")
    python(
        """
        from pathlib import Path
        from rla.sweep import ExperimentGrid
        with open("began", "a") as file:
            file.write("x")
        def train(lr):
            import multiprocessing
            from worker import double
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                return sum(pool.map(double, [lr, 10]))
        grid = ExperimentGrid("g")
        grid.add("lr", [1])
        grid.run(train)
        """
    )
    assert [run.summary["result"] for run in stored()] == [22]
    assert (place / "began").read_text() == "x"


def test_a_function_of_a_script_pickles_and_forks_with_what_the_script_has(python, place, stored):
    python(
        """
        from rla.sweep import ExperimentGrid
        class Net:
            width = 4
        def double(x):
            return 2 * x
        def train(lr):
            import multiprocessing, pickle, __main__
            assert pickle.loads(pickle.dumps(Net())).width == 4
            assert pickle.loads(pickle.dumps(__main__.train)) is __main__.train
            with multiprocessing.get_context("fork").Pool(2) as pool:
                return sum(pool.map(double, [lr, 10]))
        grid = ExperimentGrid("g")
        grid.add("lr", [1])
        grid.run(train)
        """
    )
    (run,) = stored()
    assert run.state == "finished", run.row["error"]
    assert run.summary["result"] == 22


@pytest.mark.parametrize("home", ["script", "sibling"])
def test_the_code_that_a_variant_keeps_is_that_of_the_script(python, place, stored, home):
    train = "def train(lr):\n    import rla\n    with rla.init('task', {'a': 1}):\n        return lr\n"
    (place / "sibling.py").write_text(train)
    (place / "elsewhere").mkdir()
    defined = "from sibling import train" if home == "sibling" else train
    python(
        f"{defined}\n"
        "import os\n"
        "os.chdir('elsewhere')\n"
        "from rla.sweep import ExperimentGrid\n"
        "grid = ExperimentGrid('g')\n"
        "grid.add('lr', [1])\n"
        "grid.run(train, data_root='../rla_data').check()\n",
        RLA_BACKUP_CODE="1",
    )
    (run,) = stored()
    kept = {file.name for file in (run.log_dir / "code").iterdir()}
    assert {"script.py", "sibling.py"} <= kept
    assert "entrypoint.py" not in kept


def test_a_directory_that_cannot_be_made_is_told_before_anything_starts(grid, place):
    from rla.errors import RunStartError

    (place / "file").touch()
    with pytest.raises(RunStartError, match="nothing was started"):
        grid(lr=[1]).run(local(lambda lr: None), data_dir=place / "file" / "below", quiet=True)


@pytest.mark.parametrize("data_dir", ["rla_data/log", "rla_data/code/deeper", "rla_data/.rla"])
def test_a_data_dir_among_what_a_data_root_keeps_is_refused(grid, place, data_dir):
    from rla.errors import GridError

    with pytest.raises(GridError, match="of a data root is rla's own"):
        grid(lr=[1]).run(local(lambda lr: None), data_dir=place / data_dir, quiet=True)
    assert not (place / "rla_data").exists()


def test_a_name_that_a_data_root_keeps_for_itself_is_refused(grid, place):
    from rla.errors import GridError

    with pytest.raises(GridError, match="the name 'log' is taken"):
        grid("log", lr=[1]).run(local(lambda lr: None), quiet=True)
    assert not (place / "rla_data").exists()


def test_a_data_dir_of_its_own_inside_the_data_root_is_one_place(grid, place, stored):
    grid(lr=[1]).run(local(lambda lr: None), data_dir=place / "rla_data" / "mine", quiet=True)
    (run,) = stored()
    assert run.log_dir == place / "rla_data" / "mine" / "g" / "g_s0"


# --- secrets, and runs in runs


def test_what_is_sent_is_in_no_command_line_and_in_no_file_once_it_has_been_read(grid, stored):
    def look(secret):
        from pathlib import Path

        words = Path("/proc/self/cmdline").read_bytes()
        assert secret.encode() not in words
        payload = next(word for word in words.decode().split("\0") if word.endswith(".payload"))
        return Path(payload).parent.exists() and not Path(payload).exists()

    grid(secret="a-long-secret-text").run(local(look), quiet=True)
    (run,) = stored()
    assert run.summary["result"] is True


def test_the_run_that_starts_a_grid_is_the_parent_of_its_runs(grid, stored):
    import rla

    with rla.init("outer", {"lr": 1}) as outer:
        grid(lr=[1, 2]).run(local(lambda lr: None), quiet=True)
    assert {run.row["parent_uid"] for run in stored() if run.task == "g"} == {outer.uid}
