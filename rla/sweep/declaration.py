"""What a grid declares: parameters, their values, and the variants that they make."""

from __future__ import annotations

import itertools
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rla.core.hyperparams import plain
from rla.core.wording import counted
from rla.errors import GridError
from rla.sweep import user_config
from rla.sweep.naming import SEED, default_shorthand, variant_name
from rla.sweep.space import Distribution, distribution_of, low_discrepancy_points, random_points

DIV_LINE_WIDTH: Final = 80
_KEY_WIDTH: Final = 40


class Declaration:
    """Parameters and their values: what a grid is before it runs.

    Attributes:
        keys: The parameters, in the order in which they were added.
        vals: The values of each.
        shs: The shorthand of each, or None for the key itself.
        in_names: Whether each must be in the names of variants.
    """

    def __init__(self, name: str = "") -> None:
        """An empty grid.

        Args:
            name: What the names of variants begin with; also the batch and the task of its runs.
        """
        self.keys: list[str] = []
        self.vals: list[list[Any]] = []
        self.shs: list[str | None] = []
        self.in_names: list[bool] = []
        self._points: list[dict[str, Any]] | None = None
        self.name(name)

    def name(self, _name: str) -> None:
        """Set the grid's name.

        Raises:
            GridError: It is not a text.
        """
        if not isinstance(_name, str):
            raise GridError(f"Name has to be a string. It is {_name!r}.")
        self._name = _name

    def add(self, key: str, vals: Any, shorthand: str | None = None, in_name: bool = False) -> None:
        """Add a parameter.

        Args:
            key: Its name; ``a:b:c`` is ``c`` inside ``b`` inside ``a``.
            vals: A list of its values; or a distribution to draw from; or anything else (a tuple too) as its only one.
            shorthand: What it is called in names; by default made of the first three letters of each part.
            in_name: Whether it is in the names of variants although it has one value only.

        Raises:
            GridError: The key was added before, or excludes one that was; there are no values.
        """
        if self._points is not None:
            raise GridError("the points of this grid are drawn already: add parameters before sample(n)")
        if not isinstance(key, str):
            raise GridError(f"Key must be a string. It is {key!r}.")
        if not (shorthand is None or isinstance(shorthand, str)):
            raise GridError(f"Shorthand must be a string. That of {key!r} is {shorthand!r}.", key=key)
        values = list(vals) if isinstance(vals, list) else [vals]
        _require_values(key, vals, values)
        for other, others in zip(self.keys, self.vals, strict=True):
            _require_together(key, values, other, others)
        if shorthand is None and user_config.DEFAULT_SHORTHAND:
            shorthand = self._default_shorthand(key)
        self.keys.append(key)
        self.vals.append(values)
        self.shs.append(shorthand)
        self.in_names.append(in_name)

    def variants(self) -> list[dict[str, Any]]:
        """Every combination of values; the parameter that was added last changes fastest.

        Returns:
            One dictionary per variant; ``a:b`` is nested as ``{"a": {"b": value}}``.

        Raises:
            GridError: The grid has no parameters, or one to be drawn (:meth:`sample` does that).
        """
        return [nested(zip(self.keys, values, strict=True)) for values in self._combinations()]

    def variant_name(self, variant: Mapping[str, Any]) -> str:
        """A variant's name: the grid's, then shorthand and value of each parameter with several values.

        ``seed`` is never in it. A parameter whose values are all True or False is there only when True.
        """
        return variant_name(self._name, self._declared(), variant)

    def print(self) -> None:
        """Write the parameters with their values, and how many variants there are, to stdout."""
        sys.stdout.write("\n".join(self._table()) + "\n")
        sys.stdout.flush()  # in a file, too, it stands above what stderr says of the variants

    def __len__(self) -> int:
        """How many variants there are."""
        if self._points is not None:
            return len(self._points)
        return math.prod(map(len, self.vals)) if self.keys else 0

    def __repr__(self) -> str:
        return f"<grid {self._name!r} of {', '.join(self.keys) or 'no parameters'}: {counted(len(self), 'variant')}>"

    def _default_shorthand(self, key: str) -> str:
        """The first three letters of each part of a key."""
        return default_shorthand(key)

    def _draw(self, n: int, seed: int, *, low_discrepancy: bool) -> list[dict[str, Any]]:
        """``n`` points, each as values by whole keys, and each with every seed that is listed."""
        if type(n) is not int or n < 1:
            raise GridError(f"sample({n!r}): the number of points is from 1 on")
        self._require_parameters()
        seeds = [values for key, values in self._pairs() if key == SEED and not _is_drawn(values)]
        drawn = [(key, distribution_of(values)) for key, values in self._pairs() if not (key == SEED and seeds)]
        points = (low_discrepancy_points if low_discrepancy else random_points)(len(drawn), seed)
        found = []
        for point in itertools.islice(points, n):
            values = {key: source.at(fraction) for (key, source), fraction in zip(drawn, point, strict=True)}
            found += [{**values, SEED: chosen} for chosen in seeds[0]] if seeds else [values]
        return found

    def _combinations(self) -> Iterator[Sequence[Any]]:
        self._require_parameters()
        if self._points is not None:
            return ([point[key] for key in self.keys] for point in self._points)
        for key, values in self._pairs():
            if _is_drawn(values):
                raise GridError(f"{key!r} is drawn from {values[0]}: draw n variants with grid.sample(n)", key=key)
        return itertools.product(*self.vals)

    def _require_parameters(self) -> None:
        if not self.keys:
            raise GridError(f"the grid {self._name!r} has no parameters: grid.add(key, [value, ...]) adds one")

    def _pairs(self) -> Iterator[tuple[str, list[Any]]]:
        return zip(self.keys, self.vals, strict=True)

    def _declared(self) -> Iterator[tuple[str, Sequence[Any], str | None, bool]]:
        """Each parameter as a name is made of it; one that is drawn tells variants apart."""
        for key, values, shorthand, in_name in zip(self.keys, self.vals, self.shs, self.in_names, strict=True):
            yield key, values, shorthand, in_name or _is_drawn(values)

    def _table(self) -> list[str]:
        head = f"ExperimentGrid [{self._name}] runs over parameters:"
        if len(head) > DIV_LINE_WIDTH:
            head = f"ExperimentGrid\n[{self._name}]\nruns over parameters:"
        lines = ["=" * DIV_LINE_WIDTH, head, ""]
        for key, values, shorthand, _ in self._declared():
            lines += [f" {key:<{_KEY_WIDTH}}[{key if shorthand is None else shorthand}]", ""]
            lines += [f"\t{shown(value)}" for value in values]
            lines.append("")
        seeds = next((len(values) for key, values in self._pairs() if key == SEED), 1)
        lines.append(f" Variants, counting seeds:     {len(self):>10,}")
        lines.append(f" Variants, not counting seeds: {len(self) // seeds:>10,}")
        return [*lines, "=" * DIV_LINE_WIDTH]


