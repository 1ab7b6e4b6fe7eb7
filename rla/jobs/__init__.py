"""Run commands: what one is, and where it runs. Knows nothing of runs.

``job`` says what a job is and how it ended; ``executor`` is what runs it, ``local`` on this machine.
"""
