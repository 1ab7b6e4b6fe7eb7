"""Do something as another user."""

from __future__ import annotations

import os
from collections.abc import Callable


def as_user(uid: int, work: Callable[[], object]) -> str:
    """Do something in a forked child with another user's rights; what it returns, as text."""
    read, write_end = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.setgroups([])
            os.setegid(uid)
            os.seteuid(uid)
            result = work()
        except BaseException as error:
            result = f"{type(error).__name__}: {error}"
        os.write(write_end, str(result).encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(pid, 0)
    return text
