"""The command line of hermes: its help, its wrong uses, and its own entry point."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("words", [["-h"], ["exec", "-h"], ["help"], ["help", "status"], ["create", "-h"]])
def test_help_is_shown_anywhere(command, words):
    done = command("hermes", *words)
    assert done.code == 0
    assert "Usage: " in done.out


def test_the_options_of_a_job_are_shown(command):
    done = command("hermes", "-ho")
    assert done.code == 0
    for option in ("-cb FILE", "-ca FILE", "-ma FILE", "-l True|False", "-c WORDS", "-m", "-noid"):
        assert option in done.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["exec"], "give a file with -f, or one command with -e"),
        (["exec", "-f", "a", "-e", "b"], "give a file with -f, or one command with -e"),
        (["exec", "-e", "say 'x"], "-e: No closing quotation"),
        (["exec", "-f", "a", "--resume", "--retry-failed"], "exclude one another"),
        (["exec", "-f", "a", "--jobs", "0"], "whole number from 1 on"),
        (["exec", "-f", "a", "--gpus", "x y:"], "it takes GPUs"),
        (["exec", "-f", "a", "--timeout", "soon"], "it takes a time"),
        (["exec", "-f", "a", "--memory-free", "lots"], "it takes a size"),
        (["exec", "-f", "a", "-n", ""], "it is empty: write a name, or leave the option out"),
        (["help", "nothing"], "there is no command 'nothing'"),
    ],
)
def test_a_wrong_command_line_is_told_and_ends_with_2(command, words, told):
    done = command("hermes", *words)
    assert done.code == 2
    assert told in done.err


def test_a_file_that_is_not_there_is_one_line(command):
    done = command("hermes", "exec", "-f", "gone.hermes")
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "gone.hermes" in done.err


def test_hermes_is_a_command_of_its_own(empty):
    text = "import sys; sys.argv = ['hermes', 'create', 'x']; from rla_scripts.main import hermes_main; hermes_main()"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (empty / "x.hermes").exists()
