"""Words as they are stored: float32, float16, or int8 with a scale for each sub-vector of a partition.

Server and device compute with the restored words, so that encoder and ranking agree exactly.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Stored = NDArray[np.float16 | np.float32 | np.int8]
LARGEST = 127  # of int8; -128 is not used, so that a word and its negative are equally exact


class Precision(StrEnum):
    """Type of the numbers of stored words."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"


def store(words: NDArray[np.float32], precision: Precision) -> tuple[Stored, NDArray[np.float32]]:
    """Words of a partition → as they are stored, and their scales.

    Args:
        words: (n, M, F/M) float32.
        precision: float32 and float16 round each number; int8 rounds word / scale.

    Returns:
        (n, M, F/M) of that type, and (M,) float32: the largest magnitude of a sub-vector's numbers, divided
        by 127; ones unless the type is int8.
    """
    if precision is not Precision.INT8:
        return words.astype(np.dtype(str(precision))), np.ones(words.shape[1], dtype=np.float32)
    scales = (np.abs(words).max(axis=(0, 2), initial=0.0) / np.float32(LARGEST)).astype(np.float32)
    steps = np.divide(words, scales[:, None], out=np.zeros_like(words), where=scales[:, None] > 0)
    return np.clip(np.rint(steps), -LARGEST, LARGEST).astype(np.int8), scales


def restore(stored: Stored, scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stored words → (…, M, F/M) float32: scale · int8, or the numbers as they are.

    Args:
        stored: (…, M, F/M), or some rows of it.
        scales: (M,) float32; not read unless the type is int8.
    """
    if stored.dtype != np.int8:
        return np.asarray(stored, dtype=np.float32)
    return np.multiply(stored, scales[:, None], dtype=np.float32)
