"""Stored runs to plot."""

from __future__ import annotations

import matplotlib as mpl
import pytest

import rla
from rla import logger, time_step_holder
from rla.runs.query import query


@pytest.fixture
def record(data_root):
    """Record a whole run; each item of ``values`` is one dump: a time step and what is recorded."""

    def run(values=((0, {"return": 1.0}), (10, {"return": 2.0})), task: str = "demo", **hyperparameters: object) -> str:
        nested = {}
        for key, value in hyperparameters.items():
            group, _, name = key.rpartition("__")
            (nested.setdefault(group, {}) if group else nested)[name] = value
        with rla.init(task, nested, track=sorted(nested), data_root=data_root, log_used=["csv"]) as made:
            for step, recorded in values:
                time_step_holder.set_time(step)
                logger.logkvs(recorded)
                logger.dump_tabular()
        return made.uid

    return run


@pytest.fixture
def runs(data_root):
    """The runs of a selection, oldest first."""
    return lambda **selection: list(query(data_root, **selection))[::-1]


@pytest.fixture
def untouched():
    """Neither settings of matplotlib nor figures of pyplot are left behind."""
    import matplotlib.pyplot as plt

    before = dict(mpl.rcParams), plt.get_fignums(), mpl.get_backend()
    yield
    assert (dict(mpl.rcParams), plt.get_fignums(), mpl.get_backend()) == before
