"""Real git repositories for tests, and what is captured of them."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from pathlib import Path

from rla.artifacts.environment.git_patch import stored_patch
from rla.artifacts.environment.git_state import GitCapture

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}
USER = ("-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "init.defaultBranch=main")


def git(directory: Path, *words: str) -> str:
    command = ["git", *USER, "-c", "protocol.file.allow=always", *words]
    done = subprocess.run(command, cwd=directory, env=ENVIRONMENT, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def capture(root: Path, *, never=(), environ=ENVIRONMENT, timeout=30.0) -> dict:
    return GitCapture(root, never=never, environ=environ).finish(time.monotonic() + timeout)


def new_repository(parent: Path) -> Path:
    """Two committed files."""
    top = parent / "project"
    (top / "src").mkdir(parents=True)
    (top / "train.py").write_text("a = 1\n" * 10)
    (top / "src" / "agent.py").write_text("b = 1\n")
    git(top, "init")
    git(top, "add", ".")
    git(top, "commit", "-m", "first")
    return top


def small_repository(parent: Path) -> Path:
    """One committed file."""
    top = parent / "project"
    top.mkdir()
    (top / "train.py").write_text("a = 1\n")
    git(top, "init")
    git(top, "add", ".")
    git(top, "commit", "-m", "first")
    return top


def named(path: Path | str | bytes) -> str:
    return os.fsdecode(path)


def tree_of(top: Path) -> dict[str, tuple[int, bytes]]:
    """Every file but git's own: its kind and whether it may be executed, and its content."""
    found = {}
    for path in top.rglob("*"):
        if ".git" in path.parts[len(top.parts) :] or (path.is_dir() and not path.is_symlink()):
            continue
        mode = path.lstat().st_mode
        content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        found[named(path.relative_to(top))] = (stat.S_IFMT(mode) | mode & stat.S_IXUSR, content)
    return found


def rebuilt(top: Path, known: dict, where: Path) -> dict[str, tuple[int, bytes]]:
    """The tree that the commit and the stored patch give."""
    git(top.parent, "clone", str(top), str(where))
    git(where, "checkout", known["commit"])
    patch = stored_patch(known)
    if patch:
        subprocess.run(["git", "apply"], input=patch, cwd=where, env=ENVIRONMENT, check=True, capture_output=True)
    return tree_of(where)
