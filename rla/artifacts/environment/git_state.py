"""What git knows of the code a run starts from: commit, branch, changes. Read-only, and within a time limit."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from rla.artifacts.environment.bounded_process import BoundedProcess, Output
from rla.artifacts.environment.git_patch import Change, read_changes
from rla.artifacts.environment.kept_texts import KeptTexts
from rla.core.redact import redact_text, shown_address

_SMALL: Final = 1 << 20
_LARGE: Final = 1 << 25
_KEPT_VARIABLES: Final = ("GIT_CONFIG", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXEC_PATH")
_QUIET: Final = {
    "GIT_OPTIONAL_LOCKS": "0",  # no refreshed index is written back
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",  # a partial clone does not fetch what it lacks,
    "GIT_ALLOW_PROTOCOL": "none",  # nor with a git that does not know the variable above
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}
_SETTINGS: Final = (
    "core.fsmonitor=false",
    "core.quotePath=true",
    "core.safecrlf=false",
    "diff.autoRefreshIndex=false",  # else the index is written, and a kill leaves its lock behind
)
_WHERE: Final = (
    *("rev-parse", "--is-bare-repository", "--is-inside-work-tree", "--show-prefix"),
    *("HEAD", "--symbolic-full-name", "HEAD"),
)
_REMOTES: Final = ("config", "-z", "--get-regexp", r"^(remote\..*\.url|branch\..*\.remote)$")
_CHANGES: Final = (
    *("diff", "--raw", "-z", "-p", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--full-index"),
    *("--src-prefix=a/", "--dst-prefix=b/", "--no-relative", "--submodule=short", "--ignore-submodules=none"),
    *("-U3", "--inter-hunk-context=0", "HEAD", "--"),
)
_UNTRACKED: Final = ("ls-files", "-z", "--others", "--exclude-standard", "--full-name")
_COMMIT: Final = re.compile(r"[0-9a-f]{40,64}")
_SUBMODULE_LINE: Final = re.compile(rb"^\+Subproject commit ([0-9a-f]+)(-dirty)?$", re.MULTILINE)
_LINES_WITHOUT_COMMIT: Final = 4
_NOTHING: Final[tuple[object, ...]] = (None, "", [], {})
_PATTERN_SPECIAL: Final = re.compile(r"([\\*?\[\]!# ])")


class _Place(NamedTuple):
    """What ``rev-parse`` says; without a commit yet, commit and branch are None."""

    is_bare: bool
    has_files: bool
    prefix: str
    commit: str | None
    branch: str | None


class GitCapture:
    """Asks git about the repository that a directory lies in, while this process does other work."""

    def __init__(self, root: Path, *, never: Sequence[Path] = (), environ: Mapping[str, str] = os.environ) -> None:
        """Start the questions, all at once.

        Args:
            root: A directory of the repository.
            never: Directories of which nothing is kept: the data root.
            environ: The environment variables; those that point git elsewhere are not passed on.
        """
        self._root = Path(os.path.realpath(root))
        self._never = [Path(os.path.realpath(path)) for path in never]
        self._environ = _git_environment(environ)
        self._where = self._ask(_WHERE)
        self._changes: BoundedProcess | None = None
        self._untracked: BoundedProcess | None = None
        self._remotes: BoundedProcess | None = None
        top = next((place for place in (self._root, *self._root.parents) if os.path.lexists(place / ".git")), None)
        if top is not None:
            self._list_untracked = (*_UNTRACKED, *_exclusions(self._never, top), "--", ":/")
            self._changes = self._ask(_CHANGES, _LARGE)
            self._untracked = self._ask(self._list_untracked, _LARGE)
            self._remotes = self._ask(_REMOTES)

    def cancel(self) -> None:
        """Kill what still runs, when nobody wants the answer any more."""
        for question in filter(None, (self._where, self._changes, self._untracked, self._remotes)):
            question.finish(0.0)

    def finish(self, deadline: float) -> dict[str, Any]:
        """What git said until ``deadline`` on the monotonic clock; what it did not say is told in ``problems``.

        Returns:
            Of these keys those that have a value: ``commit``, ``branch``, ``dirty``, ``remote``, ``root``,
            ``diff``, ``untracked``, ``submodules``, ``left_out``, ``left_out_more``, ``redacted``, ``problems``.
        """
        try:
            return {key: value for key, value in self._answer(deadline).items() if value not in _NOTHING}
        finally:
            self.cancel()

    def _answer(self, deadline: float) -> dict[str, Any]:
        place = _read_place(self._where.finish(deadline))
        if isinstance(place, str):
            return {"problems": [place]}
        known = {"commit": place.commit, "branch": place.branch}
        if self._changes is None or self._untracked is None or self._remotes is None or not place.has_files:
            return {**known, "problems": ["this is a bare repository: it has no files to compare"]}
        if place.commit is None:
            known["branch"] = self._unborn_branch(deadline)
            self._untracked.finish(0.0)
            self._untracked = self._ask((*self._list_untracked[:1], "--cached", *self._list_untracked[1:]), _LARGE)
        top = _top(self._root, place.prefix)
        remote = _remote(self._remotes.finish(deadline).text, known["branch"])
        changes = Output(b"") if place.commit is None else self._changes.finish(deadline)
        return {
            **known,
            "remote": remote,
            "root": str(top),
            **self._differences(top, changes, self._untracked, deadline),
        }

    def _unborn_branch(self, deadline: float) -> str | None:
        """The branch that the first commit will make."""
        return _branch(_text(self._ask(("symbolic-ref", "-q", "HEAD")).finish(deadline).text).strip())

    def _differences(self, top: Path, changes: Output, untracked: BoundedProcess, deadline: float) -> dict[str, Any]:
        """In what the tree differs from the commit."""
        names = untracked.finish(deadline)
        problems = [
            f"git {what} {said.problem}" for what, said in (("diff", changes), ("ls-files", names)) if said.problem
        ]
        changed = [
            change
            for change in read_changes(changes.text, whole=not changes.problem)
            if self._wanted(top, os.fsdecode(change.path))
        ]
        new = [path for path in _names(names) if self._wanted(top, path)]
        kept = KeptTexts()
        diff = "".join(_patch(change, top, kept) for change in changed if not change.is_submodule)
        return {
            "dirty": True if changed or new else None if problems else False,
            "diff": diff,
            "untracked": kept.keep_untracked(top, new),
            "submodules": {os.fsdecode(change.path): _submodule(change) for change in changed if change.is_submodule},
            "left_out": kept.left_out,
            "left_out_more": kept.left_out_more or None,
            "redacted": kept.redacted,
            "problems": problems,
        }

    def _wanted(self, top: Path, path: str) -> bool:
        full = top / path
        return not any(full.is_relative_to(directory) for directory in self._never)

    def _ask(self, question: Sequence[str], limit: int = _SMALL) -> BoundedProcess:
        settings = [word for setting in _SETTINGS for word in ("-c", setting)]
        return BoundedProcess(["git", *settings, "-C", str(self._root), *question], environ=self._environ, limit=limit)


def _git_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what points git to another repository, as a hook's does, or makes it talk."""
    passed = {
        key: value for key, value in environ.items() if not key.startswith("GIT_") or key.startswith(_KEPT_VARIABLES)
    }
    return {**passed, **_QUIET}


