"""Act on stored runs: archive, delete, restore, migrate, empty the trash.

Each command plans, shows the plan, and then does all of it; what a kill breaks off, the next command finishes.
"""
