"""Fields that a schema does not have, or not so: unknown, of another type, too long, nested, cut off."""

import math
import random
import struct
from collections.abc import Callable

_NUMBERS = (1, 2, 3, 4, 5, 6, 8, 10, 15, 16, 99, 19000, 2**29 - 1, 0)


def odd_field(rng: random.Random) -> bytes:
    """One field, encoded."""
    return rng.choice(_WAYS)(rng.choice(_NUMBERS), rng)


def _long_varint(number: int, rng: random.Random) -> bytes:
    return _varint(number << 3) + b"\xff" * rng.choice((1, 5, 9, 10, 11, 40)) + b"\x01"


def _fixed(number: int, rng: random.Random) -> bytes:
    kind, size = rng.choice(((1, 8), (1, 3), (5, 4), (5, 1)))
    return _varint(number << 3 | kind) + rng.randbytes(size)


def _groups(number: int, rng: random.Random) -> bytes:
    depth = rng.choice((1, 30, 99, 100, 101, 5000))
    return _varint(number << 3 | 3) * depth + _varint(number << 3 | 4) * rng.choice((depth, depth - 1))


def _messages_in_messages(number: int, rng: random.Random) -> bytes:
    inner = b""
    for _ in range(rng.choice((3, 99, 120))):
        inner = _delimited(number, inner)
    return inner


def _length_that_is_not_there(number: int, rng: random.Random) -> bytes:
    return _varint(number << 3 | 2) + _varint(rng.choice((5, 2**20, 2**31, 2**32, 2**63)))


def _invalid_utf8(number: int, rng: random.Random) -> bytes:
    return _delimited(number, rng.choice((b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5" * 9)))


def _unused_type(number: int, rng: random.Random) -> bytes:
    return bytes([number << 3 & 0xFF | rng.choice((6, 7))])


def _floats(number: int, rng: random.Random) -> bytes:
    return _delimited(number, struct.pack("<3f", *(rng.choice((0.0, 1.0, math.nan)) for _ in range(3))))


_WAYS: tuple[Callable[[int, random.Random], bytes], ...] = (
    *(_long_varint, _fixed, _groups, _messages_in_messages, _length_that_is_not_there, _invalid_utf8),
    *(_unused_type, _floats),
)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _delimited(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content
