"""The pictures of the documents are those that their script draws, and show what the page says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "explanation" / "averages-and-bands.md"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("averages_and_bands", DOCS / "pictures" / "averages_and_bands.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def drawn(script, tmp_path_factory):
    directory = tmp_path_factory.mktemp("pictures")
    script.main(directory)
    return directory


def test_the_page_shows_every_picture_of_the_script_and_no_other(drawn):
    shown = re.findall(r"!\[[^\]]+\]\(\.\./pictures/([\w.]+)\)", PAGE.read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(file.name for file in drawn.iterdir())


def test_the_pictures_in_the_documents_are_those_that_are_drawn(drawn):
    """Letters may differ by a few pixels between versions of matplotlib."""
    for file in drawn.iterdir():
        with Image.open(file) as new, Image.open(DOCS / "pictures" / file.name) as kept:
            small = [np.asarray(image.convert("L").resize((160, 80)), dtype=float) for image in (new, kept)]
            assert abs(new.width - kept.width) < 10
        assert np.abs(small[0] - small[1]).mean() < 4, f"run  python docs/pictures/averages_and_bands.py  ({file.name})"
        assert small[0].std() > 5


def test_the_page_names_how_often_intervals_hold(script):
    normal = dict(zip(script.COUNTS, script.coverages()["normal scores"], strict=True))
    text = PAGE.read_text(encoding="utf-8")
    five, three = re.search(r"five runs .* about (\d+) of 100 cases, with three in about (\d+)", text).groups()
    (ten,) = re.search(r"With ten runs it is about (\d+)", text).groups()
    told = {5: int(five), 3: int(three), 10: int(ten)}
    assert {count: round(100 * normal[count]) for count in told} == pytest.approx(told, abs=1)
