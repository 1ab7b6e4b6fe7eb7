"""Ends that are easily told wrong: handled exceptions, prompts, workers, impatient users, moved roots."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings

import pytest

import rla
from rla import exp_manager, logger
from rla.easy_log.outcome import ProcessHooks
from tests.conftest import csv_rows
from tests.indexes import open_database
from tests.timing import HANGS


def states(data_root) -> list[str]:
    return [run.state for run in reversed(open_database(data_root).runs())]


def fail(error: BaseException):
    raise error


class TestClosedWhileAnExceptionIsUnderWay:
    def test_a_finally_block_does_not_hide_that_the_run_failed(self, data_root):
        rla.init("t", data_root=data_root)

        def train():
            try:
                raise ValueError("diverged")
            finally:
                exp_manager.close()

        with pytest.raises(ValueError, match="diverged"):
            train()
        (run,) = open_database(data_root).runs()
        assert (run.state, run.row["exit_code"]) == ("failed", 1)
        assert "ValueError: diverged" in run.row["error"]

    def test_starting_anew_after_a_failure_ends_the_failed_run_as_failed(self, data_root):
        for attempt in range(2):
            try:
                rla.init("t", {"attempt": attempt}, data_root=data_root)
                if attempt == 0:
                    fail(MemoryError())
            except MemoryError:
                rla.init("t", {"attempt": "retry"}, data_root=data_root)
        exp_manager.close()
        assert states(data_root) == ["failed", "finished", "finished"]

    @pytest.mark.parametrize("ordinary", [StopIteration, GeneratorExit])
    def test_the_end_of_a_loop_is_no_failure(self, data_root, ordinary):
        rla.init("t", data_root=data_root)
        try:
            fail(ordinary())
        except ordinary:
            exp_manager.close()
        assert states(data_root) == ["finished"]

    def test_an_exception_that_was_being_handled_before_the_run_is_not_its_own(self, data_root):
        try:
            fail(ImportError("no faster library"))
        except ImportError:
            rla.init("t", data_root=data_root)
            exp_manager.close()
        assert states(data_root) == ["finished"]

    def test_an_exit_that_was_caught_does_not_count_when_the_run_is_closed(self, script, data_root):
        script(
            """
            import sys, rla
            run = rla.init("t", data_root=sys.argv[1])
            try:
                sys.exit(3)
            except SystemExit:
                pass
            rla.exp_manager.close()
            """,
            str(data_root),
        )
        assert states(data_root) == ["finished"]


def test_a_slip_at_the_prompt_does_not_fail_the_run(data_root, tmp_path):
    text = f"import rla\nrun = rla.init('t', data_root={str(data_root)!r})\nslip\nrla.logger.record_tabular('k', 1)\n"
    python = [sys.executable, "-i", "-q"]
    subprocess.run(python, input=text, text=True, capture_output=True, check=True, timeout=90, cwd=tmp_path)
    (run,) = open_database(data_root).runs()
    assert (run.state, run.summary) == ("finished", {"k": 1})


WORKERS = """
import multiprocessing, sys

