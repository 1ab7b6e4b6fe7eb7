"""Send this process a signal right after its nth call that changes the disk or the index."""

from __future__ import annotations

import os
from collections.abc import Callable

from rla.store.run_table import RunTable

CALLS = (
    *("rename", "replace", "mkdir", "rmdir", "unlink", "link", "symlink", "fsync", "truncate", "ftruncate"),
    *("write", "pwrite", "copy_file_range", "fchmod", "utime", "chmod"),
)
ROWS = ("upsert_many", "remove_places", "add_places")


def strike_with(number: int, nth: int) -> Callable[[], int]:
    """Python handles a signal between two of its own steps, so this is where a real one is noticed."""
    seen = 0

    def after(real):
        def call(*arguments, **options):
            nonlocal seen
            result = real(*arguments, **options)
            seen += 1
            if seen == nth:
                os.kill(os.getpid(), number)
            return result

        return call

    for name in CALLS:
        setattr(os, name, after(getattr(os, name)))
    for name in ROWS:
        setattr(RunTable, name, after(getattr(RunTable, name)))
    opened, counted = os.open, after(os.open)
    os.open = lambda path, flags, *rest, **more: (counted if flags & os.O_CREAT else opened)(path, flags, *rest, **more)
    return lambda: seen
