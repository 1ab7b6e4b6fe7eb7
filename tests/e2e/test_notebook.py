"""The notebook, executed as Jupyter does, and what its figures show."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest
from PIL import Image

from rla.easy_plot.figure import COLORS
from rla.runs.query import query

NOTEBOOK = Path(__file__).parents[2] / "example" / "plot_res.ipynb"
FIGURES = 4


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook with its outputs, and the directory it ran in."""
    place = tmp_path_factory.mktemp("notebook")
    book = nbformat.read(NOTEBOOK, as_version=4)
    keep = {"RLA_BACKUP_CODE": "0", "RLA_CAPTURE_ENVIRONMENT": "0", "PYTHONPATH": str(NOTEBOOK.parents[1])}
    client = nbclient.NotebookClient(book, timeout=120, resources={"metadata": {"path": str(place)}})
    client.execute(env={**os.environ, **keep})
    return book, place


def outputs(book) -> list[dict[str, object]]:
    return [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]


def pictures(book) -> list[np.ndarray]:
    found = [output["data"]["image/png"] for output in outputs(book) if "image/png" in output.get("data", {})]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(each))).convert("RGB")) for each in found]


def share(picture: np.ndarray, color: str) -> float:
    """How much of a picture has exactly a colour."""
    wanted = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
    return float((picture == wanted).all(axis=2).mean())


def test_it_runs_without_a_warning_and_makes_its_own_runs(executed):
    book, place = executed
    assert [output for output in outputs(book) if output["output_type"] in {"stream", "error"}] == []
    assert len(query(place / "rla_data", task="plot_res")) == 24


def test_every_figure_is_shown_with_the_lines_of_its_groups(executed):
    book, _ = executed
    shown = pictures(book)
    assert len(shown) == FIGURES
    for picture, groups in zip(shown, (3, 3, 3, 2), strict=True):
        assert min(share(picture, color) for color in COLORS[:groups]) > 0.0003
        assert max((share(picture, color) for color in COLORS[groups:6]), default=0.0) == 0


def test_the_table_tells_how_many_runs_are_behind_the_ends_of_each_line(executed):
    book, _ = executed
    tables = [output["data"]["text/plain"] for output in outputs(book) if "text/html" in output.get("data", {})]
    assert len(tables) == 1
    assert tables[0].count("  4     3") == 6


def test_the_saved_figure_is_where_rla_put_it(executed):
    _, place = executed
    with Image.open(place / "rla_data/results/easy_plot/plot_res.png") as image:
        assert image.width > 500


def test_the_notebook_is_kept_without_outputs():
    book = nbformat.read(NOTEBOOK, as_version=4)
    assert [cell for cell in book.cells if cell.cell_type == "code" and (cell.outputs or cell.execution_count)] == []
