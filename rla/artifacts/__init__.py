"""What a run keeps besides values: code, checkpoints, figures, images, videos, its environment.

Each file keeps one kind of thing and knows nothing of the run: it is given paths and data.
"""
