"""What every command has in common: the database it means, exit codes, pipes, odd surroundings."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from rla.core.layout import RootPaths
from rla_scripts.main import BROKEN_PIPE, COMMANDS, group
from tests.timing import HANGS

READING = [("ls",), ("du",), ("show", "last"), ("path", "last"), ("logs", "last"), ("reindex",)]
NAMING = ["show", "path", "logs"]


def named(command: tuple[str, ...]) -> str:
    return command[0]


def test_help_names_every_command(command):
    done = command("--help")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.partition("Commands:\n")[2].splitlines()] == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(command, name):
    assert name in group.list_commands(None)
    done = command(name, "-h")
    assert done.code == 0
    assert done.out.startswith(f"Usage: rla {name} [OPTIONS]") or f" {name} [OPTIONS]" in done.lines[0]


def test_the_version_is_the_package_s(command):
    import rla

    assert rla.__version__ in command("--version").out


@pytest.mark.parametrize("wrong", [("nosuch",), ("ls", "--nosuch"), ("ls", "--limit", "0"), ("show",), ()])
def test_a_wrong_command_line_is_a_usage_error(command, wrong):
    assert command(*wrong).code == 2


@pytest.mark.parametrize("reading", READING, ids=named)
def test_without_a_database_the_message_says_how_to_name_one(command, empty, reading):
    done = command(*reading)
    assert (done.code, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert "--data-root" in done.err
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize("what", ["nothing", "a file"])
def test_a_data_root_that_is_no_directory_is_an_error(command, tmp_path, what):
    root = tmp_path / "root"
    if what == "a file":
        root.touch()
    done = command("ls", "--data-root", root)
    assert done.code == 1
    assert str(root) in done.err


def test_the_database_is_found_from_below_it(command, record, monkeypatch):
    monkeypatch.chdir(record().log_dir)
    assert command("ls").code == 0


def test_the_variable_and_the_configuration_name_the_database(command, record, data_root, empty, monkeypatch):
    record()
    (empty / "rla_config.yaml").write_text(f'DATA_ROOT: "{data_root}"\n')
    assert command("ls").code == 0
    (empty / "rla_config.yaml").unlink()
    assert command("ls").code == 1
    monkeypatch.setenv("RLA_DATA_ROOT", str(data_root))
    assert command("ls").code == 0


@pytest.mark.parametrize("name", NAMING)
@pytest.mark.parametrize("wanted", ["nosuch", "", "%", "'", "2031", "ffffffffffffffffffff"])
def test_a_name_that_no_run_has_is_told_apart_by_its_exit_code(rla_command, record, name, wanted):
    record()
    done = rla_command(name, wanted)
    assert (done.code, done.out) == (3, "")
    assert repr(wanted) in done.err


@pytest.mark.parametrize("name", NAMING)
def test_in_an_empty_database_there_is_no_last_run(rla_command, data_root, name):
    RootPaths(data_root).state_dir.mkdir(parents=True)
    assert rla_command(name, "last").code == 3


def test_a_name_that_several_runs_have_lists_them(rla_command, record):
    runs = [record(seed=seed) for seed in range(2)]
    day = runs[0].manifest.created.rpartition("/")[0]
    done = rla_command("path", day)
    assert (done.code, done.out) == (1, "")
    assert all(run.uid in done.err for run in runs)


def test_a_run_is_named_by_its_uid_a_part_of_it_its_time_stamp_or_last(rla_command, record):
    first, second = record(seed=1), record(seed=2)
    for name in (first.uid, first.uid[:12], first.uid.upper(), first.manifest.created):
        assert rla_command("path", name).out == f"{first.log_dir}\n"
    assert rla_command("path", "last").out == f"{second.log_dir}\n"


def test_a_task_stamped_name_needs_no_quoting_of_its_ampersands(rla_command, record):
    run = record(seed=1, lr=0.1)
    assert "&" in run.name
    assert rla_command("path", run.manifest.created).out.strip() == str(run.log_dir)


@pytest.mark.parametrize("reading", READING, ids=named)
def test_what_cannot_be_read_is_one_line_and_no_traceback(rla_command, record, data_root, reading):
    record()
    (data_root / ".rla" / "root.json").write_text("{}")
    done = rla_command(*reading)
    assert (done.code, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert "root.json" in done.err


def test_a_working_directory_that_was_deleted_is_one_line_and_no_traceback(process, empty):
    empty.rmdir()
    done = process("ls")
    assert (done.code, len(done.err.splitlines())) == (1, 1)


def test_a_reader_that_has_seen_enough_ends_the_command_in_silence(process, record, data_root):
    record("a task with a name that fills pipes " * 3)
    listing = [sys.executable, "-c", LIST_FOR_EVER, str(data_root)]
    with subprocess.Popen(listing, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(HANGS) == BROKEN_PIPE


LIST_FOR_EVER = """
import sys
from rla_scripts import ls, main
table = ls.echo_table
ls.echo_table = lambda rows: [table(rows) for rows in [list(rows)] * 10_000]
main.main(["ls", "--data-root", sys.argv[1]])
"""


@pytest.mark.parametrize("reading", READING, ids=named)
def test_no_command_warns_of_anything(process, record, reading):
    record()
    done = process(*reading, PYTHONWARNINGS="error", PYTHONDEVMODE="1")
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("reading", READING, ids=named)
def test_a_terminal_without_unicode_gets_escapes(process, record, reading):
    record("täsk 🤖", name="ü🤖")
    done = process(*reading, PYTHONIOENCODING="ascii:strict", PYTHONUTF8="0")
    assert (done.code, done.err) == (0, ""), done.err


def test_no_home_directory_is_needed(process, record):
    record()
    home = os.environ.pop("HOME", None)
    try:
        assert process("ls").code == 0
    finally:
        if home is not None:
            os.environ["HOME"] = home


@pytest.mark.parametrize("reading", READING, ids=named)
def test_an_account_that_may_only_read_still_reads(record, data_root, empty, reading):
    """Also a database that nobody has listed yet, and whose newest run is in the spool."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another account")
    if reading == ("reindex",):
        pytest.skip("it writes")
    record()
    subprocess.run(["chmod", "-R", "a-w,a+rX", str(data_root)], check=True)
    for above in (data_root, *data_root.parents):
        if not above.stat().st_mode & 1:
            above.chmod(above.stat().st_mode | 0o111)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(data_root), *reading],
        capture_output=True,
        text=True,
        check=False,
        cwd=empty,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


AS_NOBODY = """
import contextlib, io, os, sys, tempfile
import rla
from rla_scripts import main
with tempfile.TemporaryDirectory() as other, contextlib.redirect_stdout(io.StringIO()):
    rla.init("warm", data_root=other).close()  # whatever is imported late: nobody may not read our packages
    main._run(main.group, [*sys.argv[2:], "--data-root", other])
os.setgroups([]); os.setgid(65534); os.setuid(65534)
main.main([*sys.argv[2:], "--data-root", sys.argv[1]])
"""
