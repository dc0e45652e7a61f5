"""Sub-codebooks R^i: the words of product quantization of a partition's residuals (eqs. 4–6)."""

import numpy as np
from numpy.typing import NDArray

from dsc_server.building.kmeans import KMEANS_ITERATIONS, first_centroids
from dsc_server.building.lloyd import lloyd
from dsc_server.building.parallel import in_threads


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

    def words(m: int) -> NDArray[np.float32]:
        points = np.ascontiguousarray(parts[:, m])
        return lloyd(points, first_centroids(points, max_words, seed + m), KMEANS_ITERATIONS)

    return np.stack(in_threads(words, range(num_subvectors)), axis=1)
