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
        (["exec", "-e", ""], "-e: the command is empty"),
        (["exec", "a.hermes"], "a.hermes belongs to no option: a hermes file is given as  -f a.hermes"),
        (["exec", "-f", "a", "-c", "two", "words"], "quote a remark of several words, as  -c 'two words'"),
        (["exec", "-f", "a", "more"], "more belongs to no option: quote what has blanks in it"),
        (["exec", "-f", "a", "-f", "b"], "-f is given 2 times: give it once"),
        (["exec", "-f", "a", "-n", "x", "--name", "y"], "-n is given 2 times: give it once"),
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


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("gone.hermes", "rla: there is no file gone.hermes: hermes create gone.hermes  writes an example"),
        ("gone", "rla: there is no file gone: look for its name"),
        (".", "rla: . is a directory: name the hermes file in it"),
        ("locked.hermes/x", "rla: there is no file locked.hermes/x: look for its name"),
    ],
)
def test_a_file_that_is_not_there_is_one_line(command, empty, file, told):
    (empty / "locked.hermes").touch()
    done = command("hermes", "exec", "-f", file)
    assert (done.code, done.err) == (1, f"{told}\n")


def test_a_directory_that_is_not_there_is_told(command):
    done = command("hermes", "create", "x", "-t", "gone")
    assert (done.code, done.err) == (1, "rla: there is no directory gone: make it first\n")


def test_what_the_system_refuses_is_told_without_its_number(command, empty):
    (empty / ".hermes_settings").mkdir()
    done = command("hermes", "exec", "-e", "sh -c x")
    assert (done.code, done.err) == (1, f"rla: Is a directory: {empty / '.hermes_settings'}\n")


def test_a_command_tells_its_errors_under_its_own_name(empty):
    text = "import sys; sys.argv = ['hermes', 'status']; from rla_scripts.main import hermes_main; hermes_main()"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("hermes: no database was found")


def test_hermes_is_a_command_of_its_own(empty):
    text = "import sys; sys.argv = ['hermes', 'create', 'x']; from rla_scripts.main import hermes_main; hermes_main()"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (empty / "x.hermes").exists()
