"""The list of what runs on PostgreSQL, too, names tests that there are, and every command."""

from __future__ import annotations

from pathlib import Path

from rla_scripts.main import COMMANDS
from tests.on_postgres import ON_POSTGRES, ONLY_THERE

TESTS = Path(__file__).parent
ELSEWHERE = {
    "best": ("cli/test_compare.py", "test_best_"),
    "checkout": ("cli/test_reproduce.py", "test_checkout_"),
    "hermes": ("hermes/test_bad_days.py", "test_"),
}
"""Commands without a module of tests of their own."""


def test_each_listed_test_is_there():
    for module, names in ON_POSTGRES.items():
        source = (TESTS / module).read_text(encoding="utf-8")
        assert [name for name in names if f"def {name}(" not in source] == []
    assert {name for names in ON_POSTGRES.values() for name in names} >= ONLY_THERE


def test_every_command_runs_on_postgres():
    for command in COMMANDS:
        module, begin = ELSEWHERE.get(command, (f"cli/test_{command}.py", "test_"))
        assert any(name.startswith(begin) for name in ON_POSTGRES.get(module, ())), command
