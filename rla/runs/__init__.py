"""One stored run and many: making, finding, reading and refreshing them.

Imported by what records runs, looks at them, or manages them.
"""
