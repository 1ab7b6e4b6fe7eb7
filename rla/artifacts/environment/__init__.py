"""What a run ran in: git, packages, machine."""
