"""What goes wrong with jobs, machines and disks: no job is lost, and each state is right."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rla.batch.batch_file import BatchFile
from rla.core.layout import JobTreePaths
from rla.fsio.file_lock import FileLock, is_locked
from rla.hermes.info import read_info_file
from tests.hermes.conftest import ROOT
from tests.processes import is_alive
from tests.timing import HANGS, wait_for


def said(repository, word: str) -> int:
    """How many jobs have said a word."""
    return sum(word in file.read_text() for file in repository.tree.rglob("stdout.log"))


def test_a_job_that_fails_stops_no_other_and_the_last_lines_name_it(repository, hermes):
    repository.hermes_file("[[python, say.py, 1],[]]", "[[python, say.py, --exit=7],[]]", "[[python, say.py, 3],[]]")
    done = hermes()
    assert done.code == 4
    assert repository.states() == ["finished", "failed", "finished"]
    failed = repository.runs()[1]
    assert failed.row["exit_code"] == 7
    assert failed.row["error"].splitlines() == ["complained", "exit code 7"]
    *_, summary, name, where = done.err.splitlines()
    assert summary.endswith("1 failed, 2 finished")
    assert name.endswith("say.py --exit=7: failed: complained (exit code 7)")
    assert failed.log_dir.name in where


def test_a_job_that_somebody_kills_is_known_as_killed(repository, hermes):
    repository.hermes_file("[[python, say.py, --kill=9],[]]", "[[python, say.py, --kill=15],[]]")
    assert hermes().code == 4
    assert repository.states() == ["killed", "killed"]
    first, second = repository.runs()
    assert (first.row["exit_code"], second.row["exit_code"]) == (137, 143)
    assert "no memory left" in first.row["error"]
    assert "SIGTERM" in second.row["error"]


def test_a_job_that_fails_is_run_again_as_often_as_asked(repository, hermes):
    repository.hermes_file("[[python, say.py, --fail-until=mark],[]]", "[[python, say.py, --exit=1],[]]")
    done = hermes("--retries", 2)
    assert done.code == 4
    assert sorted(repository.states()) == ["failed"] * 4 + ["finished"]
    assert done.err.splitlines()[-3].endswith("1 failed, 1 finished")
    assert hermes("--retry-failed").err.count("started") == 1


def test_after_so_many_failures_nothing_more_is_started(repository, hermes):
    repository.hermes_file("PROD([[python, say.py, {i} --exit=1],[]], i=RANGE[0, 5])")
    done = hermes("--halt", 2)
    assert done.code == 4
    assert repository.states() == ["failed", "failed"]
    assert "3 not started" in done.err


def test_a_job_whose_time_is_up_is_asked_then_killed(repository, hermes, monkeypatch):
    monkeypatch.setattr("rla.batch.running._GRACE", 0.5)
    repository.script("patient.sh", "exec sleep 600")
    repository.script("stubborn.sh", "trap '' TERM; exec sleep 600")
    repository.hermes_file("[[sh, patient.sh],[]]", "[[sh, stubborn.sh],[]]", "[[/bin/true],[]]")  # what begins at once
    begun = time.monotonic()
    assert hermes("--timeout", "1.5s").code == 4
    assert time.monotonic() - begun < HANGS
    assert repository.states() == ["timeout", "timeout", "finished"]
    first, second, _ = repository.runs()
    assert (first.row["exit_code"], second.row["exit_code"]) == (143, 137)
    assert "did not end within 1.5 s" in first.row["error"]


def test_what_a_job_leaves_behind_ends_with_it_and_holds_nothing_up(repository, hermes):
    repository.script(
        "parent.py",
        "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True)",
    )
    repository.hermes_file("[[python, parent.py],[]]")
    begun = time.monotonic()
    assert hermes().code == 0
    assert time.monotonic() - begun < HANGS
    (directory,) = repository.directories()
    wait_for(lambda: not is_alive(int((directory / "stdout.log").read_text())))
    assert not is_locked(directory / "run.json")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupt_asks_the_jobs_to_end_and_starts_no_more(repository, started, number):
    repository.hermes_file("PROD([[python, say.py, {i} --sleep=600],[]], i=RANGE[0, 6])")
    process = started("--jobs", 2)
    wait_for(lambda: said(repository, "said") == 2)
    process.signal(number)
    done = process.end()
    assert done.code == 130
    assert repository.states() == ["interrupted", "interrupted"]
    assert {run.row["exit_code"] for run in repository.runs()} == {143}
    assert "4 not started" in done.err
    assert not [run for run in repository.runs() if is_locked(run.paths.manifest)]


def test_a_second_interrupt_kills_jobs_that_do_not_listen(repository, started):
    repository.script(
        "stubborn.py",
        """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("deaf", flush=True)
        time.sleep(600)
        """,
    )
    repository.hermes_file("[[python, stubborn.py],[]]", "[[python, say.py],[]]")
    process = started()
    wait_for(lambda: said(repository, "deaf"))
    process.signal()
    process.wait_until_it_says("interrupt again to kill them")
    process.signal()
    done = process.end()
    assert done.code == 130
    (run,) = repository.runs()
    assert (run.state, run.row["exit_code"]) == ("interrupted", 137)


def test_an_interrupted_batch_goes_on_with_what_has_not_succeeded(repository, hermes, started):
    jobs = ["[[python, say.py, --touch=one],[]]", "[[python, say.py, two --sleep=600],[]]", "[[python, say.py, 3],[]]"]
    repository.hermes_file(*jobs)
    process = started("-n", "b")
    wait_for(lambda: said(repository, "said two"))
    process.signal()
    process.end()
    assert repository.states() == ["finished", "interrupted"]
    repository.hermes_file(jobs[0], "[[python, say.py, 3],[]]", "[[python, say.py, 4],[]]")
    dry = hermes("-n", "b", "--resume", "--dry-run")
    assert dry.out.splitlines() == ["python say.py IDENTIFIER 3", "python say.py IDENTIFIER 4"]
    done = hermes("-n", "b", "--resume")
    assert done.code == 0
    assert "2 finished, 1 done before" in done.err
    assert hermes("-n", "b", "--resume").err.splitlines()[-1].endswith("hermes: 3 done before")


def test_a_killed_hermes_loses_no_job_what_runs_is_taken_over(repository, started):
    repository.hermes_file("[[python, say.py, --until=go --touch=done],[-ca done]]", "[[python, say.py, 2],[]]")
    process = started()
    wait_for(lambda: said(repository, "said"))
    process.signal(signal.SIGKILL)
    process.end()
    assert repository.states() == ["running"]
    process = started("--resume")
    process.wait_until_it_says("goes on")
    (repository.path / "go").touch()
    done = process.end()
    assert done.code == 0, done.err
    assert repository.states() == ["finished", "finished"]
    first = repository.runs()[0]
    assert first.row["exit_code"] == 0
    assert (first.log_dir / "done").exists()
    assert read_info_file(first.log_dir)["state"] == "finished"


def test_a_job_that_was_taken_over_is_asked_to_end_once(repository, started):
    repository.script(
        "counts.py",
        """
        import signal, time
        from pathlib import Path
        signal.signal(signal.SIGTERM, lambda *_: print("asked", flush=True))
        print("ready", flush=True)
        while not Path("go").exists():
            time.sleep(0.01)
        """,
    )
    repository.hermes_file("[[python, counts.py],[]]")
    process = started()
    wait_for(lambda: said(repository, "ready"))
    time.sleep(1.0)  # whoever is asked to end in its first second is asked again
    process.signal(signal.SIGKILL)
    process.end()
    again = started("--resume")
    again.wait_until_it_says("goes on")
    again.signal()
    wait_for(lambda: said(repository, "asked"))
    time.sleep(1.2)  # as long as it takes to ask again
    (repository.path / "go").touch()
    assert again.end().code == 130
    (log,) = repository.tree.rglob("stdout.log")
    assert log.read_text().split() == ["ready", "asked"]


def test_a_job_that_ends_while_hermes_is_dead_is_known_by_its_exit_code(repository, hermes, started):
    repository.hermes_file("[[python, say.py, --until=go --exit=7],[]]")
    process = started()
    wait_for(lambda: said(repository, "said"))
    process.signal(signal.SIGKILL)
    process.end()
    (repository.path / "go").touch()
    wait_for(lambda: not is_locked(repository.directories()[0] / "run.json"))
    dry = hermes("--resume", "--dry-run")
    assert (dry.out.count("say.py"), dry.err) == (1, "")
    assert repository.states() == ["lost"]
    repository.script("say.py", "")
    done = hermes("--resume")
    assert "while nobody watched: say.py --until=go --exit=7: failed: exit code 7" in done.err
    assert done.code == 0
    assert repository.states() == ["failed", "finished"]
    assert repository.runs()[0].row["exit_code"] == 7


def test_a_job_that_died_with_the_machine_is_known_as_killed_and_run_again(repository, hermes, started):
    repository.hermes_file("[[python, say.py, --sleep=600],[]]")
    process = started()
    directory = wait_for(repository.directories)[0]
    pid = json.loads((directory / "run.json").read_text())["pid"]
    process.signal(signal.SIGKILL)
    process.end()
    os.killpg(pid, signal.SIGKILL)
    wait_for(lambda: not is_locked(directory / "run.json"))
    repository.script("say.py", "")
    assert hermes("--resume").code == 0
    assert repository.states() == ["killed", "finished"]
    assert "without an exit code" in repository.runs()[0].row["error"]


def test_a_batch_that_runs_is_not_resumed_twice_at_once(repository, hermes, started):
    repository.hermes_file("[[python, say.py, --sleep=600],[]]")
    process = started("-n", "b")
    wait_for(lambda: BatchFile(JobTreePaths(repository.tree), "b").is_running and repository.directories())
    done = hermes("-n", "b", "--resume")
    assert (done.code, "runs already" in done.err) == (1, True)
    process.signal()
    process.end()


def test_a_hermes_file_of_somebody_else_is_not_resumed(repository, hermes):
    file = repository.hermes_file("[[python, say.py],[]]")
    if os.geteuid() != 0:
        pytest.skip("only root may give a file away")
    assert hermes().code == 0
    os.chown(file, 12345, -1)
    done = hermes("--resume")
    assert (done.code, "is not yours" in done.err) == (1, True)


def test_what_was_done_with_the_same_commit_is_skipped_in_any_batch(repository, hermes, monkeypatch):
    monkeypatch.setenv("RLA_CAPTURE_ENVIRONMENT", "1")
    (repository.path / ".gitignore").write_text("experiments/\n")
    repository.hermes_file("[[python, say.py, 1],[]]", "[[python, say.py, 1],[]]", "[[python, say.py, 2],[]]")
    repository.commit()
    assert hermes("-n", "first", "--skip-done", "--dry-run").out.count("say.py") == 3
    assert hermes("-n", "first", "--skip-done").err.count("started") == 3
    assert hermes("-n", "second", "--skip-done", "--dry-run").out == ""
    assert "3 done before" in hermes("-n", "second", "--skip-done").err
    repository.commit()
    assert hermes("-n", "third", "--skip-done").err.count("started") == 3
    (repository.path / "say.py").write_text("")
    done = hermes("-n", "fourth", "--skip-done")
    assert "nothing counts as done before" in done.err
    assert done.err.count(" started ") == 3


def test_two_hermes_at_once_with_one_name_get_a_directory_each(repository, started):
    repository.hermes_file("PROD([[python, say.py, {i}],[]], i=RANGE[0, 8])")
    processes = [started("-n", "same", "--jobs", 2) for _ in range(2)]
    assert [process.end().code for process in processes] == [0, 0]
    directories = repository.directories()
    assert len({path.name for path in directories}) == len(directories) == 16
    assert repository.states() == ["finished"] * 16


def test_the_same_microsecond_gives_another_identifier(repository, hermes, monkeypatch):
    from datetime import datetime

    from rla.batch import job_run

    class Stopped(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2021, 7, 25, 16, 0, 8, 326976)

    monkeypatch.setattr(job_run, "datetime", Stopped)
    repository.hermes_file("[[python, say.py, 1],[]]", "[[python, say.py, 2],[]]")
    assert hermes().code == 0
    assert hermes().code == 0
    assert [path.name[:23] for path in repository.directories()] == [
        f"2021_07_25_16000832697{n}"[:23] for n in (6, 7, 8, 9)
    ]
    assert len(repository.runs()) == 4


MUCH = """
import os, sys
for _ in range(64):
    sys.stdout.buffer.write(b"x" * (1 << 20))
