"""rla tb; the process itself is in tests/manage/test_board.py."""

from __future__ import annotations

import re
import sys

import rla


def test_json_tells_labels_and_directories(rla_command, record):
    run = record(seed=1)
    assert rla_command("tb", "--json").json == [
        {"label": f"seed=1_{run.uid[:8]}", "events": str(run.paths.events)},
    ]


def test_the_newest_come_first_up_to_the_limit(rla_command, record):
    _, second = record(seed=1), record(seed=2)
    (shown,) = rla_command("tb", "--json", "--limit", "1").json
    assert shown["label"] == f"seed=2_{second.uid[:8]}"


def test_without_events_nothing_is_started(rla_command, data_root):
    with rla.init("demo", {}, data_root=data_root, log_used=["csv"]):
        pass
    done = rla_command("tb")
    assert (done.code, "TensorBoard events" in done.err) == (3, True)


def test_without_tensorboard_the_message_names_the_extra(rla_command, record, monkeypatch):
    record(seed=1)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    done = rla_command("tb")
    assert (done.code, done.out) == (1, "")
    assert re.search(r'pip install "rla\[tensorboard\]"', done.err)
