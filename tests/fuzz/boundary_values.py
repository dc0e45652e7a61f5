"""Values at the boundaries of fields: numbers, texts, bytes."""

import math
import random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor as Field

_WHOLE = (0, 1, 2, 3, 5, 7, 8, 9, 16, 17, 31, 63, 64, 65, 127, 128, 255, 256, 376, 999, 1000, 1024, 4096)
_LARGE = tuple(2**n + d for n in (12, 15, 16, 20, 24, 30, 31, 32, 53, 62, 63, 64) for d in (-1, 0, 1))
_UNSIGNED = (*_WHOLE, *_LARGE)
_SIGNED = (*_UNSIGNED, *(-number for number in _UNSIGNED))
_MAX_FLOAT32 = 3.4028235e38
_SMALL_FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-3, 1e-12, 1e-30, 5e-324, 1e-45, 100.0, -100.0, -1e-300)
_LARGE_FLOATS = (1e6, 1e9, 1e30, _MAX_FLOAT32, 3.5e38, 1e300, 1.7976931348623157e308, -1e300)
_FLOATS = (*_SMALL_FLOATS, *_LARGE_FLOATS, math.nan, math.inf, -math.inf)
TEXTS = (
    *("", " ", "\0", "\n", "a\nb", "\r\n", "\x1b[2J", "\u202e", "\ufeff", "\u2028", "é", "😀" * 9, "none"),
    *("hard", "soft", "list", "joint", "default", "../../etc/passwd", "%s%n", "{0}", "'; --", "NaN"),
    *("a" * 63, "a" * 64, "a" * 65, "a" * 600, "\n" * 700, "é" * 3000, "\U0010ffff"),
    *("dsc.v1.Nothing", "dsc.v1.Mode"),
)
BYTES = (
    *(b"", b"\0", b"\xff", b"\0" * 7, b"\xff" * 7, b"\xff" * 47, b"\0" * 47, b"\0" * 48, b"\x80" * 46),
    b"a" * 5000,
)
_INTEGERS = {
    Field.TYPE_UINT32: (_UNSIGNED, 32, False),
    Field.TYPE_UINT64: (_UNSIGNED, 64, False),
    Field.TYPE_INT32: (_SIGNED, 32, True),
    Field.TYPE_INT64: (_SIGNED, 64, True),
    Field.TYPE_ENUM: (_SIGNED, 32, True),
}


def value_of(field: Field, present: Any, rng: random.Random) -> Any:
    """A value for a field that is no message; some are near the present one."""
    if field.type in _INTEGERS:
        return _whole(field, present, rng)
    if field.type == Field.TYPE_BOOL:
        return rng.random() < 0.5
    if field.type == Field.TYPE_STRING:
        return rng.choice(TEXTS) if rng.random() < 0.8 else _text_near(str(present), rng)
    if field.type == Field.TYPE_BYTES:
        return rng.choice(BYTES) if rng.random() < 0.4 else flipped(present or b"\0", rng)
    number = rng.choice(_FLOATS) if rng.random() < 0.8 else rng.uniform(-30, 30)
    if field.type == Field.TYPE_FLOAT and abs(number) > _MAX_FLOAT32:  # False for NaN
        return math.copysign(math.inf, number)
    return number


def flipped(data: bytes, rng: random.Random) -> bytes:
    """Some bytes replaced."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        if changed:
            changed[rng.randrange(len(changed))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, 0x0A))
    return bytes(changed)


def _whole(field: Field, present: int, rng: random.Random) -> int:
    values, bits, is_signed = _INTEGERS[field.type]
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if is_signed else (0, 2**bits - 1)
    if field.type == Field.TYPE_ENUM and rng.random() < 0.7:
        return rng.randrange(14)
    near = rng.random() < 0.2
    number = present + rng.choice((-1, 1)) if near else rng.choice(values)
    return min(max(number, low), high)


def _text_near(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice(TEXTS) + text[place:]
