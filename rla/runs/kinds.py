"""The directories of a run beside its log."""

from __future__ import annotations

from rla.core.layout import LOG, RunPaths


def make_kind(paths: RunPaths, kind: str, uid: str) -> None:
    """Make a run's directory of a kind, with the marker that tells whose it is.

    Raises:
        OSError: It could not be made.
    """
    marker = paths.marker(kind)
    if kind != LOG and not marker.exists():
        paths.directory(kind).mkdir(parents=True, exist_ok=True)
        marker.write_text(f"{uid}\n", encoding="ascii")
