"""Draw the pictures of the pages on learning curves, by running the blocks of these pages.

    python docs/pictures/learning_curves.py [directory]

A page saves each picture that it shows under the picture's own name.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGES = [
    HERE.parent / name
    for name in ("tutorial/figure-for-a-paper.md", "how-to/group-and-filter.md", "how-to/style-for-a-venue.md")
]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"!\[[^\]]+\]\(\.\./pictures/([\w.-]+)\)")


def pictures(page: Path) -> list[str]:
    """The names of the pictures that a page shows."""
    return PICTURE.findall(page.read_text(encoding="utf-8"))


def run(page: Path) -> None:
    """Run the Python blocks of a page in the working directory."""
    names: dict[str, object] = {"__name__": "__main__"}
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        exec(compile(block, page.name, "exec"), names)  # noqa: S102 - our own page


def main(directory: Path = HERE) -> None:
    """Draw all of them."""
    before = Path.cwd()
    for page in PAGES:
        with tempfile.TemporaryDirectory() as place:
            os.chdir(place)
            try:
                run(page)
                for name in pictures(page):
                    shutil.copy(name, directory / name)
            finally:
                os.chdir(before)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else HERE)
