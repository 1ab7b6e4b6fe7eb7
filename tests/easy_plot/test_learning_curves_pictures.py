"""The pictures of the pages on learning curves are those that the blocks of these pages draw."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DOCS = Path(__file__).parents[2] / "docs"
SCRIPT = DOCS / "pictures" / "learning_curves.py"
NAMES = ("first-look.png", "smoothed.png", "paper.png", "panels.png", "venue.png")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The directory of newly drawn pictures."""
    directory = tmp_path_factory.mktemp("pictures")
    environment = {**os.environ, "PYTHONPATH": str(DOCS.parent), "RLA_BACKUP_CODE": "0", "RLA_CAPTURE_ENVIRONMENT": "0"}
    done = subprocess.run(
        [sys.executable, "-W", "error", SCRIPT, directory], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return directory


def test_every_picture_is_drawn_by_the_page_that_shows_it(drawn):
    assert sorted(file.name for file in drawn.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_in_the_documents_is_the_one_that_is_drawn(drawn, name):
    with Image.open(drawn / name) as new, Image.open(DOCS / "pictures" / name) as kept:
        assert np.abs(np.subtract(new.size, kept.size)).max() < 20
        small = [np.asarray(each.convert("L").resize((64, 48)), dtype=float) for each in (new, kept)]
    assert np.abs(small[0] - small[1]).mean() < 4, f"run  python docs/pictures/learning_curves.py  ({name})"
