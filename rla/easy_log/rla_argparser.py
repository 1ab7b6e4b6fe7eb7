"""The command line arguments with which a script is told what to load."""

from __future__ import annotations

from argparse import ArgumentParser


def arg_parser_postprocess(parser: ArgumentParser) -> ArgumentParser:
    """Add ``--loaded_task_name`` and ``--loaded_date``, which :class:`ExperimentLoader` uses, and ``--info``.

    Hand all arguments to ``exp_manager.set_hyper_param(**vars(args))``; then an ``ExperimentLoader()`` knows the run.

    Returns:
        The parser.
    """
    parser.add_argument("--loaded_task_name", type=str, default="", help="the task of the run to load")
    parser.add_argument("--loaded_date", type=str, default="", help="its time stamp, or its uid; empty loads nothing")
    parser.add_argument("--info", type=str, default="default exp info", help="what this run is about")
    return parser


def boolean_flag(parser: ArgumentParser, name: str, default: bool = False, help: str | None = None) -> None:  # noqa: A002 - argparse's name
    """Add ``--name`` and ``--no-name``."""
    dest = name.replace("-", "_")
    parser.add_argument(f"--{name}", action="store_true", default=default, dest=dest, help=help)
    parser.add_argument(f"--no-{name}", action="store_false", dest=dest, help=f"not {name}")
