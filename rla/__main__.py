"""``python -m rla``: the command line."""

from __future__ import annotations

from rla_scripts.main import main

main()