def nested(values: Any) -> dict[str, Any]:
    """Values by whole keys as dictionaries in dictionaries; what a caller gave is not written into.

    Args:
        values: Pairs of key and value.

    Raises:
        GridError: A key lies below one whose value is no dictionary.
    """
    pairs = list(values)
    result: dict[str, Any] = {}
    for number, (key, value) in enumerate(pairs):
        *above, last = key.split(":")
        inside = result
        for part in above:
            held = inside.get(part, {})
            if not isinstance(held, dict):
                raise _excluded(key, f"{part!r} is {shown(held)}")
            inside[part] = dict(held)
            inside = inside[part]
        if last in inside and any(earlier.startswith(f"{key}:") for earlier, _ in pairs[:number]):
            return nested(sorted(pairs, key=lambda pair: pair[0].count(":")))  # the outer ones first
        inside[last] = value
    return result


def shown(value: object) -> str:
    """A value on one line, as JSON where it has one."""
    if isinstance(value, Distribution):
        return repr(value)
    return json.dumps(plain(value), ensure_ascii=False)


def _is_drawn(values: Sequence[Any]) -> bool:
    """Whether a parameter has a distribution, which is its only value then."""
    return isinstance(values[0], Distribution)


def _require_values(key: str, given: object, values: Sequence[Any]) -> None:
    if not values:
        raise GridError(f"{key!r} has no values: an empty list makes no variants", key=key)
    if len(values) > 1 and any(isinstance(value, Distribution) for value in values):
        raise GridError(f"{key!r} lists a distribution among its values; give one or the other", key=key)
    if isinstance(given, range | Iterator) or _is_array(given):
        kind = type(given).__name__
        raise GridError(
            f"the values of {key!r} have the type {kind}: write list(...) for several, [[...]] for one", key=key
        )


def _is_array(value: Any) -> bool:
    return hasattr(value, "tolist") and len(getattr(value, "shape", ())) > 0


def _require_together(key: str, values: Sequence[Any], other: str, others: Sequence[Any]) -> None:
    """Two parameters that can both have a value: not the same, and none inside the other's number."""
    if key == other:
        raise GridError(f"{key!r} was added before, with the values {shown(list(others))}", key=key)
    for outer, outer_values, inner in ((key, values, other), (other, others, key)):
        if inner.startswith(f"{outer}:") and not all(isinstance(value, dict) for value in outer_values):
            raise _excluded(inner, f"{outer!r} has values that are no dictionaries")


def _excluded(key: str, why: str) -> GridError:
    return GridError(f"You can't assign multiple values to the same key. {key!r} lies inside another: {why}.", key=key)
