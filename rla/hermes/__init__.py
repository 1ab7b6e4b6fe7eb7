"""Run the jobs of a hermes file, and read what they left."""
