"""Places of the largest values, in the order of a stable argsort but faster."""

import numpy as np
from numpy.typing import NDArray


def largest(values: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """(n,) → (min(count, n),): places of the largest values, the largest first, of equals the lowest."""
    places = np.arange(values.size)
    if count < values.size:
        least = np.partition(values, values.size - count)[values.size - count] if count else np.inf
        places = np.flatnonzero(values >= least)
    return places[np.argsort(-values[places], kind="stable")][:count]


def all_largest_first(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n,) → (n,): all places, the largest value first, of equals the lowest.

    A float32 and its place make one integer, and integers are sorted faster than their places.

    Args:
        values: n < 2^32 numbers, none of them NaN.
    """
    bits = (values + np.float32(0)).view(np.int32)  # -0 + 0 is 0
    ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # signed integers in the order of the floats
    keys = (~ordered).astype(np.int64) << 32 | np.arange(values.size)
    keys.sort()
    return keys & 0xFFFFFFFF
