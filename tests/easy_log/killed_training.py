"""Small torch trainings that go on from their own last run; each writes its weights and its curve at its end.

Each line of stdin, a JSON list of data root, result file, steps and seconds, is trained in a process of its own,
forked from this one: importing torch twenty times would take minutes. So many seconds after so many steps it is ended
by SIGALRM, which nobody handles: as sudden as SIGKILL, and however slow the machine is. Told is "ended CODE".
"""

from __future__ import annotations

import csv
import json
import os
import signal
import sys
import tempfile

import torch

import rla
import rla.easy_log.continuing
from rla import exp_manager, logger, time_step_holder

STEPS = 400


def train(data_root: str, result: str, dies_after: int | None, seconds: float, steps: int = STEPS) -> None:
    torch.manual_seed(5)
    model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(0.2), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    run = rla.init("task", {"seed": 5}, data_root=data_root, config={"LOG_USED": ["csv", "tensorboard"]}, resume="auto")
    first = 1
    if run.resumed is not None:
        model.load_state_dict(run.resumed.model["model"])
        optimizer.load_state_dict(run.resumed.model["optimizer"])
        run.resumed.restore_random_states()
        first = run.resumed.step + 1
    for step in range(first, steps + 1):
        time_step_holder.set_time(step)
        x = torch.rand(16, 3)
        loss = torch.nn.functional.mse_loss(model(x), x.sum(1, keepdim=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        logger.ma_record_tabular("average", loss.item(), 7)
        logger.logkv_mean("mean", loss.item())
        if step % 3 == 0:
            logger.record_tabular("loss", loss.item())
            logger.dump_tabular()
        if step % 4 == 0:
            states = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            exp_manager.save_checkpoint(states, random_states=True)
        if dies_after is not None and step == first + dies_after:
            signal.setitimer(signal.ITIMER_REAL, seconds)
    with run.paths.csv.open() as file:
        curve = [{key: text for key, text in row.items() if key != "timestamp"} for row in csv.DictReader(file)]
    weights = [parameter.tolist() for parameter in model.parameters()]
    run.close()
    with open(result, "w") as file:
        json.dump({"curve": curve, "weights": weights}, file)


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:  # what a training imports is imported once
        train(place, f"{place}/result", None, 0.0, steps=4)
    for line in sys.stdin:
        if (pid := os.fork()) == 0:
            code = 1
            try:
                train(*json.loads(line))
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(f"ended {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}", flush=True)


if __name__ == "__main__":
    main()
