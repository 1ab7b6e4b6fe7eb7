"""The command line: one file per command, each only options, a call into ``rla`` and its printing."""
