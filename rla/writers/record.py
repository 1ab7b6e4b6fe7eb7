"""How an event file frames its records. The only file that imports crc32c.

A record is its length (uint64), the masked CRC-32C of those eight bytes, the content, and the
masked CRC-32C of the content, all little-endian.
Source: github.com/tensorflow/tensorflow, tensorflow/core/lib/io/record_writer.h and lib/hash/crc32c.h
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

from crc32c import crc32c

_MASK: Final = 0xA282EAD8
_UINT32: Final = 0xFFFFFFFF
_pack_crc = struct.Struct("<I").pack


def frame(content: bytes) -> bytes:
    """One record, ready to be appended."""
    crc = crc32c(content)
    masked = ((crc >> 15 | crc << 17 & _UINT32) + _MASK) & _UINT32
    return b"%b%b%b" % (_head(len(content)), content, _pack_crc(masked))


@lru_cache(maxsize=1024)
def _head(length: int) -> bytes:
    """The first twelve bytes; the records of one training have few lengths."""
    packed = struct.pack("<Q", length)
    crc = crc32c(packed)
    return packed + _pack_crc(((crc >> 15 | crc << 17 & _UINT32) + _MASK) & _UINT32)