def _exclusions(never: Iterable[Path], top: Path) -> Iterator[str]:
    """Options that keep ``ls-files`` from walking through directories that are not wanted."""
    for directory in never:
        if directory != top and directory.is_relative_to(top):
            path = directory.relative_to(top).as_posix()
            yield "--exclude=/" + _PATTERN_SPECIAL.sub(r"\\\1", path) + "/"


def _read_place(output: Output) -> _Place | str:
    """Where in which repository the directory is; or why that is not known."""
    lines = _text(output.text).split("\n")
    if output.problem is not None:
        return f"git {output.problem}"
    if len(lines) < _LINES_WITHOUT_COMMIT:
        return _refusal(output.errors)
    born = output.code == 0 and _COMMIT.fullmatch(lines[-3]) is not None
    prefix = "\n".join(lines[2:-3] if born else lines[2:-2])
    commit, branch = (lines[-3], _branch(lines[-2])) if born else (None, None)
    return _Place(lines[0] == "true", lines[1] == "true", prefix, commit, branch)


def _refusal(errors: bytes) -> str:
    text = errors.decode("utf-8", "replace")
    if "dubious ownership" in text:
        return "git refuses: the repository belongs to another user (see safe.directory in git's configuration)"
    if "not a git repository" in text:
        return "not in a git repository"
    first = text.partition("\n")[0].removeprefix("fatal: ")
    return f"git refuses: {redact_text(first)}"


def _branch(reference: str) -> str | None:
    """A branch by its full name; None for a detached head."""
    return reference.removeprefix("refs/heads/") if reference.startswith("refs/") else None


def _top(root: Path, prefix: str) -> Path:
    """The top of the working tree, when ``root`` is ``prefix`` below it."""
    depth = len(Path(prefix).parts)
    return root.parents[depth - 1] if depth else root


def _remote(settings: bytes, branch: str | None) -> str | None:
    """The address of the branch's remote, else of ``origin``, else of the first one, without credentials."""
    values = dict(entry.partition("\n")[::2] for entry in _text(settings).split("\0") if entry)
    chosen = values.get(f"branch.{branch}.remote", "origin")
    addresses = [address for key, address in values.items() if key.endswith(".url")]
    address = values.get(f"remote.{chosen}.url") or next(iter(addresses), None)
    return None if address is None else shown_address(address)


def _names(listed: Output) -> list[str]:
    """The names that came whole; git ends each with a NUL."""
    return [os.fsdecode(name) for name in listed.text.split(b"\0")[:-1]]


def _patch(change: Change, top: Path, kept: KeptTexts) -> str:
    """The part of the diff that is one file's, as far as it may be stored."""
    path = os.fsdecode(change.path)
    reason = "binary" if change.is_binary else None if change.patch else "git gave no diff of it"
    if reason is None:
        return kept.keep(path, change.patch) or ""
    try:
        size = (top / path).lstat().st_size
    except OSError:  # it was deleted
        size = None
    kept.leave_out(path, reason, size)
    return ""


def _submodule(change: Change) -> dict[str, Any]:
    """The commit that a submodule stands at, and whether it was changed beyond it."""
    match = _SUBMODULE_LINE.search(change.patch)
    return {} if match is None else {"commit": match[1].decode(), "dirty": match[2] is not None}


def _text(output: bytes) -> str:
    return output.decode("utf-8", "surrogateescape")
