"""How other libraries record into a run: one file per library, which that library is imported in."""

from __future__ import annotations
