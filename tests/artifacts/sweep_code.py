"""Back up one project twice, again and again, each time with a fault at a later call; then look at what is left.

Run as a process with crashpoint.so preloaded:  sweep_code.py DIRECTORY ERROR STICKY STRIDE
ERROR 0 kills with SIGKILL, another number is the errno that the call returns. Prints one JSON object.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
import traceback
from pathlib import Path

from rla.artifacts import code_cache
from rla.artifacts.code_backup import BackupPlan, back_up_code, verify_code
from rla.artifacts.code_list import LIST_FILE, digest
from rla.artifacts.code_store import digest_of

injector = ctypes.CDLL(None)
code_cache.RACY_NS = -(10**9)  # time stamps prove something at once, so that the second backup uses the cache
REFUSED = 7


def make_project(project: Path) -> BackupPlan:
    for name in ("a.py", "b.py", "inner/c.py", "inner/deep/d.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(f"{name}\n" * 3)
    (project / ".gitignore").write_text("*.pyc\n")
    (project / "link.py").symlink_to("inner/c.py")
    return BackupPlan(project, (".",))


def back_up(plan: BackupPlan, root: Path, name: str) -> None:
    target = root / "code" / name
    target.mkdir(parents=True, exist_ok=True)
    back_up_code(plan, target, root / "store")


def run_child(plan: BackupPlan, root: Path, nth: int, error: int, sticky: int) -> tuple[int, str]:
    """Two backups in a forked child, between them a change; its status and what it told."""
    (root / "code/first").mkdir(parents=True)
    (root / "code/second").mkdir(parents=True)
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        os.close(read)
        injector.crashpoint_arm(os.fsencode(root), nth, error, sticky)
        try:
            back_up(plan, root, "first")
            os.write(write, b"1")
            (plan.project_root / "b.py").write_text(f"changed {nth}\n")
            back_up(plan, root, "second")
            os.write(write, b"2")
        except OSError:
            os._exit(REFUSED)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os.write(write, b"." if injector.crashpoint_count() < nth else b"")
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read().decode()
    return os.waitpid(pid, 0)[1], told


def violations(plan: BackupPlan, root: Path, told: str) -> list[str]:
    """What is wrong with what was left, and with the next backups."""
    found = []
    for name, sign in (("first", "1"), ("second", "2")):
        target = root / "code" / name
        wrong = verify_code(target)
        if (target / LIST_FILE).exists() and wrong:
            found.append(f"a list that does not tell the truth of {wrong}")
        if sign in told and wrong:
            found.append(f"{name} ended well without {wrong}")
    entries = root.glob("store/??/*")
    halves = (path for path in entries if digest(path.read_bytes()) != digest_of(f"{path.parent.name}/{path.name}"))
    found += [f"half an entry: {path}" for path in halves]
    for name in ("second", "third"):
        back_up(plan, root, name)
        target = root / "code" / name
        found += [f"{name} after it: {path}" for path in verify_code(target)]
        for path in plan.project_root.rglob("*"):
            if path.is_file() and (target / path.relative_to(plan.project_root)).read_bytes() != path.read_bytes():
                found.append(f"{path} is another one in {name}")
    for temporary in root.glob("store/tmp/*"):
        os.utime(temporary, (0, 0))
    back_up(plan, root, "fourth")
    broken_off = {
        root / "store/cache",
        root / "code/first",
    }  # caches go after a month, a run that never was with its run
    left = (path for path in root.rglob("*.rla-tmp") if path.parent not in broken_off)
    return found + [f"left for ever: {path}" for path in left]


def main() -> None:
    directory, error, sticky, stride = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    plan = make_project(directory / "project")
    report = {"points": 0, "violations": [], "refused": 0}
    nth = 1
    while True:
        root = directory / f"root-{nth}"
        status, told = run_child(plan, root, nth, error, sticky)
        report["points"] += 1
        if error:
            code = os.waitstatus_to_exitcode(status)
            report["refused"] += code == REFUSED
            if code not in {0, REFUSED}:
                report["violations"].append([nth, "an error that is no OSError"])
        report["violations"] += [[nth, text] for text in violations(plan, root, told)]
        shutil.rmtree(root)
        if "." in told:
            break
        nth += stride
    print(json.dumps(report))


if __name__ == "__main__":
    main()
