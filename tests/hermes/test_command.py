"""What the words of a job mean."""

from __future__ import annotations

import shlex

import pytest

from rla.hermes.command import arguments_of, hyperparameters_of, parse_command


@pytest.mark.parametrize(
    ("text", "script", "task", "rest"),
    [
        ("python train.py -lr 1", "train.py", "train", "-lr 1"),
        ("python pkg/train.py.py", "pkg/train.py.py", "train.py", ""),
        ("/usr/bin/python3.12 -u -X dev -W error a.py b.py", "a.py", "a", "b.py"),
        ("python -m pkg.train --x 1", "pkg.train", "pkg.train", "--x 1"),
        ("uv run python -m pkg.train", "pkg.train", "pkg.train", ""),
        ("torchrun --nproc-per-node 2 train.py --x 1", "train.py", "train", "--x 1"),
        ("bash -e run.sh a b", "run.sh", "run.sh", "a b"),
        ("julia -t 4 --project=. train.jl 1", "train.jl", "train.jl", "1"),
        ("./bin/go --lang python", "./bin/go", "go", "--lang python"),
        ("./bin/go --fast", "./bin/go", "go", "--fast"),
        ("./train.py python", "./train.py", "train", "python"),
        ("A=1 B='x y' python a.py", "a.py", "a", ""),
    ],
)
def test_the_script_is_found_and_gets_the_identifier_first(text, script, task, rest):
    command = parse_command(shlex.split(text))
    assert (command.script, command.task) == (script, task)
    assert list(command.arguments) == shlex.split(rest)
    words = command.words("ID", ["--std", "1"])
    assert list(words[len(command.before) :]) == ["ID", "--std", "1", *shlex.split(rest)]


@pytest.mark.parametrize(
    "text", ["A=1", "", "python -c pass", "python", "python -m", "bash", "sh -c 'ls x'", "bash -lc ls"]
)
def test_a_command_without_a_script_is_none(text):
    assert parse_command(shlex.split(text)) is None


def test_variables_in_front_become_the_environment():
    assert parse_command(["A=1", "B=x y", "python", "a.py"]).environment == (("A", "1"), ("B", "x y"))


def test_arguments_become_hyperparameters_with_numbers_and_truths():
    text = "-lr 0.001 --learning-rate=1e-3 --n 5 --neg -5 --flag --list 1 2 x --t True --v 1.0.0"
    assert hyperparameters_of(shlex.split(text)) == {
        "lr": 0.001,
        "learning_rate": 0.001,
        "n": 5,
        "neg": -5,
        "flag": True,
        "list": [1, 2, "x"],
        "t": True,
        "v": "1.0.0",
    }


def test_of_an_option_given_twice_the_last_counts_as_it_does_for_the_script():
    assert hyperparameters_of(["-lr", "0.1", "-lr", "0.5"]) == {"lr": 0.5}
    assert arguments_of(["a", "-x", "1", "-x=2", "b"]) == (["a", "b"], {"-x": ("2",)})
