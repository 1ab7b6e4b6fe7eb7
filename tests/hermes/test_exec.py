"""A hermes file is carried out: its jobs run, their directories hold what they should, the table knows them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime

import pytest

from rla.hermes.info import read_info_file
from tests.hermes.conftest import ROOT, SEED
from tests.timing import wait_for

IDENTIFIER = re.compile(r"\d{4}_\d\d_\d\d_\d{12}_[0-9a-f]{5}")
TRAIN = """
import json, os, pathlib, sys
print(json.dumps([sys.argv[1:], os.environ["RLA_HERMES_ID"], os.environ["RLA_RUN_DIR"], os.environ["RLA_RUN_ID"]]))
pathlib.Path(sys.argv[1] + ".scores").write_text("1.0\\n")
pathlib.Path("weights_" + sys.argv[1]).mkdir()
pathlib.Path("weights_" + sys.argv[1], "net.pth").write_text("w")
"""


@pytest.fixture
def seed_example(repository, monkeypatch):
    """Seed 001's repository; ``python`` is this interpreter."""
    bin_directory = repository.path.parent / "bin"
    bin_directory.mkdir()
    (bin_directory / "python").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(bin_directory), prepend=":")
    for name in ("train_dqn.py", "train_ac.py"):
        repository.script(name, TRAIN)
    repository.script("networks/cnn.py", "# a network\n")
    (repository.path / "a.hermes").write_text(SEED, encoding="utf-8")
    return repository


def test_the_documented_example_does_what_the_document_says(seed_example, hermes):
    commit = seed_example.commit()
    done = hermes("-n", "test_agents")
    assert done.code == 0, done.err
    dqn, ac = sorted(seed_example.tree.glob("train_*/test_agents/*"), reverse=True)
    assert {dqn.parent.parent.name, ac.parent.parent.name} == {"train_dqn", "train_ac"}
    words, identifier, directory, uid = json.loads((dqn / "stdout.log").read_text())
    assert words == [dqn.name, "-gamma", "0.995", "--env", "cartpole", "-lr", "0.001"]
    assert (identifier, directory) == (dqn.name, str(dqn))
    assert IDENTIFIER.fullmatch(dqn.name)
    assert dqn.name.endswith(commit[:5])
    assert uid == json.loads((dqn / "run.json").read_text())["uid"]
    found = {file.name for file in dqn.iterdir()}
    assert found >= {"hermes.info", "exec_arguments", "re_execution.hermes", "stdout.log", "stderr.log"}
    assert found >= {"cnn.py", "train_dqn.py", f"{dqn.name}.scores", f"weights_{dqn.name}"}
    assert not list(seed_example.path.glob(f"*{dqn.name}*"))
    assert (dqn / "exec_arguments").read_text().splitlines() == ["-gamma 0.995", "--env cartpole", "-lr 0.001"]


def test_every_job_is_a_run_of_the_table(seed_example, hermes):
    commit = seed_example.commit()
    hermes("-n", "test_agents")
    runs = {run.task: run for run in seed_example.runs()}
    run = runs["train_ac"]
    assert run.hyperparameters == {"gamma": 0.995, "env": "cartpole", "lr_actor": 0.003, "lr_critic": 0.001}
    row = run.row
    assert (row["batch"], row["origin"], row["state"], row["exit_code"]) == ("test_agents", "hermes", "finished", 0)
    assert row["git_commit"] == commit
    moment = datetime.strptime(row["created"], "%Y/%m/%d/%H-%M-%S-%f")
    assert run.log_dir.name.startswith(moment.strftime("%Y_%m_%d_%H%M%S%f"))
    assert row["argv"][1:3] == ["train_ac.py", run.log_dir.name]
    assert row["pid"] > 1
    assert row["ended"] >= row["started"]


def test_what_was_executed_can_be_executed_again(seed_example, hermes):
    hermes()
    (again,) = seed_example.tree.glob("train_dqn/*/re_execution.hermes")
    assert hermes("-f", again, "-n", "again").code == 0
    (directory,) = seed_example.tree.glob("train_dqn/again/*")
    assert (directory / "exec_arguments").read_text() == (again.parent / "exec_arguments").read_text()


def test_without_a_name_the_level_is_left_out_and_the_file_names_the_batch(repository, hermes):
    repository.hermes_file("[[python, say.py],[]]")
    assert hermes().code == 0
    (directory,) = repository.directories()
    assert directory.parent == repository.tree / "say"
    assert repository.runs()[0].row["batch"] == "a"


