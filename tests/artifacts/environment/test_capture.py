"""All of a run's environment together: complete, in time, without secrets, never an error."""

from __future__ import annotations

import os
import random
import string
import sys
import time
from pathlib import Path

import pytest

from rla.artifacts.environment import capture as module
from rla.artifacts.environment.capture import SLURM_VARIABLES, VARIABLES, EnvironmentCapture, container
from rla.core import json_codec, manifest
from rla.core.manifest import Manifest
from rla.core.redact import redact_argv
from tests.artifacts.environment.repositories import git, small_repository

LETTERS = string.ascii_letters + string.digits


def noise(seed: int, length: int) -> str:
    """A secret that stands in no other file."""
    return "".join(random.Random(seed).choices(LETTERS, k=length - 2)) + "a1"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return small_repository(tmp_path)


def test_it_tells_of_python_platform_processors_memory_and_packages(repository):
    git_state, environment = EnvironmentCapture(repository).finish(30.0)
    assert len(git_state["commit"]) == 40
    assert environment["python"]["version"] == ".".join(map(str, sys.version_info[:3]))
    assert environment["python"]["executable"] == sys.executable
    assert environment["platform"]["machine"] == os.uname().machine
    assert environment["cpu"]["count"] == os.cpu_count()
    assert environment["memory"]["total"] > 100 << 20
    assert "numpy" in environment["packages"]


def test_only_variables_of_the_list_are_kept(repository):
    environ = {**os.environ, "CUDA_VISIBLE_DEVICES": "1,2", "OMP_NUM_THREADS": "4", "MY_OWN": "private"}
    _, environment = EnvironmentCapture(repository, environ=environ).finish(30.0)
    assert environment["variables"]["CUDA_VISIBLE_DEVICES"] == "1,2"
    assert environment["variables"]["OMP_NUM_THREADS"] == "4"
    assert set(environment["variables"]) <= set(VARIABLES)
    assert "private" not in json_codec.dumps(environment)


def test_a_slurm_job_is_known_by_its_numbers(repository):
    environ = {**os.environ, "SLURM_JOB_ID": "77", "SLURM_ARRAY_TASK_ID": "3", "SLURM_JWT": "private"}
    _, environment = EnvironmentCapture(repository, environ=environ).finish(30.0)
    assert environment["slurm"] == {"SLURM_JOB_ID": "77", "SLURM_ARRAY_TASK_ID": "3"}
    assert "SLURM_JWT" not in SLURM_VARIABLES


def test_a_container_is_named_by_what_it_sets():
    assert container({"APPTAINER_CONTAINER": "/images/a.sif"}) == "apptainer"
    assert container({"KUBERNETES_SERVICE_HOST": "192.0.2.1"}) == "kubernetes"


def test_a_part_that_fails_says_so_and_the_others_are_there(repository, monkeypatch):
    monkeypatch.setattr(module, "installed_packages", lambda: 1 / 0)
    monkeypatch.setattr(module, "system", lambda: {}["x"])
    git_state, environment = EnvironmentCapture(repository).finish(30.0)
    assert environment["problems"] == ["ZeroDivisionError: division by zero"]
    assert environment["platform"] == {"problems": ["KeyError: 'x'"]}
    assert "commit" in git_state
    assert "python" in environment


def test_a_capture_that_cannot_begin_still_gives_an_answer():
    git_state, environment = EnvironmentCapture(Path("a\0b")).finish()
    assert "problems" in git_state
    assert "python" in environment


def test_git_gets_two_seconds_from_the_beginning_and_not_from_the_end(repository, tmp_path):
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport time; time.sleep(600)\n")
    program.chmod(0o755)

    def seconds_at_the_end() -> float:
        capture = EnvironmentCapture(repository, environ={**os.environ, "PATH": str(program.parent)})
        time.sleep(1.0)
        began = time.monotonic()
        git_state, _ = capture.finish(1.2)
        assert git_state == {"problems": ["git took too long"]}
        return time.monotonic() - began

    assert any(seconds_at_the_end() < 1.2 for _ in range(10))  # a busy machine may add to it


