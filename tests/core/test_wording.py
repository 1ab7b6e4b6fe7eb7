"""Words that messages share."""

from __future__ import annotations

import pytest

from rla.core.wording import counted, size_text, span


@pytest.mark.parametrize(("number", "text"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (1200, "1200 runs")])
def test_one_thing_is_counted_in_the_singular(number, text):
    assert counted(number, "run") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (0.26, "0.3 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1m00s"),
        (90, "1m30s"),
        (3599.6, "1h00m"),
        (7500, "2h05m"),
        (86_400, "1d00h"),
        (180_000, "2d02h"),
    ],
)
def test_a_time_is_as_short_as_people_say_it(seconds, text):
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (3 * 1024**3, "3.0 GiB"), (2**61, "2048.0 PiB")],
)
def test_a_size_has_the_unit_that_keeps_it_short(size, text):
    assert size_text(size) == text
