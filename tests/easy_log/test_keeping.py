"""What the manager keeps besides values: checkpoints, custom data, code, environment."""

from __future__ import annotations

import json
import os
import subprocess
from collections import deque
from pathlib import Path

import numpy as np
import pytest

import rla
from rla import exp_manager, logger, time_step_holder
from rla.artifacts.code.backup import verify_code
from rla.errors import CheckpointNotFoundError, ConfigError, NotConfiguredError, RlaWarning

torch = pytest.importorskip("torch")


@pytest.fixture
def run(data_root):
    with rla.init("t", {"seed": 1}, data_root=data_root) as run:
        yield run


def save(step: int, **more: object) -> str | None:
    time_step_holder.set_time(step)
    return exp_manager.save_checkpoint({"weights": torch.full((2,), float(step))}, **more)


def test_a_checkpoint_comes_back_with_its_step(run):
    exp_manager.new_saver()
    path = save(7)
    assert path == str(run.checkpoint_dir / "checkpoint_7.pt")
    step, model = exp_manager.load_checkpoint()
    assert step == 7
    assert model["weights"].tolist() == [7.0, 7.0]


def test_saving_works_without_new_saver_and_keeps_five_of_each_name(run):
    for step in range(8):
        save(step)
        if step % 3 == 0:
            save(step, checkpoint_name="best")
    names = sorted(path.name for path in run.checkpoint_dir.glob("*.pt"))
    assert names == ["best_0.pt", "best_3.pt", "best_6.pt", *(f"checkpoint_{step}.pt" for step in range(3, 8))]


def test_a_checkpoint_is_loaded_by_its_step(run):
    for step in (10, 20):
        save(step)
    assert exp_manager.load_checkpoint(10)[1]["weights"].tolist() == [10.0, 10.0]
    with pytest.raises(CheckpointNotFoundError, match="10, 20"):
        exp_manager.load_checkpoint(15)


def test_a_save_without_a_model_keeps_the_rest_and_is_told_once(run):
    exp_manager.add_custom_data("returns", 1.5)
    with pytest.warns(RlaWarning, match="without a model") as told:
        exp_manager.save_checkpoint(related_variable={"best": 3})
        exp_manager.save_checkpoint(related_variable={"best": 3})
    assert len(told) == 1
    exp_manager.clear_custom_data("returns")
    assert exp_manager.load_checkpoint() == (0, None)
    assert exp_manager.get_custom_data("returns") == [1.5]


def test_custom_data_is_collected_as_asked_and_starts_clean_with_each_run(run, data_root):
    for value in range(5):
        exp_manager.add_custom_data("last", value, dtype=deque, max_len=3)
        exp_manager.add_custom_data("all", value)
        exp_manager.add_custom_data("one", value, dtype=int)
    assert exp_manager.get_custom_data("last") == deque([2, 3, 4], maxlen=3)
    assert exp_manager.get_custom_data("all") == [0, 1, 2, 3, 4]
    assert exp_manager.get_custom_data("one") == 4
    exp_manager.print_custom_data("all", prefix="mean/")
    assert logger.getkvs() == {"mean/all": 2.0}
    rla.init("t", data_root=data_root)
    with pytest.raises(ConfigError):
        exp_manager.get_custom_data("all")


def test_random_states_go_on_where_they_were_saved(run):
    np.random.seed(3)  # noqa: NPY002 - the global generator is what scripts use, and what is saved
    torch.manual_seed(3)
    save(1, random_states=True)
    drawn = np.random.random(3).tolist(), torch.rand(3).tolist()  # noqa: NPY002
    exp_manager.load_checkpoint(random_states=True)
    assert (np.random.random(3).tolist(), torch.rand(3).tolist()) == drawn  # noqa: NPY002


