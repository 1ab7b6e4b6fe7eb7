"""Where recorded values go: one file per format, and one writer that feeds them all.

Imported by the layers above (``rla.runs``, ``rla.easy_log``) from the files themselves; knows no run and no index.
"""
