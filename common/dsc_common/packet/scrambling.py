"""Masks for the codes of a scrambled packet: they depend on the label, which makes a wrong label detectable.

With a wrong label, a code byte decodes to a random-looking word instead of to the same index in another
partition. The masks are the low L bits of the SplitMix64 generator's output (Steele, Lea, Flood 2014) at
position label · 4096 + m.
"""

import numpy as np
from numpy.typing import NDArray

_STRIDE = np.uint64(4096)  # beyond the number of sub-vectors
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def mask_words(labels: NDArray[np.int64], num_subvectors: int, bits_per_subvector: int) -> NDArray[np.uint8]:
    """(n,) labels → (n, M) uint8 below 2^L: masks to XOR with the codes, in either direction."""
    places = labels.astype(np.uint64)[:, None] * _STRIDE + np.arange(num_subvectors, dtype=np.uint64)
    # Modulo 2^64, as the generator requires.
    z = np.asarray((places + np.uint64(1)) * _GAMMA, dtype=np.uint64)
    z = (z ^ np.right_shift(z, np.uint64(30))) * _MIX_1
    z = (z ^ np.right_shift(z, np.uint64(27))) * _MIX_2
    z = z ^ np.right_shift(z, np.uint64(31))
    return np.asarray(z & np.uint64((1 << bits_per_subvector) - 1), dtype=np.uint8)
