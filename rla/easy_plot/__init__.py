"""Look at stored runs: curves, figures and statistics."""
