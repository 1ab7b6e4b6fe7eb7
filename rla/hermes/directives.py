"""Lines of EXEC that stand for many: ``PROD``, ``ZIP`` and the values of ``RANGE``.

::

    PROD([[python, train.py, -lr {lr} -seed {seed}],[]], lr=[0.1, 0.01], seed=RANGE[0, 3, 1])
    ZIP([[python, train.py, -lr {lr} -n {n}],[]], lr=[0.1, 0.01], n=[100, 1000])

PROD runs through every combination, the last name fastest; ZIP takes the values in step. Several lines may
stand in one, and one may stand in another. A value replaces ``{name}`` as it is written.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rla.errors import HermesFileError
from rla.hermes.source import Line
from rla.hermes.words import Scanner, WordError

if TYPE_CHECKING:
    from decimal import Decimal

_DIRECTIVE: Final = re.compile(r"\s*(PROD|ZIP)\s*\(")
_SMALL: Final = re.compile(r"\s*(prod|zip)\s*\(", re.IGNORECASE)
_BARE: Final = re.compile(r"\s*([A-Za-z_]\w*)\s*=")
_VARIABLE: Final = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(RANGE)?\s*\[(.*)\]\s*", re.DOTALL)
_RANGE_PARTS: Final = (2, 3)


@dataclass(frozen=True)
class _Variable:
    """A name and its values; a range is not written out before it is needed."""

    name: str
    values: Sequence[str]


def is_directive(line: Line) -> bool:
    """Whether a line stands for others."""
    return _DIRECTIVE.match(line.text) is not None


def expanded(line: Line) -> Iterator[Line]:
    """The job lines that a line stands for, one after the other; a job line stands for itself.

    Raises:
        HermesFileError: The directive cannot be read.
    """
    match = _DIRECTIVE.match(line.text)
    if match is None:
        if small := _SMALL.match(line.text):
            raise line.error(f"write {small[1].upper()}, in capitals", small.start(1))
        yield line
        return
    templates, variables = _parts(line, match.end())
    for combination in _combinations(match[1], variables, line):
        for template in templates:
            yield from expanded(line.saying(_filled(template, combination)))


def _parts(line: Line, begin: int) -> tuple[list[str], list[_Variable]]:
    """What stands between the brackets of a directive."""
    templates, variables = [], []
    for text, position in _arguments(line, begin):
        match = _VARIABLE.fullmatch(text)
        if match is not None:
            variables.append(_Variable(match[1], _values(line, match, position)))
        elif bare := _BARE.match(text):
            advice = f"write {bare[1]}=[...], or {bare[1]}=RANGE[start, end, step]"
            raise line.error(f"the values of {bare[1]} stand in brackets: {advice}", position + bare.start(1))
        else:
            templates.append(text.strip())
    _check(line, begin, templates, variables)
    return templates, variables


def _check(line: Line, begin: int, templates: list[str], variables: list[_Variable]) -> None:
    if not templates:
        raise line.error("there is no job between the brackets: put [[command],[options]] first", begin)
    if not variables:
        raise line.error("there are no values behind the job: add, for example, seed=[0, 1, 2]", begin)
    names = [variable.name for variable in variables]
    for variable in variables:
        if names.count(variable.name) > 1:
            raise line.error(f"{variable.name} is given twice: give it another name", begin)
        if not any(f"{{{variable.name}}}" in template for template in templates):
            raise line.error(f"no job uses {{{variable.name}}}: write it where the value belongs", begin)


def _arguments(line: Line, begin: int) -> Iterator[tuple[str, int]]:
    """The arguments of a directive with their positions; commas in brackets and quotes separate nothing."""
    scanner = Scanner(line.text, begin)
    start = begin
    try:
        while (char := scanner.peek()) != ")":
            if not char:
                raise line.error("the bracket of the directive is not closed: add )", begin - 1)
            if char == ",":
                yield line.text[start : scanner.position], start
                start = scanner.position + 1
            if char == "," or char.isspace():
                scanner.position += 1
            else:
                scanner.word(stop=",)")
    except WordError as error:
        raise line.error(str(error), error.position) from error
    if line.text[start : scanner.position].strip():
        yield line.text[start : scanner.position], start
    scanner.position += 1
    scanner.skip_blanks()
    if scanner.peek() and not scanner.at_comment():
        raise line.error("only a comment may follow a directive: remove this", scanner.position)


def _values(line: Line, match: re.Match[str], position: int) -> Sequence[str]:
    inside, at = match[3], position + match.start(3)
    if match[2]:
        return _range(line, inside, at)
    if not inside.strip():
        raise line.error(f"{match[1]} has no values: write some between the brackets", at)
    values = [text.strip() for text, _ in _arguments(line.saying(inside + ")"), 0)]
    if not values or not all(values):
        raise line.error(f"{match[1]} has an empty value: write '' for an empty argument", at)
    return values


class _Range(Sequence[str]):
    """Numbers from a first one on, each a step after the one before; exact, as they are written."""

    def __init__(self, first: Decimal, step: Decimal, count: int) -> None:
        self._first = first
        self._step = step
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int | slice) -> str:
        assert isinstance(index, int)
        if not 0 <= index < self._count:
            raise IndexError(index)
        return f"{self._first + index * self._step:f}"


def _range(line: Line, inside: str, at: int) -> _Range:
    """``RANGE[start, end, step]``: from ``start`` in steps, ``end`` not included; the step is 1 when it is left out."""
    from decimal import ROUND_CEILING, Decimal, InvalidOperation  # noqa: PLC0415 - 12 ms that few files need

    parts = [part.strip() for part in inside.split(",")]
    try:
        numbers = [Decimal(part) for part in parts]
    except InvalidOperation:
        raise line.error("RANGE takes numbers: RANGE[start, end, step]", at) from None
    if len(numbers) not in _RANGE_PARTS or not all(number.is_finite() for number in numbers):
        raise line.error("RANGE takes two or three numbers: RANGE[start, end, step]", at)
    first, end, step = (*numbers, Decimal(1))[:3]
    if step == 0 or (end - first) / step <= 0:
        raise line.error("this RANGE has no numbers: the step must lead from start to end", at)
    return _Range(first, step, int(((end - first) / step).to_integral_value(ROUND_CEILING)))


def _combinations(kind: str, variables: list[_Variable], line: Line) -> Iterator[dict[str, str]]:
    names = [variable.name for variable in variables]
    lists = [variable.values for variable in variables]
    if kind == "PROD":
        return (dict(zip(names, values, strict=True)) for values in _product(lists))
    _check_lengths(line, variables)
    return (dict(zip(names, values, strict=True)) for values in zip(*lists, strict=True))


def _product(lists: Sequence[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """As ``itertools.product``, which would hold every value of a range."""
    if not lists:
        return iter([()])
    return (
        (first, *rest)
        for first, rest in itertools.chain.from_iterable(
            ((value, rest) for rest in _product(lists[1:])) for value in lists[0]
        )
    )


def _check_lengths(line: Line, variables: list[_Variable]) -> None:
    if len({len(variable.values) for variable in variables}) > 1:
        told = ", ".join(f"{variable.name} has {len(variable.values)}" for variable in variables)
        raise _unequal(line, told)


def _unequal(line: Line, told: str) -> HermesFileError:
    return line.error(f"ZIP needs as many values of each: {told}", 0)


def _filled(template: str, values: dict[str, str]) -> str:
    """Every known ``{name}`` replaced; what is not known stays, for a directive further out or for the script."""
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), template)
