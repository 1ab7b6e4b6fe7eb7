"""The arguments of the plotting functions: each is what it must be, or its caller is told what to give.

What a text or a number may say is checked where it is used; here it is made sure that it is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

import numpy as np

from rla.core.setting_kinds import found
from rla.errors import ConfigError

_MOST: Final = 1_000_000
"""Draws of a bootstrap; more than that tell nothing new and fill the memory."""
_INTEGERS: Final[tuple[Any, ...]] = (int, np.integer)
_NUMBERS: Final[tuple[Any, ...]] = (*_INTEGERS, float, np.floating)
_LARGEST: Final = 1.7e308
"""So large a float may be."""


def check_arguments(given: Mapping[str, Any]) -> None:
    """Refuse arguments of another kind than the table below has for their names; others are not looked at.

    Raises:
        ConfigError: One is; the message tells what to give instead.
    """
    for key, value in given.items():
        is_right, wanted = _RULES.get(key, (_anything, ""))
        if not is_right(value):
            raise refused(key, value, wanted)


def refused(key: str, value: object, wanted: str) -> ConfigError:
    """The error for an argument: what it is, and what to give."""
    return ConfigError(f"{key} {found(value)}; give {wanted}", key=key)


def texts(key: str, given: Any, example: str) -> list[str]:
    """One text or several, as a list.

    Args:
        key: The argument's name.
        given: A text, or anything that holds texts.
        example: What could be given instead, for the message.

    Raises:
        ConfigError: It is neither.
    """
    wanted = f"a text or a list of texts, as {example!r} or [{example!r}]"
    if isinstance(given, str):
        return [given]
    if isinstance(given, (bytes, Mapping)) or not isinstance(given, Iterable):
        raise refused(key, given, wanted)
    several = list(given)
    for each in several:
        if not isinstance(each, str):
            raise ConfigError(f"one of {key} {found(each)}; give {wanted}", key=key)
    return several


def some(key: str, given: Any, otherwise: Sequence[Any]) -> Sequence[Any]:
    """A list of what matplotlib takes, as of colours; one text is one of them, nothing is the default.

    Raises:
        ConfigError: It is no list.
    """
    if given is None or isinstance(given, str):
        return [given] if given else otherwise
    if isinstance(given, (bytes, Mapping)) or not isinstance(given, Iterable):
        raise refused(key, given, "a list")
    return list(given) or otherwise


def _anything(_: object) -> bool:
    return True


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, _NUMBERS) and -_LARGEST <= value <= _LARGEST


def _is_whole(least: int, most: int = 2**31) -> Callable[[Any], bool]:
    return lambda value: not isinstance(value, bool) and isinstance(value, _INTEGERS) and least <= int(value) <= most


def _is_switch(value: Any) -> bool:
    return isinstance(value, (bool, np.bool_)) or (isinstance(value, _INTEGERS) and value in {0, 1})


def _is_label(value: Any) -> bool:
    return isinstance(value, (str, *_NUMBERS))


def _is_labels(value: Any) -> bool:
    """A text, which holds texts, or a list of them."""
    return isinstance(value, Sequence) and all(map(_is_text, value))


def _is_pair(value: Any) -> bool:
    """Two numbers; None leaves one of them open."""
    several = list(value) if isinstance(value, (list, tuple, np.ndarray)) else []
    return len(several) == len("ab") and all(each is None or _is_number(each) for each in several)


def _is_size(value: Any) -> bool:
    return _is_pair(value) and all(each is not None and each > 0 for each in value)


def _is_functions(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(callable, value.values()))


def _is_marks(value: Any) -> bool:
    parts = ("height", "colour", "style", "name")
    return isinstance(value, Sequence) and all(
        isinstance(each, Sequence) and len(each) == len(parts) and _is_number(each[0]) for each in value
    )


def _is_path(value: Any) -> bool:
    return isinstance(value, (str, PurePath))


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _or_none(rule: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or rule(value)


_PAIR: Final = (_or_none(_is_pair), "two numbers, as (0, 100)")
_SWITCH: Final = (_is_switch, "True or False")
_LABEL: Final = (_or_none(_is_label), "text")
_FUNCTIONS: Final = (_or_none(_is_functions), "a function for each metric, as {'return': np.log10}")

_RULES: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "align": (_is_text, "'overlap' or 'union'"),
    "band": (_or_none(_is_text), "'ci95', 'std', 'stderr', 'minmax' or None"),
    "baseline": (
        lambda value: value is None or isinstance(value, (str, Mapping)),
        "the values of a group, as {'algo': 'ppo'}",
    ),
    "environment": (_or_none(_is_text), "the name of a hyperparameter, as 'env_id'"),
    "bound_line": (_or_none(_is_marks), "lists of a height, colour, style and name, as [[100, 'red', '--', 'best']]"),
    "estimate": (_is_text, "its name, as 'mean' or 'iqm'"),
    "families": _SWITCH,
    "figsize": (_or_none(_is_size), "width and height in inches, as (6, 4)"),
    "hp_filter_dict": (_or_none(_is_mapping), "the values that count by hyperparameter, as {'lr': [0.1, 0.2]}"),
    "key_to_legend_fn": (_or_none(callable), "a function that names a group"),
    "legend": (_is_text, "'auto', 'inside', 'outside' or 'none'"),
    "legend_ncol": (_is_whole(1), "a whole number, 1 or more"),
    "level": (_is_number, "a number between 0 and 1, as 0.95"),
    "log": _SWITCH,
    "lower_is_better": _SWITCH,
    "max_keep_num": (_is_whole(1), "a whole number, 1 or more"),
    "metric": (_is_text, "the name of what was recorded, as 'return'"),
    "panels": (_or_none(_is_text), "'metric', the name of a hyperparameter, or None"),
    "points": (_or_none(_is_whole(2)), "a whole number, 2 or more, or None for all that were recorded"),
    "random_seed": (_is_whole(0), "a whole number, 0 or more"),
    "references": (_or_none(_is_mapping), "two scores for each environment, as {'Hopper-v4': (-20.3, 3234.3)}"),
    "resample": (_is_whole(0), "a whole number, 0 for all that were recorded"),
    "resamples": (_is_whole(1, _MOST), f"a whole number from 1 to {_MOST}, as 1000"),
    "save_name": (_or_none(_is_path), "the name of a file, as 'curves.pdf'"),
    "scale": _FUNCTIONS,
    "scale_dict": _FUNCTIONS,
    "score": (lambda value: _is_text(value) or _is_number(value), "'last', or a part of the curve's end, as 0.1"),
    "seed": (_is_whole(0), "a whole number, 0 or more"),
    "seeds": (_or_none(_is_text), "the name of a hyperparameter, as 'seed', or None"),
    "show_n": _SWITCH,
    "smooth_step": (lambda value: _is_number(value) and value > 0, "a number greater than 0"),
    "target": (_is_number, "a number, as 1.0"),
    "tiling": (_is_text, "'symmetric', 'vertical' or 'horizontal'"),
    "title": _LABEL,
    "x_bound": (lambda value: value is None or _is_number(value) or _is_pair(value), "a number, or two, as (0, 100)"),
    "x": (_is_text, "'time-step', 'timestamp' or the name of what was recorded"),
    "xlabel": _LABEL,
    "xlim": _PAIR,
    "ylabel": (_or_none(_is_labels), "text, or a text for each panel"),
    "ylim": _PAIR,
}
"""Name -> whether a value is of its kind, and what to give."""
