"""The code of a run: browsable files whose unchanged content is on the disk once."""
