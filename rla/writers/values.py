r"""Turn anything that was recorded into a number, a text or nothing, which is all that files can hold.

A recorded value becomes a *cell* once; then each format writes the cell:

=====================================  ===================  ============  ====================  ==========  ===========
recorded                               cell                 progress.csv  progress.json         log, stdout TensorBoard
=====================================  ===================  ============  ====================  ==========  ===========
float                                  itself               shortest      number                ``%.3g``    float32,
                                                            exact digits                                    too large:
                                                                                                            inf
NaN                                    itself               ``NaN``       ``{"$float": "NaN"}`` ``nan``     NaN
infinity                               itself               ``inf``,      ``{"$float": ...}``   ``inf``     inf
                                                            ``-inf``
int of 64 bits                         itself               digits        number (json_codec)   digits      float32
larger int                             nearest float, or    as a float    as a float            ``%.3g``    float32 or
                                       an infinity                                                          inf
bool, ``np.bool_``                     bool                 ``1``, ``0``  ``true``, ``false``   ``True``    1, 0
None                                   None                 empty         ``null``              ``None``    absent
str                                    itself               quoted when   string                40 of more  absent
                                                            it must be                          than 80
                                                                                                characters
subclass of float, int, str            the plain value      as above      as above              as above    as above
NumPy, torch, ... of one element,      ``item()``           as above      as above              as above    as above
whatever its shape and dtype (fp16,
bf16; complex is text)
has ``__index__`` or ``__float__``     that number          as above      as above              as above    as above
(Decimal, Fraction, ...)
bytes *                                text, UTF-8 with     as str        as str                as str      absent
                                       ``\xNN`` escapes
anything else *: list, dict, complex,  ``str()``, cut at    as str        as str                as str      absent
larger array, Decimal("sNaN"), ...     1,000 characters
``str()`` raises *                     ``<TypeName>``       as str        as str                as str      absent
=====================================  ===================  ============  ====================  ==========  ===========

Of the rows marked * the caller is told once per key. An object whose ``item``, ``__index__`` or
``__float__`` raises is taken by the next row that fits. Text that no UTF-8 file can hold (lone
surrogates), and NUL in the CSV, is written as its escape.
"""

from __future__ import annotations

import math
import operator
from typing import Any, Final, TypeAlias

from rla.core.interrupts import pass_interrupt_on

Cell: TypeAlias = float | int | bool | str | None

PLAIN: Final = frozenset({float, int, bool, str, type(None)})
"""The exact types that are cells as they stand (an int must also fit 64 bits)."""

INT64_LIMIT: Final = 2**63
TEXT_LIMIT: Final = 1000
"""Characters kept of a text that stands for an object."""


def to_cell(value: object) -> tuple[Cell, str]:
    """Turn any object into a cell.

    Args:
        value: Anything at all; nothing it raises comes out.

    Returns:
        The cell, and what the caller should be told about it ("" when the value is kept as it is).
    """
    kind = type(value)
    if kind in PLAIN:
        return (fit_int(value) if kind is int else value), ""  # type: ignore[arg-type, return-value]
    try:
        return _convert(value)
    except Exception as error:  # noqa: BLE001 - the methods of the recorded object are not ours
        pass_interrupt_on(error)
        return f"<{kind.__name__}>", f"a {kind.__name__} whose text cannot be had ({type(error).__name__})"


def fit_int(number: int) -> int | float:
    """An integer that every reader takes as a number: beyond 64 bits the nearest float or infinity."""
    if -INT64_LIMIT <= number < INT64_LIMIT:
        return number
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _convert(value: Any) -> tuple[Cell, str]:
    if isinstance(value, float):
        return float.__float__(value), ""
    held = _held(value)
    found, cell = _plain_part(held)
    if found:
        return cell, ""
    name = type(value).__name__
    if isinstance(value, bytes | bytearray):
        return _cut(bytes(value[: TEXT_LIMIT + 1]).decode("utf-8", "backslashreplace")), f"{name} recorded as text"
    number = None if isinstance(held, complex) else _as_number(held)
    if number is not None:
        return number, ""
    return _cut(str(value)), f"a {name} is no number; it is recorded as text, and not in TensorBoard"


def _held(value: Any) -> Any:
    """The one number in an array or a tensor, else the value itself."""
    try:
        held = value.item()
    except Exception as error:  # noqa: BLE001 - no such method, or more than one element
        pass_interrupt_on(error)
        return value
    return held if isinstance(held, float | int | complex) else value


def _plain_part(value: Any) -> tuple[bool, Cell]:
    """The built-in value inside an instance of a subclass; its own methods are not asked."""
    if isinstance(value, float):
        return True, float.__float__(value)
    if isinstance(value, str):
        return True, str.__str__(value)
    if isinstance(value, bool | None):
        return True, value
    if isinstance(value, int):
        return True, fit_int(int.__int__(value))
    return False, None


def _as_number(value: Any) -> int | float | None:
    """What an object says it is as a number; whatever it raises means that it is none."""
    try:
        return fit_int(operator.index(value))
    except Exception as error:  # noqa: BLE001 - it is no integer
        pass_interrupt_on(error)
    try:
        return float(value)
    except Exception as error:  # noqa: BLE001 - it is no number either
        pass_interrupt_on(error)
        return None


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else text[:TEXT_LIMIT] + "..."
