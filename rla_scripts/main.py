"""``rla``: the group of all commands. A command's file is imported only when it is named or listed."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any, NoReturn

import click

from rla.errors import RlaError, RunNotFoundError
from rla_scripts.output import NOTHING_MATCHED, printable

COMMANDS = (
    "archive",
    "best",
    "checkout",
    "compare",
    "delete",
    "diff",
    "du",
    "export",
    "gc",
    "grid",
    "hermes",
    "logs",
    "ls",
    "migrate",
    "note",
    "path",
    "plot",
    "reindex",
    "reproduce",
    "restore",
    "setup",
    "show",
    "stop",
    "tag",
    "tb",
    "watch",
)
"""Each is the name of a file beside this one and of the command in it."""

INTERRUPTED = 130
BROKEN_PIPE = 141


class CommandGroup(click.Group):
    """Finds a command by the name of its file."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All of them, in the order of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"rla_scripts.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader that has seen enough, as ``head``, ends it in silence."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes it once more
            raise click.exceptions.Exit(BROKEN_PIPE) from None


@click.command(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rla")
@click.pass_context
def group(context: click.Context) -> None:
    """An experiment database for reinforcement learning.

    Every run is one item: plain files in a directory tree, and one row of an SQL table.
    """
    if os.environ.get("NO_COLOR"):
        context.color = False


def main(arguments: list[str] | None = None) -> None:
    """Run a command line; exit codes: 0 done, 1 error, 2 usage, 3 nothing matched, 4 some failed, 130 interrupted."""
    _end(group, arguments)


def archive_main() -> None:
    """``rla-archive`` is ``rla archive``."""
    _end(group, ["archive", *sys.argv[1:]], prog_name="rla")


def delete_main() -> None:
    """``rla-delete`` is ``rla delete``."""
    _end(group, ["delete", *sys.argv[1:]], prog_name="rla")


def hermes_main() -> None:
    """``hermes`` is ``rla hermes``."""
    from rla_scripts.hermes import command

    _end(command, None, prog_name="hermes")


def _end(command: click.Command, arguments: list[str] | None, **settings: Any) -> NoReturn:
    """Run a command and end the process. A second Ctrl-C has nothing left to break."""
    try:
        code = _run(command, arguments, **settings)
        if code == INTERRUPTED:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = INTERRUPTED
    sys.exit(code)


def _run(command: click.Command, arguments: list[str] | None, **settings: Any) -> int:
    try:
        result = command.main(arguments, standalone_mode=False, **settings)
    except click.exceptions.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except RlaError as error:
        _tell(error, settings)
        return NOTHING_MATCHED if isinstance(error, RunNotFoundError) else 1
    except OSError as error:
        _tell(error, settings)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return result if isinstance(result, int) else 0


def _tell(error: Exception, settings: dict[str, Any]) -> None:
    """A message may hold a name that somebody else chose, and lines that mark a place."""
    text = str(error)
    if isinstance(error, OSError) and error.filename and error.filename2 is None:
        text = f"{error.strerror}: {error.filename}"
    lines = [printable(line) for line in text.splitlines()]
    click.echo(f"{settings.get('prog_name', 'rla')}: " + "\n".join(lines), err=True)