def test_arguments_arrive_exactly_and_no_shell_reads_them(repository, hermes):
    repository.script("echo.py", "import json, sys; print(json.dumps(sys.argv[2:]))")
    repository.hermes_file(
        """[[python, echo.py, --l [64, 64] '; touch x' $HOME "a 'b' c" {"k": [1]} https://h/x#y?z=1 `id` '' ü],[]]"""
    )
    assert hermes().code == 0
    (directory,) = repository.directories()
    assert json.loads((directory / "stdout.log").read_text()) == [
        *("--l", "[64, 64]", "; touch x", "$HOME", "a 'b' c", '{"k": [1]}', "https://h/x#y?z=1", "`id`", "", "ü")
    ]
    assert not (repository.path / "x").exists()


def test_other_interpreters_modules_and_variables_in_front_work(repository, hermes):
    repository.script("pkg/__init__.py", "")
    repository.script("pkg/train.py", "import os, sys; print(os.environ['COLOUR'], sys.argv[2:])")
    repository.script("run.sh", 'echo "$2"')
    program = repository.script("bin/go", "#!/bin/sh\necho went $2\n")
    program.chmod(0o755)
    repository.hermes_file(
        "[[COLOUR='dark red' python, -u -m pkg.train, --x 1],[]]", "[[sh, run.sh, hello],[]]", "[[./bin/go, fast],[]]"
    )
    assert hermes().code == 0
    printed = {path.parent.name: (path / "stdout.log").read_text().strip() for path in repository.directories()}
    assert printed == {"pkg.train": "dark red ['--x', '1']", "run.sh": "hello", "go": "went fast"}


@pytest.mark.parametrize("how", ["settings", "pre", "job"])
def test_a_script_that_takes_no_identifier_gets_none(repository, hermes, how):
    if how == "settings":
        (repository.path / ".hermes_settings").write_text("identifier:off\n")
    repository.script("plain.py", "import os, sys; print(sys.argv[1:], os.environ['RLA_HERMES_ID'])")
    head = "PRE\nidentifier:off\n" if how == "pre" else ""
    repository.hermes_file(f"[[python, plain.py, --x 1],[{'-noid' if how == 'job' else ''}]]", head=head)
    assert hermes().code == 0
    (directory,) = repository.directories()
    assert (directory / "stdout.log").read_text().strip() == f"['--x', '1'] {directory.name}"


def test_the_settings_file_pre_and_the_command_line_override_one_another(repository, hermes):
    (repository.path / ".hermes_settings").write_text("path_to_experiments:'a b'\nthreads:3\n")
    repository.hermes_file("[[python, say.py],[]]")
    assert "one at a time" not in hermes().err
    assert list(repository.path.glob("a b/experiments/say/*/run.json"))
    repository.hermes_file("[[python, say.py],[]]", head="PRE\npath_to_experiment:”other”\nthreads:2\n")
    assert "2 at a time" in hermes().err
    assert "5 at a time" in hermes("--jobs", 5).err
    assert len(list(repository.path.glob("other/experiments/say/*/run.json"))) == 2


def test_the_path_is_relative_to_the_repository_wherever_hermes_is_called(repository, hermes, monkeypatch):
    inner = repository.path / "inner"
    inner.mkdir()
    repository.script("inner/here.py", "import os; print(os.getcwd())")
    monkeypatch.chdir(inner)
    (inner / "a.hermes").write_text("EXEC\n[[python, here.py],[]]\n")
    assert hermes().code == 0
    (directory,) = repository.directories()
    assert (directory / "stdout.log").read_text().strip() == str(inner)


def test_files_are_copied_before_and_after_and_moved(repository, hermes):
    repository.script("data/x.csv", "1")
    repository.script("conf.yaml", "before")
    repository.script(
        "work.py",
        """
        import pathlib
        pathlib.Path("conf.yaml").write_text("changed")
        pathlib.Path("out").mkdir(); pathlib.Path("out/a.txt").write_text("a")
        for number in range(3): pathlib.Path(f"r{number}.npy").write_text(str(number))
        """,
    )
    repository.hermes_file("[[python, work.py],[-cb conf.yaml, -cb data, -ca 'r?.npy', -ma out]]")
    assert hermes().code == 0
    (directory,) = repository.directories()
    assert (directory / "conf.yaml").read_text() == "before"
    assert (directory / "data/x.csv").read_text() == "1"
    assert (directory / "out/a.txt").read_text() == "a"
    assert sorted(path.name for path in directory.glob("r?.npy")) == ["r0.npy", "r1.npy", "r2.npy"]
    assert not (repository.path / "out").exists()
    assert (repository.path / "r0.npy").exists()


def test_a_file_that_is_missing_afterwards_is_told_with_its_job_and_loses_nothing_else(repository, hermes):
    repository.hermes_file(
        "[[python, say.py, 1],[-ca gone.txt, -ma lost, -c a: b, -c two words]]", "[[python, say.py, 2],[]]"
    )
    done = hermes()
    assert done.code == 0
    assert "gone.txt" in done.err
    first, second = repository.runs()
    assert first.row["error"].count("there was no such file") == 2
    assert second.row["error"] is None
    info = read_info_file(first.log_dir)
    assert "gone.txt" in info["trouble"]
    assert info["comments"] == "a: b,two words"


