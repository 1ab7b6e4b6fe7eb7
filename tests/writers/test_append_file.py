from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
from collections.abc import Iterator

import pytest

from rla.writers.append_file import AppendFile


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the kernel cut every write at this file size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Interrupt(BaseException):
    """Comes out of a signal handler, as KeyboardInterrupt does."""


def test_a_piece_is_in_the_file_when_append_returns(tmp_path):
    file = AppendFile(tmp_path / "f")
    file.append(b"one\n")
    assert (tmp_path / "f").read_bytes() == b"one\n"
    assert file.size == 4


def test_a_short_write_is_taken_back_and_the_next_piece_is_fine(tmp_path):
    file = AppendFile(tmp_path / "f")
    file.append(b"one\n")
    with largest_file(6), pytest.raises(OSError, match="too large"):
        file.append(b"two\n")
    assert (tmp_path / "f").read_bytes() == b"one\n"
    file.append(b"three\n")
    assert (tmp_path / "f").read_bytes() == b"one\nthree\n"


def test_a_piece_that_does_not_begin_to_fit_leaves_nothing(tmp_path):
    file = AppendFile(tmp_path / "f")
    file.append(b"one\n")
    with largest_file(4), pytest.raises(OSError, match="too large"):
        file.append(b"two\n")
    assert (tmp_path / "f").read_bytes() == b"one\n"


def test_an_exclusive_file_must_be_new(tmp_path):
    (tmp_path / "f").touch()
    with pytest.raises(FileExistsError):
        AppendFile(tmp_path / "f", exclusive=True)


def test_a_torn_last_line_is_dropped(tmp_path):
    (tmp_path / "f").write_bytes(b"whole\n" + b"torn" * 50_000)
    file = AppendFile(tmp_path / "f")
    file.drop_torn_line()
    assert (tmp_path / "f").read_bytes() == b"whole\n"


def test_a_file_that_is_one_torn_line_becomes_empty(tmp_path):
    (tmp_path / "f").write_bytes(b"torn")
    AppendFile(tmp_path / "f").drop_torn_line()
    assert (tmp_path / "f").read_bytes() == b""


def test_a_file_cut_by_somebody_else_is_not_filled_with_zeros(tmp_path):
    file = AppendFile(tmp_path / "f")
    file.append(b"0123456789\n")
    os.truncate(tmp_path / "f", 0)
    with largest_file(2), pytest.raises(OSError, match="too large"):
        file.append(b"abc\n")
    file.append(b"abc\n")
    assert b"\0" not in (tmp_path / "f").read_bytes()


def test_the_descriptor_is_not_inherited_and_appends(tmp_path):
    file = AppendFile(tmp_path / "f")
    assert not os.get_inheritable(file._descriptor)
    other = AppendFile(tmp_path / "f")
    file.append(b"a\n")
    other.append(b"b\n")
    assert (tmp_path / "f").read_bytes() == b"a\nb\n"


def test_interrupts_at_any_moment_leave_only_whole_pieces(tmp_path):
    """A real timer raises in the middle of appends; what returned is there, what did not is whole or absent."""
    file = AppendFile(tmp_path / "f")
    chance = random.Random(0)
    armed = False

    def handler(*_: object) -> None:
        if armed:
            raise Interrupt

    before = signal.signal(signal.SIGALRM, handler)
    returned, interrupted = [], 0
    try:
        for number in range(3000):
            piece = b"%d\n" % number
            try:
                armed = True
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, 12e-6))
                file.append(piece)
                armed = False
                returned.append(piece)
            except Interrupt:
                armed = False
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted
    lines = (tmp_path / "f").read_bytes().splitlines(keepends=True)
    assert set(returned) <= set(lines)
    assert [int(line) for line in lines] == sorted({int(line) for line in lines})
