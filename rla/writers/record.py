"""How an event file frames its records. The only file that imports crc32c.

A record is its length (uint64), the masked CRC-32C of those eight bytes, the content, and the
masked CRC-32C of the content, all little-endian.
Source: github.com/tensorflow/tensorflow, tensorflow/core/lib/io/record_writer.h and lib/hash/crc32c.h
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO, Final

from crc32c import crc32c

_MASK: Final = 0xA282EAD8
_UINT32: Final = 0xFFFFFFFF
_HEAD: Final = 12
_TAIL: Final = 4
_pack_crc = struct.Struct("<I").pack


def frame(content: bytes) -> bytes:
    """One record, ready to be appended."""
    return b"%b%b%b" % (_head(len(content)), content, _masked_crc(content))


def contents(stream: BinaryIO) -> Iterator[bytes]:
    """The content of each record from here on, up to the first that is torn or damaged."""
    while len(head := stream.read(_HEAD)) == _HEAD and head[8:] == _masked_crc(head[:8]):
        length = int.from_bytes(head[:8], "little")
        content, tail = stream.read(length), stream.read(_TAIL)
        if len(content) != length or tail != _masked_crc(content):
            return
        yield content


@lru_cache(maxsize=1024)
def _head(length: int) -> bytes:
    """The first twelve bytes; the records of one training have few lengths."""
    packed = struct.pack("<Q", length)
    return packed + _masked_crc(packed)


def _masked_crc(data: bytes) -> bytes:
    crc = crc32c(data)
    return _pack_crc(((crc >> 15 | crc << 17 & _UINT32) + _MASK) & _UINT32)