def test_hermes_info_knows_the_job_from_start_to_end(repository, hermes):
    repository.hermes_file("[[python, say.py, --kill=9],[]]")
    assert hermes("-c", "with: colon").code == 4
    (directory,) = repository.directories()
    info = read_info_file(directory)
    assert list(info) == [
        *("commit_hash", "start_time", "host", "pid", "directory", "command"),
        *("end_time", "execution_time", "state", "exit_code", "signal", "comments"),
    ]
    assert (info["state"], info["exit_code"], info["signal"], info["comments"]) == ("killed", "137", "9", "with: colon")
    assert info["commit_hash"] == repository.git("rev-parse", "HEAD")
    assert float(info["execution_time"]) >= 0


@pytest.mark.parametrize(("option", "shown"), [("", False), ("-l True", False), ("-l False", True), ("--log f", True)])
def test_output_is_kept_always_and_shown_when_the_job_says_so(repository, hermes, option, shown):
    repository.hermes_file(f"[[python, say.py, x],[{option}]]", head="STD-H\n--log True\n")
    done = hermes()
    (directory,) = repository.directories()
    assert (directory / "stdout.log").read_text() == "said x\n"
    assert (directory / "stderr.log").read_text() == "complained\n"
    assert ("said x" in done.out, "complained" in done.err) == (shown, shown)


def test_output_is_in_the_log_while_the_job_runs(repository, started):
    repository.hermes_file("[[python, say.py, now, --sleep=600],[]]")
    process = started()
    wait_for(lambda: any("said now" in file.read_text() for file in repository.tree.rglob("stdout.log")))
    process.signal()
    assert process.end().code == 130


def test_one_command_runs_without_a_file(repository, hermes, capfd):
    from rla_scripts.main import _run, group

    assert _run(group, ["hermes", "exec", "-e", "python say.py 'two words'"]) == 0
    (directory,) = repository.directories()
    assert (directory / "stdout.log").read_text() == "said two words\n"
    assert repository.runs()[0].row["batch"] == "command"


def test_a_command_with_a_line_break_is_refused_because_no_hermes_file_holds_one(repository, hermes, capfd):
    from rla_scripts.main import _run, group

    assert _run(group, ["hermes", "exec", "-e", "python say.py 'a\nb'"]) == 1
    assert "holds a line break" in capfd.readouterr().err
    assert not repository.directories()


def test_patterns_that_end_alike_are_not_two_files_of_one_name(repository, hermes):
    repository.hermes_file("[[python, say.py, --touch=a/1.csv --touch=b/2.csv],[-ca a/*.csv -ca b/*.csv]]")
    for name in ("a", "b"):
        (repository.path / name).mkdir()
    assert hermes().code == 0
    assert {path.name for path in repository.directories()[0].glob("*.csv")} == {"1.csv", "2.csv"}


def test_a_dry_run_prints_the_exact_commands_and_starts_nothing(repository, hermes):
    repository.hermes_file("PROD([[A=1 python, say.py, 'x y' {s}],[]], s=[0, 1])", head="STD-E\n--std 1\n")
    done = hermes("--dry-run")
    assert done.out.splitlines() == [f"A=1 python say.py IDENTIFIER --std 1 'x y' {number}" for number in (0, 1)]
    assert not repository.tree.exists()


def test_compiling_only_prints_a_file_that_runs(repository, hermes):
    repository.hermes_file("PROD([[python, say.py, 'x, y' {s}],[]], s=[0, 1])", head="STD-E\n--std 1\n")
    text = hermes("--compile-only").out
    (repository.path / "a.hermes").write_text(text)
    assert hermes("--compile-only").out == text
    assert hermes().code == 0
    assert [run.hyperparameters["std"][1:] for run in repository.runs()] == [["x, y", 0], ["x, y", 1]]


@pytest.mark.parametrize(
    ("job", "told"),
    [
        ("[[python, gone.py],[]]", "the script gone.py is not there"),
        ("[[nopython, say.py],[]]", "there is no program nopython on the PATH"),
        ("[[say.py, 1],[]]", "there is no program say.py on the PATH: write python, say.py"),
        ("[[./plain, x],[]]", "is not executable: run  chmod +x"),
        ("[[./missing],[]]", "there is no program ./missing"),
        ("[[python, -c pass],[]]", "this command has no script"),
        ("[[python, 'a\0.py'],[]]", "NUL"),
        ("[[python, say.py],[-cb gone.txt]]", "-cb gone.txt: there is no such file"),
        ("[[python, say.py],[-ca d/x.txt, -ca x.txt]]", "d/x.txt and x.txt would both become x.txt"),
        ("[[python, say.py],[-ca stdout.log]]", "a file that hermes writes"),
    ],
)
def test_what_cannot_run_is_found_before_anything_starts(repository, hermes, job, told):
    (repository.path / "plain").write_text("#!/bin/sh\n")
    repository.hermes_file("[[python, say.py, first],[]]", job)
    done = hermes()
    assert done.code == 1
    assert told in done.err
    assert "a.hermes:3:" in done.err
    assert "^" in done.err
    assert not repository.directories()