sys.stdout.flush()
os.truncate(1, 1 << 30)  # whoever reads it does not see that the rest was never written
"""
WATCHED = """
import resource, subprocess, sys
code = subprocess.call([sys.executable, "-m", "rla", "hermes", "exec", "-f", "a.hermes"])
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_an_output_of_a_gigabyte_takes_no_memory(repository):
    repository.script("much.py", MUCH)
    repository.hermes_file("[[python, much.py],[]]")
    repository.script("watched.py", WATCHED)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "watched.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    code, kilobytes = map(int, done.stdout.split())
    (directory,) = repository.directories()
    assert code == 0
    assert (directory / "stdout.log").stat().st_size == 1 << 30
    assert kilobytes < 250_000
    (directory / "stdout.log").unlink()


def test_ten_thousand_lines_are_checked_and_begun_at_once(repository, started):
    repository.hermes_file(*(f"[[python, say.py, --i {number}],[]]" for number in range(10_000)))
    process = started("--halt", 1, "--timeout", "60s")
    wait_for(lambda: len(repository.directories()) > 3)
    process.signal()
    done = process.end()
    assert done.code == 130
    assert "not started" in done.err


def test_where_the_directory_cannot_be_written_nothing_starts(repository, hermes):
    repository.tree.write_text("in the way")
    repository.hermes_file("[[python, say.py, --touch=ran],[]]")
    done = hermes()
    assert done.code == 1
    assert "nothing was started" in done.err
    assert not (repository.path / "ran").exists()