def test_what_it_gives_comes_back_from_the_manifest_as_it_was(repository):
    (repository / os.fsdecode(b"odd \xff name.py")).write_bytes(b"# \xe9\n")
    git_state, environment = EnvironmentCapture(repository).finish(30.0)
    record = Manifest(
        uid="0" * 16,
        task="t",
        created="",
        ip="",
        tracked="",
        name="",
        started=0.0,
        git=git_state,
        environment=environment,
    )
    back = manifest.decode(manifest.encode(record), Manifest)
    assert (back.git, back.environment) == (git_state, environment)


def planted() -> dict[str, str]:
    """A secret of each kind, by kind."""
    return {
        "aws": "AKIA" + noise(1, 16).upper(),
        "aws secret": noise(2, 40),
        "github": "ghp_" + noise(3, 36),
        "gitlab": "glpat-" + noise(4, 20),
        "hugging face": "hf_" + noise(5, 34),
        "openai": "sk-proj-" + noise(6, 48),
        "slack": "xoxb-" + noise(7, 30),
        "private key": noise(8, 64),
        "password": noise(9, 12),
        "url": noise(10, 12),
        "wandb": noise(11, 40),
        "web token": f"eyJ{noise(12, 30)}.eyJ{noise(13, 40)}.{noise(14, 43)}",
    }


def config_text(secrets: dict[str, str]) -> str:
    return f"""lr: 0.1
aws_key: {secrets["aws"]}
aws_secret_access_key: {secrets["aws secret"]}
hub: {secrets["hugging face"]}  # {secrets["gitlab"]}
password: {secrets["password"]}
store: postgresql://me:{secrets["url"]}@db.example.com/runs
key: |
  -----BEGIN PRIVATE KEY-----
  {secrets["private key"]}
  -----END PRIVATE KEY-----
"""


def source_text(secrets: dict[str, str]) -> str:
    return f"""openai.api_key = "{secrets["openai"]}"
WANDB_API_KEY = '{secrets["wandb"]}'
slack = connect("{secrets["slack"]}")
headers = {{"Authorization": "Bearer {secrets["web token"]}"}}
GITHUB = "{secrets["github"]}"
"""


@pytest.mark.parametrize("tracked", [True, False])
def test_no_planted_secret_is_in_what_is_recorded(repository, tracked):
    secrets = planted()
    for name in ("conf.yaml", "keys.py", "notes.txt", ".env", "id_rsa", "deploy.sh"):
        (repository / name).write_text("lr: 0\n")
    if tracked:
        git(repository, "add", ".")
        git(repository, "commit", "-m", "before the secrets")
    (repository / "conf.yaml").write_text(config_text(secrets))
    (repository / "keys.py").write_text(source_text(secrets))
    (repository / "notes.txt").write_text(config_text(secrets) + source_text(secrets))
    (repository / "deploy.sh").write_text(
        f"export API_KEY={secrets['wandb']}\nrun --password {secrets['password']} now\n"
    )
    (repository / ".env").write_text("\n".join(secrets.values()))
    (repository / "id_rsa").write_text(secrets["private key"])
    git(repository, "remote", "add", "origin", f"https://{secrets['github']}:{secrets['url']}@example.com/a.git")
    environ = {**os.environ, **{f"SECRET_{place}": text for place, text in enumerate(secrets.values())}}
    environ |= {"VIRTUAL_ENV": secrets["github"], "PYTHONPATH": f"https://me:{secrets['url']}@example.com/"}
    git_state, environment = EnvironmentCapture(repository, environ=environ).finish(30.0)
    argv = ["train.py", "--password", secrets["password"], f"--token={secrets['aws secret']}", secrets["openai"]]
    argv += [f"db://me:{secrets['url']}@host/x", f"wandb.api_key={secrets['wandb']}", "--hub", secrets["hugging face"]]
    recorded = json_codec.dumps([git_state, environment, redact_argv(argv)])
    assert {kind for kind, secret in secrets.items() if secret in recorded} == set()
    assert git_state["commit"]
    assert {".env", "id_rsa"} <= {entry["path"] for entry in git_state["left_out"]}


def test_a_masked_file_is_named_and_the_rest_of_it_is_there(repository):
    (repository / "conf.yaml").write_text("lr: 0.1\npassword: hunter2\n")
    git_state, _ = EnvironmentCapture(repository).finish(30.0)
    assert git_state["untracked"][0]["text"] == "lr: 0.1\npassword: ***\n"
    assert git_state["redacted"] == ["conf.yaml"]
