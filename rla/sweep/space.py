"""Ranges of values for a search, and the points that are drawn from them."""

from __future__ import annotations

import itertools
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, SupportsFloat

from rla.errors import GridError

_BITS: Final = 53
"""Of a fraction that a float can tell apart."""
_DIGITS: Final = 6
"""Significant digits of a drawn number: more would fill names, and no training tells them apart."""


class Distribution(ABC):
    """Where a parameter's values are drawn from; give one to ``grid.add`` in place of a list."""

    @abstractmethod
    def at(self, fraction: float) -> Any:
        """The value below which this fraction of all draws lies.

        Args:
            fraction: From 0 up to and without 1.
        """


@dataclass(frozen=True, repr=False)
class Uniform(Distribution):
    """Numbers from ``low`` to ``high``, each as likely."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _require_range("uniform", self.low, self.high)

    def __repr__(self) -> str:
        """As it is declared."""
        return f"uniform({self.low}, {self.high})"

    def at(self, fraction: float) -> float:
        """Rounded to six significant digits."""
        return rounded(self.low + fraction * (self.high - self.low))


@dataclass(frozen=True, repr=False)
class LogUniform(Distribution):
    """Numbers from ``low`` to ``high``, each order of magnitude as likely."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _require_range("loguniform", self.low, self.high)
        if self.low <= 0:
            raise GridError(f"{self}: both ends must be above 0")

    def __repr__(self) -> str:
        """As it is declared."""
        return f"loguniform({self.low}, {self.high})"

    def at(self, fraction: float) -> float:
        """Rounded to six significant digits."""
        return rounded(math.exp(math.log(self.low) + fraction * math.log(self.high / self.low)))


@dataclass(frozen=True, repr=False)
class Choice(Distribution):
    """One of some values, each as likely."""

    options: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.options:
            raise GridError("choice() has nothing to choose from; give it values")

    def __repr__(self) -> str:
        """As it is declared."""
        return f"choice({', '.join(map(repr, self.options))})"

    def at(self, fraction: float) -> Any:
        """The option in whose share the fraction falls."""
        return self.options[int(fraction * len(self.options))]


def uniform(low: float, high: float) -> Uniform:
    """Draw numbers from ``low`` to ``high``.

    Raises:
        GridError: The ends are not finite, or not in order.
    """
    return Uniform(low, high)


def loguniform(low: float, high: float) -> LogUniform:
    """Draw numbers from ``low`` to ``high``, as many between 0.001 and 0.01 as between 0.01 and 0.1.

    Raises:
        GridError: The ends are not finite, not in order, or not above 0.
    """
    return LogUniform(low, high)


def choice(*options: Any) -> Choice:
    """Draw one of some values: ``choice(32, 64)``, or one list of them.

    Raises:
        GridError: There are none.
    """
    only = options[0] if len(options) == 1 else None
    return Choice(tuple(only) if isinstance(only, list) else options)


def distribution_of(values: Sequence[Any]) -> Distribution:
    """What a search draws a parameter from: its distribution, or its listed values."""
    if len(values) == 1 and isinstance(values[0], Distribution):
        return values[0]
    return Choice(tuple(values))


def random_points(dimensions: int, seed: int) -> Iterator[list[float]]:
    """Points of the unit cube, each coordinate from 0 up to and without 1, independent of one another."""
    draws = random.Random(seed)  # noqa: S311 - a search wants to be repeated, not to be secret
    while True:
        yield [draws.random() for _ in range(dimensions)]


def low_discrepancy_points(dimensions: int, seed: int) -> Iterator[list[float]]:
    """Points of the unit cube that fill it evenly, however many are taken: Halton's, with permuted digits.

    The n-th coordinate mirrors the digits of the point's number, in the n-th prime base, at the point.
    Each digit goes through a permutation of its own, because large bases alone move in step.

    Args:
        dimensions: How many coordinates.
        seed: Chooses the permutations.

    Source: A. B. Owen, A randomized Halton algorithm in R (2017), arXiv:1706.02808.
    """
    draws = random.Random(seed)  # noqa: S311 - as above
    permutations = [
        [draws.sample(range(base), base) for _ in range(math.ceil(_BITS / math.log2(base)))]
        for base in itertools.islice(_primes(), dimensions)
    ]
    for number in itertools.count():
        yield [_mirrored(number, digits) for digits in permutations]


def _mirrored(number: int, permutations: Sequence[Sequence[int]]) -> float:
    """The fraction whose digits after the point are those of a number, the last one first, each permuted."""
    fraction, unit = 0.0, 1.0
    for permutation in permutations:
        base = len(permutation)
        number, digit = divmod(number, base)
        unit /= base
        fraction += permutation[digit] * unit
    return min(fraction, math.nextafter(1.0, 0.0))


def _primes() -> Iterator[int]:
    found: list[int] = []
    for candidate in itertools.count(2):
        if all(candidate % prime for prime in found):
            found.append(candidate)
            yield candidate


def rounded(value: float) -> float:
    """A drawn number with six significant digits."""
    return float(f"{value:.{_DIGITS}g}")


def _require_range(name: str, low: float, high: float) -> None:
    if not (_is_finite(low) and _is_finite(high) and low < high):
        raise GridError(f"{name}({low}, {high}): the ends must be finite numbers, the lower one first")


def _is_finite(value: object) -> bool:
    return isinstance(value, SupportsFloat) and math.isfinite(value)