def test_memory_is_waited_for(repository, hermes, monkeypatch):
    from rla.batch import free_memory

    answers = iter([0, 0, *[1 << 40] * 50])
    monkeypatch.setattr(free_memory, "free_memory", lambda: next(answers))
    monkeypatch.setattr(free_memory, "_LEAST_LOOK", 0.05)
    repository.hermes_file("[[python, say.py],[]]")
    done = hermes("--memory-free", "1G")
    assert done.code == 0
    assert "waiting for memory: 0 B of 1.0 GiB are free" in done.err


def test_a_directory_that_is_missing_when_the_job_ends_loses_no_other_job(repository, hermes):
    repository.script("vanish.py", "import os, shutil; shutil.rmtree(os.environ['RLA_RUN_DIR'])")
    repository.hermes_file("[[python, vanish.py],[]]", "[[python, say.py],[]]")
    done = hermes()
    assert done.code == 0
    assert "2 finished" in done.err


def test_the_index_may_be_locked_while_jobs_run(repository, hermes, started):
    import sqlite3

    repository.hermes_file("PROD([[python, say.py, {i}],[]], i=RANGE[0, 3])")
    assert hermes("-n", "first").code == 0
    connection = sqlite3.connect(repository.tree / "rla.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    process = started("-n", "second")
    wait_for(lambda: [file.read_text().strip() for file in repository.tree.rglob("second/*/exit_code")] == ["0"] * 3)
    connection.execute("ROLLBACK")
    connection.close()
    assert process.end().code == 0
    assert repository.states() == ["finished"] * 6


def test_where_nothing_can_be_started_any_more_the_rest_is_left_for_later(repository, hermes):
    repository.script("block.py", "from pathlib import Path\nPath('experiments/say').write_text('in the way')")
    repository.hermes_file("[[python, block.py],[]]", "PROD([[python, say.py, {i}],[]], i=RANGE[0, 9])")
    done = hermes()
    assert done.code == 4
    assert "3 jobs in a row could not be started" in done.err
    assert "3 failed, 1 finished, 6 not started" in done.err
    (repository.tree / "say").unlink()
    assert "9 finished, 1 done before" in hermes("--resume").err


@pytest.mark.parametrize("code", [0, 7])
def test_a_script_that_told_its_end_itself_is_settled_too(repository, hermes, started, code):
    repository.script(
        "train.py",
        f"""
        import sys, time, rla
        from pathlib import Path
        with rla.init("t", {{"n": 1}}):
            print("recording", flush=True)
            while not Path("go").exists():
                time.sleep(0.01)
        open("weights.bin", "w").close()
        sys.exit({code})
        """,
    )
    repository.hermes_file("[[python, train.py],[-ca weights.bin]]")
    process = started()
    wait_for(lambda: said(repository, "recording"))
    process.signal(signal.SIGKILL)
    process.end()
    (repository.path / "go").touch()
    (directory,) = repository.directories()
    wait_for(lambda: not is_locked(directory / "run.json"))
    assert repository.states() == ["finished"]  # that is what the script has said
    repository.script("train.py", "")
    assert hermes("--resume").code == 0
    first = repository.runs()[0]
    assert (first.state, first.row["exit_code"]) == (("finished", 0) if code == 0 else ("failed", 7))
    assert (directory / "weights.bin").exists()
    assert read_info_file(directory)["exit_code"] == str(code)
    assert len(repository.directories()) == (1 if code == 0 else 2)
    hermes("--resume")
    assert len(repository.directories()) == (1 if code == 0 else 2)


def test_a_file_that_is_gone_when_its_job_begins_fails_this_job_alone(repository, hermes):
    repository.script("config.txt", "")
    repository.script("remove.py", "import os; os.remove('config.txt')")
    jobs = ["[[python, remove.py],[]]", "[[python, say.py, 2],[-cb config.txt]]", "[[python, say.py, 3],[]]"]
    repository.hermes_file(*jobs)
    done = hermes()
    assert done.code == 4
    assert "-cb config.txt: there is no such file any more" in done.err
    assert repository.states() == ["finished", "failed", "finished"]


def test_what_went_wrong_with_the_files_of_a_job_that_ended_alone_is_told_with_it(repository, hermes, started):
    repository.hermes_file("[[python, say.py, --until=go],[-ca gone.txt]]")
    process = started()
    wait_for(lambda: said(repository, "said"))
    process.signal(signal.SIGKILL)
    process.end()
    (repository.path / "go").touch()
    wait_for(lambda: not is_locked(repository.directories()[0] / "run.json"))
    assert hermes("--resume").code == 0
    (run,) = repository.runs()
    assert (run.state, "-ca gone.txt: there was no such file" in run.row["error"]) == ("finished", True)


def test_files_are_brought_in_once_though_hermes_dies_before_it_can_say_so(repository, hermes):
    repository.hermes_file("[[python, say.py],[-ca say.py -ma made.txt]]")
    repository.script("made.txt", "mine")
    assert hermes().code == 0
    (run,) = repository.runs()
    (run.log_dir / "state.json").unlink()
    repository.database().table.update(run.uid, state="running", ended=None)
    repository.script("made.txt", "of another job")
    assert hermes("--resume").code == 0
    assert repository.states() == ["finished"]
    assert sorted(path.name for path in run.log_dir.glob("*~*")) == []
    assert (run.log_dir / "made.txt").read_text() == "mine"


def test_a_job_that_goes_on_elsewhere_is_not_taken_over(repository, hermes):
    repository.hermes_file("[[python, say.py],[]]")
    assert hermes("-n", "b").code == 0
    (run,) = repository.runs()
    manifest = run.log_dir / "run.json"
    record = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**record, "host": "other", "process_started": 1}))
    (run.log_dir / "state.json").unlink()
    repository.database().table.update(run.uid, state="running", ended=None, host="other", heartbeat=1.0)
    lock = FileLock(manifest)
    assert lock.acquire()
    done = hermes("-n", "b", "--resume")
    lock.release()
    assert done.code == 1
    assert "goes on, on other: resume the batch there" in done.err


def test_a_script_whose_name_says_interrupted_is_not_taken_for_an_interrupt(repository, hermes):
    repository.script("interrupted", "")
    repository.hermes_file(f"[[sh, interrupted, {'x' * 140_000}],[]]")
    done = hermes()
    assert "Argument list too long" in done.err
    assert done.code == 4


def test_when_nothing_is_to_be_run_nothing_goes_on_looking_at_the_code(repository, hermes, monkeypatch):
    repository.hermes_file("[[python, say.py],[]]")
    assert hermes().code == 0
    git = repository.script("slow/git", "#!/bin/sh\nexec sleep 60")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(git.parent), prepend=os.pathsep)
    monkeypatch.setenv("RLA_CAPTURE_ENVIRONMENT", "1")
    before = children()
    assert "1 done before" in hermes("--resume").err
    assert children() == before


def children() -> set[str]:
    """The processes that this one has started and not yet waited for."""
    return set(Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split())
