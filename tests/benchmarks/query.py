"""Measure finding runs, beside peers that hold the same runs:  python tests/benchmarks/query.py [runs ...]

rla answers on 10,000 and 100,000 runs. The peers are asked on the first number, where they are installed.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from measure import Figure, fresh, median_wall, process_wall, report, silence
from peers import missing

import rla

MILLI = 1e-3
ENVIRONMENTS = ("Hopper-v4", "Walker2d-v4", "Ant-v4", "HalfCheetah-v4", "Humanoid-v4")
RATES = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7)
WHERE = "lr == 1e-3 and env_id == 'Hopper-v4'"
SORT = "-summary.return"
TARGETS = {10_000: (3 * MILLI, 90 * MILLI), 100_000: (10 * MILLI, None)}


def runs(count: int) -> Iterator[tuple[dict[str, Any], dict[str, float]]]:
    """Twenty hyperparameters and ten last values per run, always the same ones."""
    chance = random.Random(0)
    for number in range(count):
        varied = {"env_id": chance.choice(ENVIRONMENTS), "lr": chance.choice(RATES), "seed": number % 10}
        others = {f"p{n}": n * 0.1 for n in range(17)}
        values = {"return": chance.gauss(100, 30), **{f"train/v{n}": chance.random() for n in range(9)}}
        yield {**varied, **others}, values


def fill(root: Path, count: int) -> None:
    """A database whose table has so many finished runs; they have no files."""
    from rla.core.hyperparams import tracked_text
    from rla.runs.database import open_database
    from rla.store.run_row import Place

    rla.init("bench", data_root=root).close()
    database = open_database(root)
    items = []
    for number, (hyperparameters, summary) in enumerate(runs(count)):
        minutes, micro = divmod(number, 1_000_000)
        day, hour = 1 + number % 28, number // 28 % 24
        uid, tracked = f"{number:016x}", tracked_text(hyperparameters, ["env_id", "lr", "seed"])
        started = 1.77e9 + number
        about = {"task": "bench", "ip": "192.0.2.7", "tracked": tracked, "name": tracked, "origin": "manager"}
        state = {"state": "finished", "started": started, "ended": started + 60, "heartbeat": started + 60}
        values = {"hyperparameters": hyperparameters, "summary": summary, "time_step": 1000}
        ranges = {key: {"min": 0.0, "max": value, "mean": value} for key, value in summary.items()}
        created = f"2026/03/{day:02d}/{hour:02d}-{minutes:02d}-00-{micro:06d}"
        row = {"uid": uid, "created": created, "summary_range": ranges, "tags": [], **about, **state, **values}
        items.append((row, Place(uid, database.root_id, f"bench/{uid}")))
        if len(items) == 10_000 or number == count - 1:
            database.table.upsert_many(items)
            items = []


def ask(root: Path) -> int:
    """The query of the table of targets, to a DataFrame."""
    return len(rla.query(root, task="bench", where=WHERE, sort=SORT, limit=50).frame())


def mlflow(directory: Path, count: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """MLflow over SQLite: the same rows in its own tables."""
    import mlflow as peer
    from mlflow.entities import Metric, Param
    from mlflow.tracking import MlflowClient

    peer.set_tracking_uri(f"sqlite:///{directory}/mlflow.db")
    client = MlflowClient()
    experiment = client.create_experiment("bench")
    for hyperparameters, summary in runs(count):
        run = client.create_run(experiment)
        parameters = [Param(key, str(value)) for key, value in hyperparameters.items()]
        metrics = [Metric(key, value, 0, 0) for key, value in summary.items()]
        client.log_batch(run.info.run_id, metrics=metrics, params=parameters)
    filters = "params.lr = '0.001' and params.env_id = 'Hopper-v4'"
    search = lambda **chosen: peer.search_runs([experiment], **chosen)
    return (
        lambda: search(filter_string=filters, order_by=["metrics.return DESC"], max_results=50),
        lambda: search(max_results=50_000),
    )


def trackio(directory: Path, count: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """trackio: its own store, asked run by run as its interface does, then pandas."""
    os.environ["TRACKIO_DIR"] = str(directory)
    import pandas as pd
    from trackio.sqlite_storage import SQLiteStorage as Store

    for number, (hyperparameters, summary) in enumerate(runs(count)):
        Store.bulk_log("bench", f"run{number}", [summary], steps=[0], config=hyperparameters)

    def everything() -> pd.DataFrame:
        configs = Store.get_all_run_configs("bench")
        last = {name: Store.get_logs("bench", name)[-1] for name in configs}
        return pd.DataFrame({**config, **last[name]} for name, config in configs.items())

    def chosen() -> pd.DataFrame:
        frame = everything()
        found = frame[(frame["lr"] == 1e-3) & (frame["env_id"] == "Hopper-v4")]
        return found.sort_values("return", ascending=False).head(50)

    return chosen, everything


PEERS = {"MLflow SQLite": ("mlflow", mlflow), "trackio": ("trackio", trackio)}


def peers_asked(base: Path, count: int) -> Iterator[tuple[str, float, float]]:
    """Each installed peer's name, and its seconds for the query and for all runs."""
    for name, (package, make) in PEERS.items():
        if missing(package):
            print(f"  ({name}: not installed)")
            continue
        try:
            with silence():
                some, everything = make(fresh(base), count)
                some()
                figures = name, median_wall(some, 3), median_wall(everything, 1)
        except Exception as error:
            print(f"  ({name}: could not be asked: {type(error).__name__}: {error})"[:200])
        else:
            yield figures


def bench_query(base: Path, counts: tuple[int, ...] = (10_000, 100_000)) -> bool:
    """Two hyperparameters, sorted, the first 50 as a DataFrame; all runs as one; and ``rla ls``."""
    met = True
    peers = list(peers_asked(base, counts[0]))
    for count in counts:
        root = fresh(base)
        fill(root, count)
        assert ask(root) == (50 if count >= 10_000 else ask(root)) > 0
        some, everything = TARGETS.get(count, (None, None))
        figures = [Figure("rla", median_wall(lambda root=root: ask(root), 30), some)]
        figures += [Figure(name, seconds) for name, seconds, _ in peers if count == counts[0]]
        met &= report(f"2 hyperparameters, sorted, top 50 as a DataFrame, {count:,} runs", figures, MILLI, "ms")
        whole = lambda root=root: rla.query(root).frame()
        assert len(whole()) == count + 1
        figures = [Figure("rla", median_wall(whole, 5), everything)]
        figures += [Figure(name, seconds) for name, _, seconds in peers if count == counts[0]]
        met &= report(f"all {count:,} runs as a DataFrame", figures, MILLI, "ms")
        command = [sys.executable, "-m", "rla", "ls", "--data-root", str(root)]
        seconds = process_wall([*command, "--task", "bench", "--where", WHERE, "--sort", SORT])
        figures = [
            Figure("rla ls", process_wall(command), 300 * MILLI if count == 10_000 else None),
            Figure("rla ls --where ... --sort ...", seconds),
        ]
        met &= report(f"rla ls, whole process, {count:,} runs", figures, MILLI, "ms")
    return met


def main() -> None:
    """Measure, on so many runs as were named, or on both numbers."""
    base = Path(tempfile.mkdtemp(prefix="rla-bench-"))
    try:
        met = bench_query(base, tuple(int(each) for each in sys.argv[1:]) or (10_000, 100_000))
    finally:
        shutil.rmtree(base, ignore_errors=True)
    sys.exit(0 if met else "missed")


if __name__ == "__main__":
    main()
