"""Whether two runs recorded the same, and if not, from where on and by how much."""

from __future__ import annotations

import math

import pytest

from rla.manage.same_curves import compare_curves


def table(path, rows, header="loss,time/fps,time-step,timestamp"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.fixture
def old(tmp_path):
    return table(tmp_path / "old.csv", ["0.5,100,0,1.0", "0.25,100,1,2.0", "NaN,100,2,3.0"])


def compare(old, rows, **options):
    return compare_curves(old, table(old.parent / "new.csv", rows, **options))


def test_equal_curves_are_equal_whatever_the_clock_said(old):
    same = compare(old, ["0.5,120,0,9.0", "0.25,90,1,9.1", "NaN,80,2,9.2"])
    assert (same.is_equal, same.rows, same.until, same.left_out) == (True, 3, 2, ["time/fps"])
    assert same.verdict() == "equal: 3 rows"


def test_the_order_of_columns_does_not_matter(old):
    rows = ["0,0.5,9.0,1", "1,0.25,9.1,1", "2,NaN,9.2,1"]
    assert compare(old, rows, header="time-step,loss,timestamp,time/fps").is_equal


def test_curves_are_equal_until_a_step_and_the_largest_difference_is_told(old):
    same = compare(old, ["0.5,1,0,9.0", "0.375,1,1,9.1", "NaN,1,2,9.2"])
    assert (same.is_equal, same.until, same.others) == (False, 0, 1)
    assert same.verdict() == "equal until step 0, then different; largest difference 0.125 in 'loss' at step 1"


def test_curves_that_differ_from_the_first_row_on_say_so(old):
    same = compare(old, ["0.4,1,0,9.0", "0.25,1,1,9.1", "NaN,1,2,9.2"])
    assert same.verdict().startswith("different from the first row on; largest difference 0.1 ")


@pytest.mark.parametrize("cell", ["", "text", "1.0"])
def test_a_number_in_the_place_of_nan_a_text_or_nothing_is_infinitely_far(old, cell):
    assert compare(old, ["0.5,1,0,9.0", "0.25,1,1,9.1", f"{cell},1,2,9.2"]).difference == math.inf


def test_a_curve_that_ends_earlier_or_goes_on_is_not_equal(old):
    assert compare(old, ["0.5,1,0,9.0"]).others == 2
    assert compare(old, ["0.5,1,0,1", "0.25,1,1,1", "NaN,1,2,1", "0.1,1,3,1"]).others == 1


def test_a_key_of_one_of_them_only_is_told(old):
    same = compare(old, ["0.5,7,0,9", "0.25,7,1,9", "NaN,7,2,9"], header="loss,extra,time-step,timestamp")
    assert not same.is_equal
    assert same.missing == ["extra"]