def test_every_line_that_is_wrong_is_told_at_once(repository, hermes):
    repository.hermes_file("[[python, gone.py],[]]", "[[python, say.py],[]]", "[[python, say.py],[-zz]]", "[python]")
    done = hermes()
    assert done.code == 1
    assert [f"a.hermes:{line}:" in done.err for line in (2, 3, 4, 5)] == [True, False, True, True]
    assert done.err.count("^") == 3
    repository.hermes_file(*["[[python, gone.py],[]]"] * 25)
    assert "and 5 more lines are wrong" in hermes().err


def test_two_jobs_run_at_once_and_gpus_are_shared_out(repository, hermes):
    repository.script(
        "gpu.py",
        """
        import os, pathlib, time
        print(os.environ["CUDA_VISIBLE_DEVICES"], time.time())
        pathlib.Path(f"here-{os.getpid()}").touch()
        while len(list(pathlib.Path().glob("here-*"))) < 3:
            time.sleep(0.01)
        print(time.time())
        """,
    )
    repository.hermes_file("PROD([[python, gpu.py, {s}],[]], s=RANGE[0, 4])")
    assert hermes("--gpus", "3,GPU-a:2").code == 0
    seen = [(path / "stdout.log").read_text().split() for path in repository.directories()]
    assert [gpu for gpu, _, _ in seen[:3]] == ["3", "GPU-a", "GPU-a"]
    begun, ended = [float(start) for _, start, _ in seen], [float(end) for _, _, end in seen]
    assert max(begun[:3]) < min(ended[:3])
    assert begun[3] >= min(ended[:3])


def test_outside_of_a_repository_everything_works_and_the_commit_is_zeros(repository, hermes, tmp_path, monkeypatch):
    place = tmp_path / "no git"
    place.mkdir()
    monkeypatch.chdir(place)
    (place / "a.hermes").write_text("EXEC\n[[python, s.py],[]]\n")
    (place / "s.py").write_text("")
    assert hermes().code == 0
    (directory,) = place.glob("experiments/s/*")
    assert directory.name.endswith("_00000")
    for command in (("create", "x"), ("help",), ("help", "exec"), ("-ho",), ("-h",)):
        assert hermes(*command[1:], command=command[0]).code == 0


def test_a_dirty_tree_is_recorded_with_its_diff(repository, hermes, monkeypatch):
    monkeypatch.setenv("RLA_CAPTURE_ENVIRONMENT", "1")
    repository.hermes_file("[[python, say.py],[]]")
    repository.commit()
    with (repository.path / "say.py").open("a") as file:
        file.write("# changed by hand\n")
    hermes()
    (run,) = repository.runs()
    assert run.row["git_dirty"]
    git = json.loads((run.log_dir / "run.json").read_text())["git"]
    assert "+# changed by hand" in git["diff"]


def test_a_commit_between_two_jobs_shows_in_the_second_one(repository, hermes):
    repository.script("commit.sh", "git -c user.name=A -c user.email=a@b commit -qm more --allow-empty")
    repository.hermes_file("[[sh, commit.sh],[]]", "[[python, say.py],[]]")
    first = repository.commit()
    assert hermes().code == 0
    second = repository.git("rev-parse", "HEAD")
    assert [path.name[-5:] for path in repository.directories()] == [first[:5], second[:5]]


def test_a_created_file_can_be_run(repository, hermes):
    repository.script("mine.py", "print('mine')")
    assert hermes("new", "-s", "mine", command="create").code == 0
    assert hermes("new", command="create").code == 1
    assert hermes("-f", "new.hermes").code == 0
    (directory,) = repository.directories()
    assert (directory / "stdout.log").read_text() == "mine\n"


@pytest.mark.parametrize(("option", "allowed"), [("--dry-run", set()), ("--jobs=1", {"sqlalchemy"})])
def test_running_jobs_loads_nothing_heavy(repository, option, allowed):
    repository.hermes_file("[[python, say.py],[]]")
    text = f"""
import sys
from rla_scripts.main import _run, group
assert _run(group, ["hermes", "exec", "-f", "a.hermes", "{option}"]) == 0
import rla.hermes
heavy = {{"torch", "pandas", "matplotlib", "numpy", "sqlalchemy", "tensorboardX", "rich", "yaml"}}
print(sorted(heavy & set(sys.modules)))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == str(sorted(allowed))
