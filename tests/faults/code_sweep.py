"""Back up one project twice, again and again, each time with a fault at a later call; then look at what is left.

Run as tests.faults.striking tells:  code_sweep.py DIRECTORY ERROR LASTING STRIDE
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from rla.artifacts.code import cache as code_cache
from rla.artifacts.code.backup import BackupPlan, back_up_code, verify_code
from rla.artifacts.code.listing import LIST_FILE, digest
from rla.artifacts.code.store import digest_of
from tests.faults.striking import Fault, Struck, in_child, strike, sweep

code_cache.RACY_NS = -(10**9)  # time stamps prove something at once, so that the second backup uses the cache


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


def back_up_twice(plan: BackupPlan, root: Path, nth: int, tell: int) -> None:
    """Two backups, between them a change."""
    back_up(plan, root, "first")
    os.write(tell, b"1")
    (plan.project_root / "b.py").write_text(f"changed {nth}\n")
    back_up(plan, root, "second")
    os.write(tell, b"2")


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
    directory = Path(sys.argv[1])
    plan = make_project(directory / "project")

    def point(nth: int, fault: Fault) -> tuple[Struck, list[str]]:
        root = directory / f"root-{nth}"
        for name in ("first", "second"):
            (root / "code" / name).mkdir(parents=True)
        struck = strike(lambda tell: back_up_twice(plan, root, nth, tell), root, nth, fault, (OSError,))
        found = in_child(violations, plan, root, struck.told)
        shutil.rmtree(root)
        return struck, found

    sweep(point)


if __name__ == "__main__":
    main()
