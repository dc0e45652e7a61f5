"""Bits of numbers and bytes, most significant bit first everywhere."""

import numpy as np
from numpy.typing import NDArray


def bits_from_numbers(numbers: NDArray[np.integer], width: int) -> NDArray[np.uint8]:
    """(n,) numbers below 2^width → (n · width,) uint8 of 0 and 1."""
    shifts = np.arange(width - 1, -1, -1, dtype=np.int64)
    return ((numbers.astype(np.int64)[:, None] >> shifts) & 1).astype(np.uint8).reshape(-1)


def numbers_from_bits(bits: NDArray[np.uint8], width: int) -> NDArray[np.int64]:
    """(n · width,) uint8 of 0 and 1 → (n,) int64; the inverse of `bits_from_numbers`."""
    weights = np.int64(1) << np.arange(width - 1, -1, -1, dtype=np.int64)
    return bits.reshape(-1, width).astype(np.int64) @ weights


def bits_from_bytes(data: bytes) -> NDArray[np.uint8]:
    """n bytes → (8 n,) uint8 of 0 and 1."""
    return np.unpackbits(np.frombuffer(data, dtype=np.uint8))


def bytes_from_bits(bits: NDArray[np.uint8]) -> bytes:
    """(n,) uint8 of 0 and 1 → bytes, padded with zeros at the end; the inverse of `bits_from_bytes`."""
    return np.packbits(bits).tobytes()
