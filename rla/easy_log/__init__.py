"""Record one run: the manager, the logger, the time step.

Imported by training scripts, and by what starts runs of its own (hermes, sweeps).
"""
