"""Record values and lines into the current run: functions over its logger.

::

    from rla.easy_log import logger

    logger.record_tabular("return", 12.5)
    logger.dump_tabular()
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rla.easy_log.current import current
from rla.easy_log.recorder import BACKUP, DEBUG, DISABLED, ERROR, INFO, WARN, Exclude, Logger
from rla.easy_log.rich_records import record_figure, record_histogram, record_image, record_text, record_video
from rla.easy_log.time_step import time_step_holder
from rla.easy_log.time_used_recorder import ProfileKV, log_time_tracker, open_time_tracker, profile

if TYPE_CHECKING:
    from rla.writers.tensorboardx_adapter import SharedSummaryWriter

_logger = current.logger


def logkv(key: str, val: Any, exclude: Exclude = None, freq: int | None = None) -> None:
    """Record a value; see :meth:`rla.easy_log.recorder.Logger.logkv`."""
    _logger().logkv(key, val, exclude, freq)


def logkv_mean(key: str, val: Any, exclude: Exclude = None) -> None:
    """Record the mean of a key's values since the last dump."""
    _logger().logkv_mean(key, val, exclude)


def ma_record_tabular(
    key: str,
    val: Any,
    record_len: int,
    ignore_nan: bool = False,
    exclude: Exclude = None,
    freq: int | None = None,
) -> None:
    """Record the mean of a key's last ``record_len`` values, once there are that many."""
    _logger().ma_record_tabular(key, val, record_len, ignore_nan, exclude, freq)


def logkvs(d: Mapping[str, Any], prefix: str | None = "", exclude: Exclude = None) -> None:
    """Record every value of a mapping, its keys behind a prefix."""
    _logger().logkvs(d, prefix, exclude)


def log_key_value(keys: Iterable[str], values: Iterable[Any], prefix_name: str = "") -> None:
    """Record values under keys, pair by pair."""
    _logger().log_key_value(keys, values, prefix_name)


def getkvs() -> dict[str, Any]:
    """What is recorded and not dumped yet."""
    return _logger().getkvs()


def dumpkvs(step: int | None = None) -> dict[str, Any]:
    """Write what was recorded as one row of every format; returns the row.

    Args:
        step: Move to this time step first, as loggers of other libraries do.
    """
    if step is not None:
        time_step_holder.set_time(step)
    return _logger().dumpkvs()


record_tabular = logkv
dump_tabular = dumpkvs
record = logkv
record_mean = logkv_mean
dump = dumpkvs
"""These three are what Stable-Baselines3 calls: ``model.set_logger(logger)`` takes this module as it is."""


def log(*args: object, level: int = INFO) -> None:
    """Write a line to log.txt and stdout, as LOG_USED says."""
    _logger().log(*args, level=level)


def debug(*args: object) -> None:
    """A line of level DEBUG, not written unless ``set_level(DEBUG)``."""
    _logger().log(*args, level=DEBUG)


def info(*args: object) -> None:
    """A line of level INFO."""
    _logger().log(*args, level=INFO)


def warn(*args: object) -> None:
    """A line of level WARN, with the time step; also in warn.txt."""
    _logger().warn(*args)


def error(*args: object) -> None:
    """A line of level ERROR; also in warn.txt."""
    _logger().log(*args, level=ERROR)


def backup(*args: object) -> None:
    """A line for backup.txt, with the time step."""
    _logger().backup(*args)


def set_level(level: int) -> None:
    """Write lines of this level and graver ones."""
    _logger().set_level(level)


def get_time() -> int:
    """The time step that the next dump gets."""
    return time_step_holder.get_time()


def set_time(ts: int) -> None:
    """Move to a time step."""
    time_step_holder.set_time(ts)


timestep = get_time


def get_dir() -> str:
    """The log directory of the current run."""
    return str(current.require().log_dir)


def get_current() -> Logger:
    """The logger of the current run."""
    return _logger()


def get_tbx_writer() -> SharedSummaryWriter:
    """A tensorboardX writer over the run's own event file, for images, audio, histograms, ...

    Raises:
        NotConfiguredError: No run was started, or it has ended, or LOG_USED has no ``tensorboard``.
    """
    return _logger().tensorboardx_writer()


def log_from_tf_summary(summary: Any) -> None:
    """Write a ``tf.Summary`` into the run's event file, at the current time step.

    Args:
        summary: The summary, or its serialised bytes. TensorFlow need not be installed.
    """
    _logger().log_from_tf_summary(summary)


__all__ = [
    "BACKUP",
    "DEBUG",
    "DISABLED",
    "ERROR",
    "INFO",
    "WARN",
    "ProfileKV",
    "backup",
    "debug",
    "dump",
    "dump_tabular",
    "dumpkvs",
    "error",
    "get_current",
    "get_dir",
    "get_tbx_writer",
    "get_time",
    "getkvs",
    "info",
    "log",
    "log_from_tf_summary",
    "log_key_value",
    "log_time_tracker",
    "logkv",
    "logkv_mean",
    "logkvs",
    "ma_record_tabular",
    "open_time_tracker",
    "profile",
    "record",
    "record_figure",
    "record_histogram",
    "record_image",
    "record_mean",
    "record_tabular",
    "record_text",
    "record_video",
    "set_level",
    "set_time",
    "timestep",
    "warn",
]
