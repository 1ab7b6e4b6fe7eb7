"""Measure the code backup beside cp, tar and git:  python tests/benchmarks/code_backup.py

1,000 files of 16 KB that have not changed since the last backup; every round makes a further run.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from measure import Figure, fresh, median_wall, report

from rla.artifacts.code.backup import BackupPlan, back_up_code, verify_code

MILLI = 1e-3
FILES, FILE_SIZE, ROUNDS = 1000, 16_384, 15
LARGEST_SHARE = 0.05
GITIGNORE = "__pycache__/\n*.py[cod]\n*.log\n/build/\n.venv/\n*.egg-info/\n!keep.log\nwandb/\n*.pt\n*.ckpt\n"


def make_project(base: Path) -> Path:
    """A project of 1,000 files in 48 directories, old enough for its time stamps to prove something."""
    project = base / "project"
    random.seed(1)
    for number in range(FILES):
        file = project / f"package{number % 8}/part{number % 40}/module{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(random.randbytes(FILE_SIZE // 2).hex())
    (project / ".gitignore").write_text(GITIGNORE)
    time.sleep(2.1)
    return project


def disk(directory: Path) -> int:
    """Bytes that a directory takes on disk, its links to what is elsewhere not counted."""
    found = [path.lstat() for path in (directory, *directory.rglob("*"))]
    return sum(stat.st_blocks * 512 for stat in found if stat.st_nlink == 1 or not os.path.stat.S_ISREG(stat.st_mode))


def settle() -> None:
    """Let the disk finish what the first backup wrote: the next run of a project comes later than that."""
    os.sync()
    time.sleep(1)


def rla_backup(project: Path, root: Path) -> Callable[[], Path]:
    """Back up into one new run after the other."""
    count = iter(range(10**6))
    plan = BackupPlan(project, (".",))

    def work() -> Path:
        target = root / "code" / f"run-{next(count)}"
        target.mkdir(parents=True)
        done = back_up_code(plan, target, root / ".rla/code-store")
        assert (done.files, done.copied, done.left_out) == (FILES + 1, 0, []), done
        return target

    return work


def commands(project: Path, base: Path) -> dict[str, Callable[[], object]]:
    """What people do by hand; each call makes a further backup."""
    count = iter(range(10**6))
    git = ["git", f"--git-dir={base / 'git'}", f"--work-tree={project}", "-c", "user.name=b", "-c", "user.email=b@b"]
    run = lambda *command: subprocess.run(command, check=True, capture_output=True)
    subprocess.run(["git", "init", "--quiet", "--bare", base / "git"], check=True)

    def commit() -> None:
        run(*git, "add", "--all")
        run(*git, "commit", "--quiet", "--allow-empty", "--message", "run")

    return {
        "git add + git commit (not browsable)": commit,
        "cp -r": lambda: run("cp", "-r", project, base / f"cp-{next(count)}"),
        "shutil.copytree": lambda: shutil.copytree(project, base / f"copytree-{next(count)}"),
        "tar (not browsable)": lambda: run("tar", "cf", base / f"{next(count)}.tar", "-C", project, "."),
        "tar.gz (not browsable)": lambda: run("tar", "czf", base / f"{next(count)}.tgz", "-C", project, "."),
        "cp -r --link (edits change the source)": lambda: run("cp", "-rl", project, base / f"links-{next(count)}"),
    }


def bench_code(base: Path) -> bool:
    """The second and later backups of 1,000 unchanged files, 16 MB; and the disk that each takes."""
    base = fresh(base)
    project = make_project(base)
    work = rla_backup(project, base / "data")
    first = median_wall(work, 1)
    settle()
    figures = [
        Figure("rla, the second and later", median_wall(work, ROUNDS), 25 * MILLI),
        Figure("rla, the first", first),
    ]
    for name, other in commands(project, base).items():
        other()
        settle()
        figures.append(Figure(name, median_wall(other, 5)))
    met = report(f"back up {FILES:,} unchanged files, {FILES * FILE_SIZE / 1e6:.0f} MB, wall", figures, MILLI, "ms")
    last = work()
    share = disk(last) / disk(base / "cp-0")
    within = share <= LARGEST_SHARE
    print(f"  disk: {share:.1%} of a copy   target {LARGEST_SHARE:.0%}{'' if within else '   TARGET MISSED'}")
    assert verify_code(last) == []
    return met and within


if __name__ == "__main__":
    place = Path(tempfile.mkdtemp(prefix="rla-bench-"))
    try:
        sys.exit(not bench_code(place))
    finally:
        shutil.rmtree(place, ignore_errors=True)
