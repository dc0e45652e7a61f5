"""Sub-codebooks R^i: the words of product quantization of a partition's residuals (eqs. 4–6)."""

import faiss
import numpy as np
from numpy.typing import NDArray

KMEANS_ITERATIONS = 25
_SEEDS = 1 << 31  # Faiss takes a 32-bit seed


def train_words(
    residuals: NDArray[np.float32], num_subvectors: int, max_words: int, seed: int
) -> NDArray[np.float32]:
    """Words of one partition.

    A partition of at most `max_words` images needs no k-means: its residuals are its words, without loss.
    A larger one gets k-means of its own for each sub-vector.

    Args:
        residuals: (J, F) float32, d - c^i.
        num_subvectors: M, a divisor of F.
        max_words: 2^L.
        seed: of k-means' first centroids.

    Returns:
        (n_i, M, F/M) float32, n_i = min(2^L, J).
    """
    parts = residuals.reshape(len(residuals), num_subvectors, -1)
    if len(residuals) <= max_words:
        return parts
    words = [_kmeans(np.ascontiguousarray(parts[:, m]), max_words, seed + m) for m in range(num_subvectors)]
    return np.stack(words, axis=1)


def _kmeans(points: NDArray[np.float32], num_centroids: int, seed: int) -> NDArray[np.float32]:
    kmeans = faiss.Kmeans(
        points.shape[1],
        num_centroids,
        niter=KMEANS_ITERATIONS,
        seed=seed % _SEEDS,
        min_points_per_centroid=1,  # few points a centroid is our normal case, not worth a warning
    )
    kmeans.train(points)
    return np.asarray(kmeans.centroids, dtype=np.float32)
