"""Hide what looks like a secret before it reaches a file, the index or a screen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

MASK: Final = "***"
_SECRET: Final = re.compile(r"pass(word|wd|phrase)|secret|token$|api[-_]?key|private[-_]?key|credential", re.IGNORECASE)
_URL: Final = re.compile(r"(\w+://[^/\s:@]*):[^/\s@]+@")


def redact_argv(argv: Sequence[str]) -> list[str]:
    """A command line without the values of its secret options and without passwords in URLs.

    >>> redact_argv(["train.py", "--api-key", "k", "--lr=1", "--password=p", "db://me:pw@host/x"])
    ['train.py', '--api-key', '***', '--lr=1', '--password=***', 'db://me:***@host/x']
    """
    return list(_redacted(argv))


def _redacted(argv: Sequence[str]) -> Iterator[str]:
    secret_follows = False
    for word in argv:
        name, equals, _ = word.partition("=")
        is_option = word.startswith("-")
        if secret_follows and not is_option:
            yield MASK
        elif is_option and equals and _SECRET.search(name):
            yield f"{name}={MASK}"
        else:
            yield _URL.sub(rf"\1:{MASK}@", word)
        secret_follows = is_option and not equals and bool(_SECRET.search(name))
