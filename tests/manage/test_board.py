"""TensorBoard on chosen runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import rla
from rla.errors import MissingDependencyError
from rla.manage.board import board, check_tensorboard, shown_runs
from rla.runs.query import query
from tests.indexes import open_database
from tests.processes import is_alive
from tests.timing import HANGS, wait_for

SERVE = """
import sys
from pathlib import Path
from rla.manage.board import serve, shown_runs
from tests.indexes import open_database
from rla.runs.query import query
sys.exit(serve(shown_runs(query(sys.argv[1])), port=0))
"""


@pytest.fixture
def record(data_root):
    def run(task: str = "demo", **hyperparameters: object) -> rla.easy_log.active_run.ActiveRun:
        with rla.init(task, hyperparameters, track=sorted(hyperparameters), data_root=data_root) as run:
            rla.time_step_holder.set_time(10)
            rla.logger.record_tabular("reward", 1.5)
            rla.logger.dump_tabular()
        return run

    return run


def test_a_label_is_short_and_says_which_run_it_is(record, data_root):
    run = record(lr=0.1, seed=3)
    (shown,) = shown_runs(query(data_root))
    assert shown.label == f"lr=0.1_seed=3_{run.uid[:8]}"
    assert shown.events == run.paths.events


def test_runs_of_several_tasks_are_told_apart_by_their_task(record, data_root):
    second, first = record("two", seed=1), record("one", seed=1)
    assert [each.label for each in shown_runs(query(data_root))] == [
        f"one/seed=1_{first.uid[:8]}",
        f"two/seed=1_{second.uid[:8]}",
    ]


@pytest.mark.parametrize("value", ["../../x", "/etc", "a" * 500, "\x1b[2J\n\0", "\u202e\U0001f600", "..", "&&", ""])
def test_whatever_a_run_is_named_its_link_lies_in_the_board(record, data_root, value):
    record(k=value)
    record(f"t{value}", k=value)
    with board(shown_runs(query(data_root))) as directory:
        links = [path for path in directory.rglob("*") if path.is_symlink()]
        assert len(links) == 2
        assert all(re.fullmatch(r"[\w.=,+@/-]+", str(link.relative_to(directory)), re.ASCII) for link in links)
        assert all(len(link.name) <= 80 for link in links)


def test_the_board_is_gone_at_the_end_and_the_runs_are_not(record, data_root):
    run = record(seed=1)
    with board(shown_runs(query(data_root))) as directory:
        (link,) = directory.iterdir()
        assert link.resolve() == run.paths.events.resolve()
    assert not directory.exists()
    assert list(run.paths.events.iterdir())


def test_runs_without_events_are_left_out(record, data_root):
    with rla.init("demo", {"seed": 2}, track=["seed"], data_root=data_root, log_used=["csv"]):
        pass
    record(seed=1)
    assert len(shown_runs(query(data_root))) == 1


def test_a_row_with_a_path_that_leads_out_of_the_root_is_not_shown(record, data_root):
    from rla.store.run_row import Place

    run, opened = record(seed=1), open_database(data_root)
    opened.table.add_place(Place(run.uid, opened.root_id, "../../elsewhere"))
    opened.table.remove_place(Place(run.uid, opened.root_id, run.paths.place))
    outside = data_root.parent.parent / "elsewhere" / "tb" / "events"
    assert shown_runs([opened.find(run.uid)]) == []
    assert not outside.exists()


def test_without_tensorboard_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingDependencyError, match=re.escape("rla[tensorboard]")):
        check_tensorboard()


def test_tensorboard_s_own_reader_follows_the_links(record, data_root):
    multiplexer = pytest.importorskip("tensorboard.backend.event_processing.plugin_event_multiplexer")
    run = record(seed=1)
    with board(shown_runs(query(data_root))) as directory:
        reader = multiplexer.EventMultiplexer()
        reader.AddRunsFromDirectory(str(directory))
        assert list(reader.Runs()) == [f"seed=1_{run.uid[:8]}"]


def below(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [found for child in children for found in (child, *below(child))]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_tensorboard_answers_with_the_runs_and_leaves_nothing_behind(record, data_root, tmp_path, number):
    pytest.importorskip("tensorboard")
    labels = sorted(f"seed={seed}_{record(seed=seed).uid[:8]}" for seed in (1, 2))
    (tmp_path / "tmp").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(data_root)], stderr=subprocess.PIPE, text=True, env=environment
    )
    with process:
        told = (re.search(r"http://localhost:\d+/", line) for line in process.stderr)
        url = next(found[0] for found in told if found)

        def runs() -> list[str]:
            with urllib.request.urlopen(f"{url}data/runs", timeout=HANGS) as answer:
                return sorted(json.load(answer))

        wait_for(lambda: runs() == labels)
        started = below(process.pid)
        assert started
        process.send_signal(number)
        assert process.wait(HANGS) == 0
        wait_for(lambda: not any(map(is_alive, started)))
    assert list((tmp_path / "tmp").glob("rla-tb-*")) == []
