"""K-means with Faiss, and the rows that it is trained on."""

import faiss
import numpy as np
from numpy.typing import NDArray

KMEANS_ITERATIONS = 25
POINTS_PER_CENTROID = 256  # the limit in Faiss; more points do not improve the centroids
_SEEDS = 1 << 31  # Faiss takes a 32-bit seed


def kmeans(points: NDArray[np.float32], num_centroids: int, seed: int) -> NDArray[np.float32]:
    """(n, d) points, maybe memory-mapped, at least one per centroid → (num_centroids, d) float32."""
    training = faiss.Kmeans(
        points.shape[1],
        num_centroids,
        niter=KMEANS_ITERATIONS,
        seed=seed % _SEEDS,
        min_points_per_centroid=1,  # few points per centroid are normal here: no warning
    )
    sample = points[training_rows(len(points), num_centroids, seed)]
    training.train(np.ascontiguousarray(sample, dtype=np.float32))
    return np.asarray(training.centroids, dtype=np.float32)


def training_rows(num_points: int, num_centroids: int, seed: int) -> NDArray[np.int64] | slice:
    """Rows of the points that k-means is trained on: all, or the sample that Faiss would take.

    Sampling here avoids loading all points in single precision.
    """
    return sample_rows(num_points, POINTS_PER_CENTROID * num_centroids, seed)


def sample_rows(num_points: int, limit: int, seed: int) -> NDArray[np.int64] | slice:
    """All rows, or `limit` random rows."""
    if num_points <= limit:
        return slice(None)
    order = np.empty(num_points, dtype=np.int32)
    faiss.rand_perm(faiss.swig_ptr(order), num_points, seed % _SEEDS)  # type: ignore[attr-defined]  # not in the stubs
    return order[:limit].astype(np.int64)
