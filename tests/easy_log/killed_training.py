"""A small torch training that goes on from its own last run; it writes its weights and its curve at the end.

killed_training.py DATA_ROOT RESULT [--slow]
"""

from __future__ import annotations

import csv
import json
import sys
import time

import torch

import rla
from rla import exp_manager, logger, time_step_holder

STEPS = 400
SLOW = "--slow" in sys.argv


def main() -> None:
    torch.manual_seed(5)
    model = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(0.2), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    run = rla.init(
        "task", {"seed": 5}, data_root=sys.argv[1], config={"LOG_USED": ["csv", "tensorboard"]}, resume="auto"
    )
    first = 1
    if run.resumed is not None:
        model.load_state_dict(run.resumed.model["model"])
        optimizer.load_state_dict(run.resumed.model["optimizer"])
        run.resumed.restore_random_states()
        first = run.resumed.step + 1
    print("training", flush=True)
    for step in range(first, STEPS + 1):
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
        if SLOW:
            time.sleep(0.002)
    with run.paths.csv.open() as file:
        curve = [{key: text for key, text in row.items() if key != "timestamp"} for row in csv.DictReader(file)]
    weights = [parameter.tolist() for parameter in model.parameters()]
    run.close()
    with open(sys.argv[2], "w") as file:
        json.dump({"curve": curve, "weights": weights}, file)


if __name__ == "__main__":
    main()
