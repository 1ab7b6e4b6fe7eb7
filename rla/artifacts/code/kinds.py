"""Names by which files and directories count as source code, or as no code at all."""

from __future__ import annotations

from typing import Final

SOURCE_SUFFIXES: Final = frozenset(
    """
    .py .pyi .pyx .pxd .ipynb .r .jl .lua .m .js .ts .java .scala .go .rs .sql
    .c .cc .cpp .cxx .h .hh .hpp .cu .cuh .proto .cmake .mk .patch .diff
    .sh .bash .zsh .slurm .sbatch .yaml .yml .json .toml .cfg .conf .ini .gin .lock .in .j2 .jinja
    .md .rst .txt .tex .xml .urdf .xacro .sdf .mjcf .usda
    """.split()  # noqa: SIM905 - as a list of quoted names it would fill a page
)
"""The kinds of files that the default takes."""

SOURCE_NAMES: Final = frozenset(
    """
    makefile gnumakefile dockerfile containerfile snakefile justfile license copying readme
    .gitignore .gitmodules .gitattributes .dockerignore .python-version
    """.split()  # noqa: SIM905 - as a list of quoted names it would fill a page
)
"""Names that the default takes too, in lower case."""

CLUTTER: Final = frozenset(
    """
    .git .hg .svn .bzr __pycache__ .ipynb_checkpoints .mypy_cache .pytest_cache .ruff_cache .hypothesis
    .tox .nox .eggs node_modules
    """.split()  # noqa: SIM905 - as a list of quoted names it would fill a page
)
"""Names that are no code, in whichever directory they stand."""

ENVIRONMENT_MARKS: Final = frozenset({"pyvenv.cfg", "conda-meta"})
"""What tells that a directory is a virtual environment."""


def is_source(name: str) -> bool:
    """Whether the default takes a file of that name."""
    name = name.lower()
    return name in SOURCE_NAMES or f".{name.rpartition('.')[2]}" in SOURCE_SUFFIXES
