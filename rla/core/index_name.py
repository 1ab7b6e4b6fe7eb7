"""The index name of a run: date, time, ip, tracked hyperparameters.

Two forms exist on disk and both are read::

    HH-MM-SS-ffffff 192.0.2.7 &env_id=Hopper-v4&lr=0.001       spaces, the default
    HH-MM-SS-ffffff_192.0.2.7_&env_id=Hopper-v4&lr=0.001       INDEX_NAME_FORMAT: underscore

The name is for people. What it cannot hold on every file system is replaced, and a long one is
cut; the exact text stays in ``run.json`` and in the row, and selections match that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

NameFormat = Literal["space", "underscore"]

MAX_NAME_BYTES: Final = 120
_DAY: Final = "%Y/%m/%d"
_TIME: Final = "%H-%M-%S-%f"
_SEPARATOR: Final[dict[NameFormat, str]] = {"space": " ", "underscore": "_"}
_READABLE: Final = str.maketrans({"[": "{", "]": "}", "/": "_"})
_ILLEGAL: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\u2028\u2029]')
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³]) *(\..*)?", re.IGNORECASE)
_HASHED: Final = re.compile(r".*~[0-9a-f]{8}", re.DOTALL)
_MAX_IP_BYTES: Final = 60
_NAME: Final = re.compile(
    r"(?P<time>\d\d-\d\d-\d\d-\d{6})(?P<separator>[ _])(?P<ip>[^ _]+)(?P=separator)&(?P<tracked>.*)"
)


@dataclass(frozen=True)
class IndexName:
    """The exact parts of a run's index; :meth:`directory_name` makes them safe.

    Attributes:
        created: When the run started, in local time without a zone.
        ip: The machine's address, or ``noip``.
        tracked: The exact ``key=value`` texts joined by ``&``; may be empty.
    """

    created: datetime
    ip: str
    tracked: str

    @property
    def day(self) -> str:
        """``YYYY/MM/DD``."""
        return self.created.strftime(_DAY)

    @property
    def stamp(self) -> str:
        """``YYYY/MM/DD/HH-MM-SS-ffffff``, by which a run can be named."""
        return self.created.strftime(f"{_DAY}/{_TIME}")

    def directory_name(self, form: NameFormat = "space") -> str:
        """The last level of the run's place: legal on Linux, macOS and Windows."""
        separator = _SEPARATOR[form]
        head = separator.join((self.created.strftime(_TIME), _one_word(self.ip), "&"))
        return shorten(head + file_safe(self.tracked), exact=self.tracked)

    def place(self, task: str, form: NameFormat = "space") -> str:
        """The run's path below each kind."""
        return f"{task_directory(task)}/{self.day}/{self.directory_name(form)}"


def parse_directory_name(day: str, name: str) -> IndexName | None:
    """Read the parts back from a directory's day (``YYYY/MM/DD``) and name, in either form.

    Returns:
        The parts as far as the name holds them, or None when the directory is no run's.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        created = datetime.strptime(f"{day}/{match['time']}", f"{_DAY}/{_TIME}")  # noqa: DTZ007 - local time by design
    except ValueError:
        return None
    return IndexName(created, match["ip"], match["tracked"])


def task_directory(task: str) -> str:
    """The directory of a task: its name as it is, or a safe one with a hash of it.

    Two different tasks never share a directory.
    """
    safe = shorten(file_safe(task).lstrip("."), exact=task)
    if _DEVICES.fullmatch(safe):
        safe = f"_{safe}"
    if task and safe == task and not _HASHED.fullmatch(task):
        return task
    return shorten(f"{safe}~{_digest(task)}", exact=task)


def file_safe(text: str) -> str:
    """Replace what some file system refuses; an empty text stays empty."""
    encodable = text.encode("utf-8", "replace").decode()  # a lone surrogate becomes "?"
    legal = _ILLEGAL.sub("_", _composed(encodable.translate(_READABLE)))
    bare = legal.rstrip(". ")
    return bare + "_" * (len(legal) - len(bare))


def _composed(text: str) -> str:
    """Letters and their accents as one character, as most file systems keep them."""
    if text.isascii():
        return text
    import unicodedata  # noqa: PLC0415 - 3 ms that a plain name need not pay

    return unicodedata.normalize("NFC", text)


def shorten(name: str, *, exact: str, limit: int = MAX_NAME_BYTES) -> str:
    """Cut a name to a number of bytes of UTF-8; a hash of the exact text marks the cut."""
    encoded = name.encode()
    if len(encoded) <= limit:
        return name
    mark = f"~{_digest(exact)}"
    return encoded[: limit - len(mark)].decode("utf-8", "ignore") + mark


def _one_word(ip: str) -> str:
    """An address without what separates the parts of a name."""
    word = file_safe(ip).replace(" ", "-").replace("_", "-")
    return word.encode()[:_MAX_IP_BYTES].decode("utf-8", "ignore") or "noip"


def _digest(text: str) -> str:
    import hashlib  # noqa: PLC0415 - 3 ms, for long names only

    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
