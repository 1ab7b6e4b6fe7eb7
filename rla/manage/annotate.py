"""Tags and notes: what people say of a run afterwards.

They go into ``notes.json`` of every copy of the run in this data root, live and archived, and then
into its row: a table that is made anew from the directories has them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from rla.core import manifest
from rla.core.layout import LOG, RunPaths
from rla.core.manifest import Notes
from rla.errors import ConfigError, RunNotFoundError, StoreError
from rla.fsio.safe_move import opened, read_file, replace_file
from rla.manage.leaf import Leaf, Standing, standing
from rla.manage.operation import check_index_is_writable, explained, operation
from rla.manage.recover import recover_alone
from rla.manage.rows import places_here
from rla.runs.database import Database

MAX_TAG: Final = 200
MAX_NOTE: Final = 65_536
_LARGEST: Final = 2**24
_FILE: Final = RunPaths(Path(), "").notes.name

Change = Callable[[Notes], Notes]


@dataclass
class Annotated:
    """What became of each run.

    Attributes:
        done: The uids of the runs that now have what was asked for, and what they have.
        failed: The uids of the others, and why; they are as they were.
    """

    done: dict[str, Notes] = field(default_factory=dict)
    failed: list[tuple[str, str]] = field(default_factory=list)


def tag(database: Database, uids: Sequence[str], *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> Annotated:
    """Give tags to runs, and take tags away.

    A tag that a run has already, or does not have, is no error. A tag in both lists is there afterwards.

    Args:
        database: The data root.
        uids: Which runs, by their whole uids.
        add: Tags they are to have. Blanks around a tag do not count.
        remove: Tags they are not to have.

    Raises:
        ConfigError: A tag is empty, longer than :data:`MAX_TAG`, or cannot be printed.
        StoreBusyError: Another command changes runs for longer than we may wait.
        StoreError: The index cannot be written.
    """
    added, removed = [_checked_tag(tag) for tag in add], {tag.strip() for tag in remove}

    def change(notes: Notes) -> Notes:
        kept = [tag for tag in notes.tags if tag not in removed]
        return Notes(tags=list(dict.fromkeys([*kept, *added])), notes=notes.notes)

    return _annotate(database, uids, change)


def note(database: Database, uid: str, text: str) -> None:
    """Write the note of a run in place of the one it has; an empty text removes it.

    Raises:
        ConfigError: The text is longer than :data:`MAX_NOTE`.
        RunNotFoundError: The index has no such run.
        StoreBusyError: Another command changes runs for longer than we may wait.
        StoreError: The note cannot be written.
    """
    if len(text) > MAX_NOTE:
        raise ConfigError(f"a note has at most {MAX_NOTE} characters; this one has {len(text)}")
    annotated = _annotate(database, [uid], lambda notes: Notes(tags=notes.tags, notes=text))
    for failed, reason in annotated.failed:
        if database.table.get(failed) is None:
            raise RunNotFoundError(failed)
        raise StoreError(f"the note of {failed} could not be written: {reason}")


def _checked_tag(given: str) -> str:
    tag = given.strip()
    if not tag or len(tag) > MAX_TAG or not tag.isprintable():
        raise ConfigError(f"a tag is 1 to {MAX_TAG} printable characters, not {given[:MAX_TAG]!r}")
    return tag


def _annotate(database: Database, uids: Sequence[str], change: Change) -> Annotated:
    """Under the lock of all commands that change runs: no copy is made or moved meanwhile."""
    annotated = Annotated()
    homes: dict[str, list[str]] = {}
    for uid in dict.fromkeys(uids):
        row = database.table.get(uid)
        homes.setdefault(database.root_id if row is None else database.home_of(row).root_id, []).append(uid)
    for root_id, chosen in homes.items():
        _annotate_in(database.at(root_id), chosen, change, annotated)
    return annotated


def _annotate_in(database: Database, uids: Sequence[str], change: Change, annotated: Annotated) -> None:
    with operation(database), explained(database.root):
        recover_alone(database)
        check_index_is_writable(database)
        for uid in uids:
            try:
                annotated.done[uid] = _annotate_one(database, uid, change)
            except (OSError, ValueError) as error:
                annotated.failed.append((uid, str(error)))


def _annotate_one(database: Database, uid: str, change: Change) -> Notes:
    """Change one run.

    Raises:
        OSError: A file cannot be read or written.
        ValueError: It has no copy here that could be changed, or its notes are damaged.
    """
    copies = _copies(database, uid)
    notes = change(_read(copies[0]))
    for leaf in copies:
        _write(leaf, manifest.encode(notes))
    database.table.update(uid, **msgspec.structs.asdict(notes))
    return notes


def _copies(database: Database, uid: str) -> list[Leaf]:
    """The log directories of a run below this root, the live one first: its notes count."""
    row = database.table.get(uid)
    if row is None:
        raise ValueError("it is not in the index any more")
    here = places_here(database, row)
    if isinstance(here, str):
        raise ValueError(here)  # noqa: TRY004 - a fault of no type
    found = [Leaf(database.root, uid, place.path, LOG, place.archived) for place in here]
    ours = [leaf for leaf in found if standing(leaf) is Standing.OURS]
    if not ours:
        raise ValueError("its log directory is gone")
    return sorted(ours, key=lambda leaf: leaf.archived)


def _read(leaf: Leaf) -> Notes:
    with opened(leaf.spot) as directory:
        try:
            content = read_file(directory, _FILE, _LARGEST)
        except FileNotFoundError:
            return Notes()
    try:
        return manifest.decode(content, Notes)
    except ValueError as error:
        message = f"{leaf.spot.path / _FILE} is damaged: {error}; correct it, or move it away"
        raise ValueError(message) from error


def _write(leaf: Leaf, content: bytes) -> None:
    with opened(leaf.spot) as directory:
        replace_file(directory, _FILE, content)
