"""One start of a job that goes on from its own last run: auto_job.py DATA_ROOT (wait | go GATE)."""

from __future__ import annotations

import json
import sys
import time

import numpy as np

import rla
import rla.easy_log.continuing
from rla import exp_manager, time_step_holder

_, data_root, what, *gate = sys.argv
if gate:
    print("ready", flush=True)
    open(gate[0]).close()
config = {"DL_FRAMEWORK": "numpy", "LOG_USED": ["csv"]}
run = rla.init("task", {"seed": 1}, ["seed"], data_root=data_root, config=config, resume="auto")
if what == "wait":
    time_step_holder.set_time(1)
    exp_manager.save_checkpoint({"w": np.zeros(1)})
print(json.dumps({"uid": run.uid, "parent": run.parent_uid}), flush=True)
time.sleep(100 if what == "wait" else 1)
