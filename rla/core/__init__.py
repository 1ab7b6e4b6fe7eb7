"""Values and names: no I/O but the configuration file. Imported by every layer."""