def test_the_framework_of_the_configuration_saves(data_root):
    rla.init("t", data_root=data_root, config={"DL_FRAMEWORK": "numpy"})
    exp_manager.save_checkpoint({"weights": np.arange(3.0)})
    assert [path.name for path in Path(exp_manager.checkpoint_dir).glob("*.npz")] == ["checkpoint_0.npz"]
    assert exp_manager.load_checkpoint()[1]["weights"].tolist() == [0.0, 1.0, 2.0]


def test_other_ranks_save_nothing(data_root, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    rla.init("t", data_root=data_root)
    assert save(1) is None
    assert not data_root.exists()


def test_saving_without_a_run_names_the_call_to_make(script):
    done = script("from rla import exp_manager; exp_manager.save_checkpoint({})", check=False)
    assert issubclass(NotConfiguredError, RuntimeError)
    assert "NotConfiguredError: no run is being recorded" in done.stderr


PROJECT = """
import sys
import rla
run = rla.init("t", {"seed": 1}, data_root=sys.argv[1])
rla.logger.record_tabular("k", 1)
rla.logger.dump_tabular()
print(run.paths.directory("code"))
"""


@pytest.fixture
def project(tmp_path):
    """A repository with a training script, run as a process with backup and capture on."""
    root = tmp_path / "project"
    (root / "agents").mkdir(parents=True)
    (root / "train.py").write_text(PROJECT)
    (root / "agents" / "dqn.py").write_text("GAMMA = 0.99\n")
    (root / ".env").write_text("TOKEN=hunter2-hunter2\n")
    (root / ".gitignore").write_text("data/\n")
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    return root


def train(project: Path, python: str) -> tuple[Path, dict]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RLA_")}
    done = subprocess.run(
        [python, "train.py", "data"], cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    code = Path(done.stdout.strip())
    return code, json.loads(next(project.glob("data/log/**/run.json")).read_text())


def test_a_run_keeps_its_code_by_default_and_no_secrets(project):
    import sys

    code, _ = train(project, sys.executable)
    assert (code / "train.py").read_text() == PROJECT
    assert (code / "agents" / "dqn.py").read_text() == "GAMMA = 0.99\n"
    assert not list(code.rglob(".env"))
    assert verify_code(code) == []


def test_a_run_keeps_its_git_state_and_environment(project):
    import sys

    (project / "agents" / "dqn.py").write_text("GAMMA = 0.5\n")
    _, manifest = train(project, sys.executable)
    git = manifest["git"]
    head = subprocess.run(["git", "-C", project, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert (git["commit"], git["branch"], git["dirty"]) == (head.stdout.strip(), "main", True)
    assert "+GAMMA = 0.5" in git["diff"]
    assert "hunter2" not in json.dumps(manifest)
    assert "numpy" in manifest["environment"]["packages"]


def test_a_second_run_shares_the_unchanged_code_on_disk(project):
    import sys

    train(project, sys.executable)
    train(project, sys.executable)
    copies = list(project.glob("data/code/**/dqn.py"))
    assert len(copies) == 2
    assert copies[0].stat().st_ino == copies[1].stat().st_ino


def test_listed_ignore_files_that_are_missing_are_told_and_passed_over(project, data_root, monkeypatch):
    monkeypatch.setenv("RLA_BACKUP_CODE", "1")
    config = project / "rla_config.yaml"
    config.write_text("BACKUP_CONFIG: {backup_code_dir: [agents], ignore_code_paths: [.backupcode_ignore]}\n")
    with pytest.warns(RlaWarning, match="backupcode_ignore, which is not there"):
        run = rla.init("t", data_root=data_root, config=config)
    assert (run.code_dir / "agents" / "dqn.py").exists()
    assert not (run.code_dir / "train.py").exists()


def test_an_ignore_file_named_in_code_must_be_there_and_nothing_is_left(project, data_root, monkeypatch):
    monkeypatch.setenv("RLA_BACKUP_CODE", "1")
    exp_manager.configure("t", data_root=data_root, code_root=project, ignore_file_path="nowhere")
    with pytest.raises(ConfigError, match="nowhere"):
        exp_manager.log_files_gen()
    assert not list(data_root.glob("log/*"))
