"""One point of a grid, and what makes two of them the same work."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from rla.core import json_codec
from rla.core.hyperparams import plain

_MARK: Final = "#"


@dataclass(frozen=True)
class Variant:
    """One point of a grid.

    Attributes:
        name: What it is called; variants that differ in their seed only have the same name.
        parameters: Its values, nested, with the seed.
        tracked: The keys of those that tell it apart, dotted where they are nested.
        trial: Which trial of a search it belongs to, or None.
    """

    name: str
    parameters: dict[str, Any]
    tracked: tuple[str, ...] = ()
    trial: int | None = None

    @property
    def seed(self) -> Any:
        """Its seed, or None."""
        return self.parameters.get("seed")


def with_keys(function: str, variants: Iterable[Variant]) -> Iterator[tuple[str, Variant]]:
    """Each variant with a key: its name, a mark, and what names the work in every call.

    Args:
        function: What is run with them: the same parameters of another function are other work.
        variants: The variants of a grid; one that is there twice is run twice.
    """
    times: Counter[str] = Counter()
    for variant in variants:
        digest = _digest(function, variant.parameters)
        times[digest] += 1
        again = f".{times[digest]}" if times[digest] > 1 else ""
        yield f"{variant.name}{_MARK}{digest}{again}", variant


def work_of(key: str) -> str:
    """The part of a key that stays when a variant is renamed, because its grid has grown."""
    return key.rpartition(_MARK)[2]


def name_of(key: str) -> str:
    """The part of a key that is the variant's name."""
    return key.rpartition(_MARK)[0]


def _digest(function: str, parameters: dict[str, Any]) -> str:
    text = json_codec.dumps([function, _sorted(plain(parameters))])
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _sorted(value: Any) -> Any:
    """The order in which parameters were added makes no difference."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return value
