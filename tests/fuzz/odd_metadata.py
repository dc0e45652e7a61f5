"""Metadata of a call as any client may send them: long, binary, malformed ids and credentials."""

import random

from fuzz.edge import Metadata

MAX_BYTES = 6 << 10  # beyond, gRPC itself refuses the call
_TRACE, _SPAN = "a" * 32, "b" * 16
_KEYS = (
    *("authorization", "request-id", "x-request-id", "dsc-request-id", "traceparent", "tracestate", "cookie"),
    *("baggage", "x-b3-traceid", "x-forwarded-for", "dsc-error", "x", "a.b_c-d", "a" * 200),
    *("trace-bin", "request-id-bin", "authorization-bin", "dsc-error-bin"),
)
_VALUES = (
    *("", "0", "-1", "Bearer ", "Bearer", "bearer x", "Bearer " + "A" * 4000, "Bearer a b", "Basic"),
    *("Basic Og==", "Basic %%%", "Bearer eyJhbGciOiJub25lIn0.e30.", "a" * 128, "a" * 129, "a" * 4000),
    *("../../x", "{}", "%0a%00", '"', "\\n", "~", "-", "---", "=", "a=b,c=d"),
    *(f"00-{_TRACE}-{_SPAN}-01", f"00-{'0' * 32}-{'0' * 16}-00", f"ff-{_TRACE}-{_SPAN}-01", "00-a-b-c"),
    f"00-{_TRACE.upper()}-zz",
)


def odd_metadata(rng: random.Random) -> Metadata:
    """None, a pair, or many."""
    if rng.random() < 0.5:
        return ()
    kept, size = [], 0
    for _ in range(rng.choice((1, 1, 1, 2, 3, 40))):
        key, value = _pair(rng)
        size += len(key) + len(value) + 32
        if size <= MAX_BYTES:
            kept.append((key, value))
    return tuple(kept)


def _pair(rng: random.Random) -> tuple[str, str | bytes]:
    key = rng.choice(_KEYS)
    if key.endswith("-bin"):
        return key, rng.choice((b"", b"\0", b"\xff" * 9, rng.randbytes(40), b"a" * 3000))
    if rng.random() < 0.6:
        return key, rng.choice(_VALUES)
    length = rng.choice((1, 20, 60, 400))
    return key, "".join(chr(rng.randrange(0x20, 0x7F)) for _ in range(length)).strip()
