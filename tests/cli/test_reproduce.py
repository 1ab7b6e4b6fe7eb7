"""rla reproduce and rla checkout: real trainings, run again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rla.artifacts.code.listing import read_list
from tests.indexes import open_database

ROOT = Path(__file__).parents[2]

TORCH = """
import sys
import torch
import rla
from model import make

seed = int(sys.argv[1])
torch.manual_seed(seed)
with rla.init("fit", {"seed": seed, "note": sys.argv[2]}, ["seed"], data_root="rla_data"):
    model = make()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for step in range(30):
        x = torch.rand(32, 4)
        loss = torch.nn.functional.mse_loss(model(x), x.sum(1, keepdim=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rla.time_step_holder.set_time(step)
        rla.logger.record_tabular("loss", loss.item())
        rla.logger.dump_tabular()
"""
MODEL = """
import torch

def make():
    return torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
"""
LIGHT = """
import random
import sys
import rla
from model import scale

random.seed(sys.argv[1])
with rla.init("fit", {"seed": int(sys.argv[1])}, ["seed"], data_root="rla_data"):
    for step in range(30):
        rla.time_step_holder.set_time(step)
        rla.logger.record_tabular("loss", scale(random.random()))
        rla.logger.dump_tabular()
"""
LIGHT_MODEL = """
def scale(loss):
    return 2 * loss
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with its own directory; commands run beside it. It imports nothing that takes seconds."""
    monkeypatch.setenv("RLA_BACKUP_CODE", "1")
    monkeypatch.setenv("RLA_CAPTURE_ENVIRONMENT", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    place = tmp_path / "project"
    place.mkdir()
    (place / "train.py").write_text(LIGHT)
    (place / "model.py").write_text(LIGHT_MODEL)
    return place


@pytest.fixture
def rla_process(tmp_path):
    """Run rla as a process in an empty directory."""
    place = tmp_path / "elsewhere"
    place.mkdir()

    def run(*arguments, **environment):
        command = [sys.executable, "-m", "rla", *map(str, arguments)]
        settings = {**os.environ, **environment}
        done = subprocess.run(
            command,
            cwd=place,
            env=settings,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        done.place = place
        return done

    return run


def train(project, script="train.py", *arguments):
    subprocess.run([sys.executable, script, *arguments], cwd=project, check=True, capture_output=True, timeout=100)


def test_a_torch_training_is_reproduced_bit_by_bit_whatever_became_of_its_code(project, rla_process):
    (project / "train.py").write_text(TORCH)
    (project / "model.py").write_text(MODEL)
    train(project, "train.py", "3", "two words")
    (project / "model.py").write_text("raise RuntimeError('changed since')\n")
    root = project / "rla_data"
    done = rla_process("reproduce", "last", "--check", "--data-root", root, OMP_NUM_THREADS="2")
    assert done.returncode == 0, done.stderr
    assert "equal: 30 rows" in done.stdout
    assert "train.py 3 'two words'" in done.stderr
    assert "OMP_NUM_THREADS=1" in done.stderr
    new, old = open_database(root).runs()
    assert (new.row["parent_uid"], new.state, new.hyperparameters) == (old.uid, "finished", old.hyperparameters)
    (copy,) = done.place.iterdir()
    assert copy.name == f"reproduce-{old.uid[:8]}"
    assert "torch==" in (copy / ".rla-checkout" / "requirements.lock").read_text()
    assert "Warning" not in done.stderr
    assert read_list(new.code_dir).files == read_list(old.code_dir).files
    assert not (copy / "rla_data").exists()


def test_a_variant_of_a_grid_is_refused_with_advice(project, rla_process):
    (project / "mine.py").write_text("def train(lr):\n    return lr\n")
    grid = [sys.executable, "-m", "rla", "grid", "run", "mine:train", "--lr", "1", "--name", "small"]
    subprocess.run(grid, cwd=project, check=True, capture_output=True, timeout=100)
    done = rla_process("reproduce", "last", "--data-root", project / "rla_data")
    assert done.returncode == 1
    assert "is a variant of the grid 'small'" in done.stderr
    assert "run the grid again" in done.stderr


def test_a_difference_is_told_and_is_an_exit_code(project, rla_process):
    noise = "len(__import__('os').environ.get('NOISE', '')) * (step > 9)"
    script = LIGHT.replace("random.random())", f"random.random()) + {noise}")
    (project / "train.py").write_text(script)
    train(project, "train.py", "3", "x")
    done = rla_process("reproduce", "last", "--check", "--json", "--data-root", project / "rla_data", NOISE="1")
    assert done.returncode == 1
    told = json.loads(done.stdout)["check"]
    assert (told["equal"], told["until"], told["key"]) == (False, 9, "loss")
    assert told["difference"] == pytest.approx(1.0)


def test_the_cartpole_example_is_reproduced_bit_by_bit(project, rla_process):
    root = project / "rla_data"
    example = str(ROOT / "example/cartpole/train.py")
    subprocess.run(
        [sys.executable, example, "--data-root", str(root), "--steps", "1200"],
        cwd=project,
        check=False,  # so short a training does not solve it
        capture_output=True,
        timeout=100,
    )
    middle = open_database(root).runs()[3]
    done = rla_process("reproduce", middle.uid, "--check", "--data-root", root)
    assert "equal: " in done.stdout, done.stderr
    again = open_database(root).runs()
    assert len(again) == 12
    assert [run.row["parent_uid"] for run in again if run.row["parent_uid"]] == [middle.uid]


def test_a_script_in_a_package_is_run_as_a_module(project, rla_process):
    package = project / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "model.py").write_text(LIGHT_MODEL)
    (package / "train.py").write_text(LIGHT.replace("from model", "from .model"))
    (project / "rla_config.yaml").write_text("BACKUP_CONFIG:\n  backup_code_dir: [package]\n")
    subprocess.run(
        [sys.executable, "-m", "package.train", "1", "x"], cwd=project, check=True, capture_output=True, timeout=100
    )
    done = rla_process("reproduce", "last", "--check", "--data-root", project / "rla_data")
    assert done.returncode == 0, done.stderr
    assert "-m package.train 1 x" in done.stderr


def test_a_dry_run_shows_the_command_and_runs_nothing(project, rla_process):
    train(project, "train.py", "3", "x")
    root = project / "rla_data"
    done = rla_process("reproduce", "last", "there", "--dry-run", "--data-root", root)
    assert done.returncode == 0
    assert "train.py 3 x" in done.stderr
    assert (done.place / "there" / "model.py").exists()
    assert len(open_database(root).runs()) == 1


@pytest.mark.parametrize("foreign", ["host", "user"])
def test_the_command_of_somebody_else_is_shown_and_not_run_without_trust(project, rla_process, foreign):
    train(project, "train.py", "3", "x")
    root = project / "rla_data"
    run = open_database(root).runs()[0]
    record = json.loads(run.paths.manifest.read_text())
    run.paths.manifest.write_text(json.dumps({**record, foreign: "mallory"}))
    done = rla_process("reproduce", "last", "--data-root", root)
    assert done.returncode == 2
    assert "train.py 3 x" in done.stderr
    assert "--trust runs it without asking" in done.stderr
    assert len(open_database(root).runs()) == 1
    assert rla_process("reproduce", "last", "again", "--trust", "--data-root", root).returncode == 0


def test_a_command_that_fails_is_told_with_its_exit_code(project, rla_process):
    (project / "train.py").write_text(LIGHT + "\nimport os\nif os.environ.get('BREAK'):\n    sys.exit(9)\n")
    train(project, "train.py", "3", "x")
    done = rla_process("reproduce", "last", "--data-root", project / "rla_data", BREAK="1")
    assert done.returncode == 1
    assert "exit code 9" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["-c", "import rla; rla.init('t', data_root='rla_data').close()"], "with -c"), (["-"], "at a prompt")],
)
def test_a_run_without_a_script_cannot_be_run_again(project, rla_process, arguments, told):
    subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        check=True,
        input="import rla; rla.init('t', data_root='rla_data').close()",
        text=True,
        timeout=100,
    )
    done = rla_process("reproduce", "last", "--data-root", project / "rla_data")
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_secret_argument_is_not_guessed(project, rla_process):
    train(project, "train.py", "3", "--api-key=abcdef123456")
    done = rla_process("reproduce", "last", "--data-root", project / "rla_data")
    assert done.returncode == 1
    assert "secret" in done.stderr
    assert "abcdef123456" not in done.stderr


def test_checkout_gives_the_code_and_the_parameters(project, rla_process):
    train(project, "train.py", "3", "x")
    done = rla_process("checkout", "seed == 3", "out", "--data-root", project / "rla_data")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (done.place / "out").iterdir()} == {"train.py", "model.py", ".rla-checkout"}
    assert done.stdout == "2 files in out, and the parameters in out/.rla-checkout\n"
