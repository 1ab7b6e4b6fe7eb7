"""The documented home of ``exp_manager``, the process's one experiment manager."""

from __future__ import annotations

from rla.easy_log.manager import ExperimentManager

exp_manager = ExperimentManager()
