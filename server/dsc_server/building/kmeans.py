"""K-means of many points, and the rows that it is trained on."""

import faiss
import numpy as np
from numpy.typing import NDArray

from dsc_server.building.lloyd import lloyd

KMEANS_ITERATIONS = 25
POINTS_PER_CENTROID = 256  # more points do not improve the centroids
_SEEDS = 1 << 31  # Faiss takes a 32-bit seed


def kmeans(points: NDArray[np.float32], num_centroids: int, seed: int) -> NDArray[np.float32]:
    """(n, d) points, maybe memory-mapped, at least one per centroid → (num_centroids, d) float32."""
    sample = np.ascontiguousarray(points[training_rows(len(points), num_centroids, seed)], dtype=np.float32)
    return lloyd(sample, first_centroids(sample, num_centroids, seed), KMEANS_ITERATIONS, parallel=True)


def first_centroids(points: NDArray[np.float32], num_centroids: int, seed: int) -> NDArray[np.float32]:
    """(n, d) → (num_centroids, d): the points that k-means in Faiss starts at with this seed."""
    return points[sample_rows(len(points), num_centroids, seed + 1)]


def training_rows(num_points: int, num_centroids: int, seed: int) -> NDArray[np.int64] | slice:
    """Rows of the points that k-means is trained on: all, or the sample that Faiss takes."""
    return sample_rows(num_points, POINTS_PER_CENTROID * num_centroids, seed)


def sample_rows(num_points: int, limit: int, seed: int) -> NDArray[np.int64] | slice:
    """All rows, or `limit` random rows."""
    if num_points <= limit:
        return slice(None)
    order = np.empty(num_points, dtype=np.int32)
    faiss.rand_perm(faiss.swig_ptr(order), num_points, seed % _SEEDS)  # type: ignore[attr-defined]  # not in the stubs
    return order[:limit].astype(np.int64)
