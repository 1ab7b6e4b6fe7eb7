"""Write those parts of the reference pages that the code itself tells.

    python tests/generate_reference.py            writes them
    python tests/generate_reference.py --check    names the pages that are out of date, and exits 1

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``. The name is a command,
whose ``--help`` is shown, or one of the tables of docstrings in ``TABLES``.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

import click

from rla.core import json_codec
from rla.writers import values
from rla_scripts.main import group

PAGES = Path(__file__).parents[1] / "docs" / "reference"
PART = re.compile(r"(<!-- generated: (.*?) -->\n).*?(<!-- end -->)", re.DOTALL)
TABLES = {"json": json_codec, "values": values}
WIDTH = 80
_RULE = re.compile(r"^=+(?: +=+)+$", re.MULTILINE)
_KEY_COLUMNS = 3
"""A line of a docstring's table that leaves one of its first three columns empty continues the row before."""


def help_text(name: str) -> str:
    """What ``name --help`` prints, in a terminal of fixed width."""
    command: click.Command = group
    width = {"terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(group, info_name="rla", **width, **group.context_settings)
    for word in name.split()[1:]:
        found = command.get_command(context, word) if isinstance(command, click.Group) else None
        assert found is not None, f"there is no command {name!r}"
        command = found
        context = click.Context(command, info_name=word, parent=context, terminal_width=WIDTH, max_content_width=WIDTH)
    return f"```text\n{command.get_help(context)}\n```\n"


def docstring_table(module: object) -> list[list[str]]:
    """The rows of the table in a module's docstring, the head first, in Markdown."""
    text = inspect.getdoc(module) or ""
    top, middle, bottom = _RULE.finditer(text)
    starts = [match.start() for match in re.finditer("=+", top[0])]
    ends = [*starts[1:], None]
    rows = []
    for lines in (text[top.end() : middle.start()], text[middle.end() : bottom.start()]):
        for line in lines.strip("\n").splitlines():
            cells = [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]
            if all(cells[:_KEY_COLUMNS]):
                rows.append(cells)
            else:
                rows[-1] = [f"{old} {new}".strip() for old, new in zip(rows[-1], cells, strict=True)]
    return [[_markdown(cell) for cell in row] for row in rows]


def _markdown(cell: str) -> str:
    return cell.replace("``", "`").replace("|", "\\|").replace(" *", " \\*")


def table_text(rows: list[list[str]]) -> str:
    """A Markdown table."""
    head, *body = [f"| {' | '.join(row)} |\n" for row in rows]
    return head + "|---" * len(rows[0]) + "|\n" + "".join(body)


def part(name: str) -> str:
    """The text of one generated part."""
    return table_text(docstring_table(TABLES[name])) if name in TABLES else help_text(name)


def generated(page: str) -> str:
    """A page with all its parts as they are now."""
    return PART.sub(lambda found: found[1] + part(found[2]) + found[3], page)


def main() -> int:
    stale = []
    for path in sorted(PAGES.glob("*.md")):
        old = path.read_text(encoding="utf-8")
        new = generated(old)
        if new != old:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(new, encoding="utf-8")
    for name in stale:
        print(name)
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
