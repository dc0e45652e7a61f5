"""Sub-codebooks R^i: the words of product quantization of a partition's residuals (eqs. 4–6)."""

import numpy as np
from numpy.typing import NDArray

from dsc_server.building.kmeans import kmeans


def train_words(
    residuals: NDArray[np.float32], num_subvectors: int, max_words: int, seed: int
) -> NDArray[np.float32]:
    """Words of one partition.

    A partition of at most `max_words` images needs no k-means: its residuals are its words, without loss.
    A larger partition gets one k-means for each sub-vector.

    Args:
        residuals: (J, F) float32, d - c^i.
        num_subvectors: M, a divisor of F.
        max_words: 2^L.
        seed: seed of k-means.

    Returns:
        (n_i, M, F/M) float32, n_i = min(2^L, J).
    """
    parts = residuals.reshape(len(residuals), num_subvectors, -1)
    if len(residuals) <= max_words:
        return parts
    words = [kmeans(parts[:, m], max_words, seed + m) for m in range(num_subvectors)]
    return np.stack(words, axis=1)