def train(number):
    import rla
    rla.init("t", {"number": number}, data_root=sys.argv[1])
    rla.logger.record_tabular("k", number)
    if number == 1:
        raise ValueError("diverged")
    if number == 2:
        sys.exit(4)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[2])
    workers = [context.Process(target=train, args=(number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_worker_process_ends_its_own_run_as_it_ends_itself(script, data_root, method):
    script(WORKERS, str(data_root), method)
    ended = {run.hyperparameters["number"]: run for run in open_database(data_root).runs()}
    assert [ended[number].state for number in range(3)] == ["finished", "failed", "failed"]
    assert [ended[number].row["exit_code"] for number in range(3)] == [0, 1, 4]
    assert [ended[number].summary for number in range(3)] == [{"k": number} for number in range(3)]
    assert "diverged" in ended[1].row["error"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_dataset_that_records_does_not_stop_its_loader(script, data_root, method):
    pytest.importorskip("torch")
    done = script(
        """
        import sys
        import torch
        from torch.utils.data import DataLoader, Dataset
        import rla
        from rla import logger

        class Numbers(Dataset):
            def __len__(self):
                return 16

            def __getitem__(self, index):
                logger.record_tabular("worker", index)
                logger.dump_tabular()
                logger.warn("from a worker")
                return torch.tensor(float(index))

        if __name__ == "__main__":
            with rla.init("t", data_root=sys.argv[1]):
                loader = DataLoader(Numbers(), batch_size=8, num_workers=2, multiprocessing_context=sys.argv[2])
                for batch in loader:
                    logger.record_tabular("mean", batch.mean())
                    logger.dump_tabular()
        """,
        str(data_root),
        method,
    )
    (run,) = open_database(data_root).runs()
    assert (run.state, run.summary) == ("finished", {"mean": 11.5})
    assert done.stderr.count("no run was started in this worker process") == (0 if method == "fork" else 2)


def test_other_ranks_may_ask_for_a_tensorboardx_writer_and_leave_nothing(script, data_root, tmp_path):
    (tmp_path / "tmp").mkdir()
    script(
        """
        import sys, rla
        rla.init("t", data_root=sys.argv[1])
        writer = rla.logger.get_tbx_writer()
        writer.add_scalar("k", 1.0, 1)
        writer.add_hparams({"a": 1}, {"b": 2.0})
        """,
        str(data_root),
        RANK="1",
        TMPDIR=str(tmp_path / "tmp"),
    )
    assert not data_root.exists()
    assert [name for name in os.listdir(tmp_path / "tmp") if name.startswith("rla")] == []


def test_a_forked_child_s_tensorboardx_writer_writes_nothing(data_root):
    run = rla.init("t", data_root=data_root)
    (events,) = run.paths.events.iterdir()
    before = events.read_bytes()
    pid = os.fork()
    if pid == 0:
        try:
            logger.get_tbx_writer().add_scalar("k", 1.0, 1)
        finally:
            os._exit(int(sys.exc_info()[0] is not None))
    assert os.waitpid(pid, 0)[1] == 0
    assert events.read_bytes() == before


class TestImpatience:
    def test_an_interrupted_end_is_finished_by_the_next(self, data_root, monkeypatch):
        run = rla.init("t", data_root=data_root)
        reporter = type(run._parts.reporter)
        report = reporter.report

        def interrupted(self, state, *, final):
            monkeypatch.setattr(reporter, "report", report)
            raise KeyboardInterrupt

        monkeypatch.setattr(reporter, "report", interrupted)
        with pytest.raises(KeyboardInterrupt), run:
            raise ValueError("mine")
        assert run.is_recording
        run.close()
        (stored,) = open_database(data_root).runs()
        assert stored.state == "failed"
        assert not run.is_recording

    def test_a_signal_during_the_end_does_not_lose_the_end(self, script, data_root):
        done = script(
            """
            import os, signal, sys, rla
            from rla.easy_log.heartbeat import Heartbeat
            run = rla.init("t", data_root=sys.argv[1])
            rla.logger.record_tabular("k", 1)
            stop = Heartbeat.stop
            def stop_slowly(self, timeout):
                Heartbeat.stop = stop
                os.kill(os.getpid(), signal.SIGTERM)
                stop(self, timeout)
            Heartbeat.stop = stop_slowly
            run.close()
            """,
            str(data_root),
            check=False,
        )
        assert done.returncode == -signal.SIGTERM
        (stored,) = open_database(data_root).runs()
        assert (stored.state, stored.summary) == ("finished", {"k": 1})

    def test_two_threads_may_end_the_run_at_once(self, data_root):
        for _ in range(5):
            run = rla.init("t", data_root=data_root)
            threads = [threading.Thread(target=run.close) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert not run.is_recording
        assert set(states(data_root)) == {"finished"}

    def test_a_thread_that_is_stuck_in_a_dump_does_not_hold_up_the_end(self, data_root, monkeypatch):
        from rla.easy_log import recorder

        monkeypatch.setattr(recorder, "_CLOSE_PATIENCE", 0.1)
        run = rla.init("t", data_root=data_root)
        held, free = threading.Event(), threading.Event()

        def stuck():
            with run.logger._lock:
                held.set()
                free.wait(5 * HANGS)

        thread = threading.Thread(target=stuck)
        thread.start()
        held.wait()
        logger._logger()._pending["k"] = 1
        began = time.monotonic()
        run.close()
        assert time.monotonic() - began < HANGS
        free.set()
        thread.join()
        assert states(data_root) == ["finished"]


def test_handlers_of_runs_that_ended_in_threads_do_not_pile_up(data_root):
    before = signal.getsignal(signal.SIGTERM)
    hooks = []
    for _ in range(5):
        run = rla.init("t", data_root=data_root)
        hooks.append(run._parts.hooks)
        thread = threading.Thread(target=run.close)
        thread.start()
        thread.join()
    assert all(isinstance(hook, ProcessHooks) and hook._handlers[signal.SIGTERM] == before for hook in hooks)
    rla.init("t", data_root=data_root).close()
    signal.signal(signal.SIGTERM, before)


class TestAWarningNeverReachesTheTraining:
    def test_with_a_stderr_that_was_closed(self, script, data_root):
        done = script(
            """
            import sys, rla
            rla.init("t", data_root=sys.argv[1])
            sys.stderr.close()
            rla.logger.logkv_mean("k", "no number")
            print("went on")
            """,
            str(data_root),
        )
        assert done.stdout == "went on\n"

    def test_with_a_hook_that_raises(self, data_root, monkeypatch):
        def mine(*arguments, **options):
            raise RuntimeError("mine")

        rla.init("t", data_root=data_root)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            monkeypatch.setattr(warnings, "showwarning", mine)
            logger.logkv_mean("k", "no number")


class TestGoneDuringTheRun:
    """What somebody deleted or moved is not made anew where it was."""

    def record(self, data_root):
        run = rla.init("t", data_root=data_root)
        logger.record_tabular("k", 1)
        logger.dump_tabular()
        return run

    def speak(self, run):
        with pytest.warns(rla.errors.RlaWarning, match="is gone: the run was deleted, or its data root moved"):
            run.beat(run._parts.reporter)
        run.close()

    def test_a_run_that_was_deleted_with_its_row_stays_deleted(self, data_root, database):
        run = self.record(data_root)
        table = database().table
        shutil.rmtree(run.paths.log)
        table.remove_places(table.places_of(run.uid))
        self.speak(run)
        assert database().runs() == []
        assert not run.paths.log.exists()

    def test_a_data_root_that_was_deleted_stays_deleted(self, data_root):
        run = self.record(data_root)
        shutil.rmtree(data_root)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.speak(run)
        assert not data_root.exists()

    def test_a_data_root_that_was_renamed_keeps_what_was_dumped(self, data_root, tmp_path):
        run = self.record(data_root)
        data_root.rename(tmp_path / "renamed")
        logger.record_tabular("k", 2)
        logger.dump_tabular()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.speak(run)
        assert not data_root.exists()
        (moved,) = open_database(tmp_path / "renamed").runs()
        assert moved.row["state"] == "running"
        assert [row["k"] for row in csv_rows(moved.paths.csv)] == ["1", "2"]


def test_a_hundred_runs_leave_no_thread_and_no_file_open(script, data_root):
    done = script(
        """
        import os, sys, threading, time, rla
        def record(count):
            for number in range(count):
                with rla.init("t", {"number": number}, data_root=sys.argv[1], log_used=["csv"]):
                    rla.logger.record_tabular("k", number)
            time.sleep(0.2)
            return len(os.listdir("/proc/self/fd")), threading.active_count()
        assert record(2) == record(100)
        """,
        str(data_root),
    )
    assert done.stderr == ""


def test_a_start_without_a_thread_to_spare_still_records(data_root):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patch, pytest.warns(rla.errors.RlaWarning, match="can't start new thread"):
        patch.setattr(threading.Thread, "start", refuse)
        run = rla.init("t", data_root=data_root)
        logger.record_tabular("k", 1)
        run.close()
    assert states(data_root) == ["finished"]


def test_what_fails_at_the_start_leaves_no_file_open(data_root):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(rla.errors.ConfigError):
            rla.init("t", data_root=data_root, config={"INDEX_URL": "mysql://host/x"})
    assert len(os.listdir("/proc/self/fd")) == before
