"""One point of a grid, and what makes two of them the same work."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rla.core import json_codec
from rla.core.hyperparams import MAX_TEXT, plain
from rla.sweep.naming import ADDRESS

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
    """A hash of what is recorded of the parameters, and of what the record leaves out."""
    text = json_codec.dumps([function, _sorted(plain(parameters))])
    left_out = "".join(_left_out(parameters))
    exact = f"{ADDRESS.sub('', text)}{left_out}"
    return hashlib.blake2b(exact.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _sorted(value: Any) -> Any:
    """The order in which parameters were added makes no difference."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return value


def _left_out(value: Any, parents: tuple[int, ...] = ()) -> Iterator[str]:
    """What tells values apart that are recorded alike: long texts, large arrays, some functions, objects."""
    if value is None or isinstance(value, (bool, int, float)) or id(value) in parents:
        return
    inside = (*parents, id(value))
    if isinstance(value, str):
        yield value[MAX_TEXT:]
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield from _left_out(value[key], inside)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _left_out(item, inside)
    elif hasattr(value, "tolist"):
        yield json_codec.dumps(value.tolist()) if isinstance(plain(value), str) else ""
    elif "<" in getattr(value, "__qualname__", "") and hasattr(value, "__code__"):
        yield from _function(value, inside)
    elif not callable(value) and ADDRESS.search(str(plain(value))):
        held = getattr(value, "__dict__", {})
        yield json_codec.dumps(_sorted(plain(held)))
        yield from _left_out(held, inside)


def _function(function: Any, parents: tuple[int, ...]) -> Iterator[str]:
    """The values that a function inside another was made with, and of one without a name what it does."""
    code = function.__code__
    if function.__name__ == "<lambda>":
        yield ADDRESS.sub("", repr((code.co_code, code.co_names, code.co_consts)))
    cells = [cell.cell_contents for cell in function.__closure__ or () if cell != type(cell)()]
    for held in (function.__defaults__, function.__kwdefaults__, cells):
        yield json_codec.dumps(plain(held))
        yield from _left_out(held, parents)
