"""Figures, images and videos of a run."""
