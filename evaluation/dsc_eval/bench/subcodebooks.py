"""Sub-codebooks R^i of all partitions with `faiss.Kmeans`, one k-means after the other; and their error."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from dsc_common.spans import span
from dsc_eval.bench.build_phases import WORDS
from dsc_server.building.kmeans import KMEANS_ITERATIONS
from dsc_server.building.partitioning import InvertedLists

_SEEDS = 1 << 31  # Faiss takes a 32-bit seed
Words = Callable[[int], NDArray[np.floating]]  # label → (n_i, M, F'/M)


@dataclass(frozen=True, eq=False)
class Partitions:
    """Partitions whose residuals are quantized.

    Attributes:
        features: (N, F).
        lists: the partitions.
        num_subvectors: M; residuals are padded with zeros to F', a multiple of it.
        max_words: 2^L.
    """

    features: NDArray[np.floating]
    lists: InvertedLists
    num_subvectors: int
    max_words: int

    def residuals(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Each label that is not empty with (J, M, F'/M) float32, its images less the codeword."""
        feature_dim, offsets = self.features.shape[1], self.lists.offsets
        width = -(-feature_dim // self.num_subvectors) * self.num_subvectors
        for label in np.flatnonzero(np.diff(offsets)).tolist():
            images = self.lists.images[offsets[label] : offsets[label + 1]]
            padded = np.zeros((len(images), width), dtype=np.float32)
            padded[:, :feature_dim] = self.features[images] - self.lists.codewords[label]
            yield label, padded.reshape(len(images), self.num_subvectors, -1)


def words_one_by_one(partitions: Partitions, seed: int) -> dict[int, NDArray[np.float16]]:
    """Words of every partition that is not empty, by label: (n_i, M, F'/M) float16.

    k-means has as many iterations as the project's. Residuals of at most 2^L images are the words themselves.
    The time of k-means is the span `WORDS`.
    """
    words = {}
    for label, residuals in partitions.residuals():
        with span(WORDS):
            small = len(residuals) <= partitions.max_words
            found = residuals if small else _trained(residuals, partitions.max_words, seed)
        words[label] = found.astype(np.float16)
    return words


def _trained(residuals: NDArray[np.float32], max_words: int, seed: int) -> NDArray[np.float32]:
    """(J, M, d) → (max_words, M, d): a k-means for each sub-vector."""
    centroids = []
    for m in range(residuals.shape[1]):
        training = faiss.Kmeans(
            residuals.shape[2],
            max_words,
            niter=KMEANS_ITERATIONS,
            seed=(seed + m) % _SEEDS,
            min_points_per_centroid=1,  # no warning about few points
        )
        training.train(np.ascontiguousarray(residuals[:, m]))
        centroids.append(np.asarray(training.centroids, dtype=np.float32))
    return np.stack(centroids, axis=1)


def quantization_error(partitions: Partitions, words_of: Words) -> float:
    """Mean over all entries of ‖r - r̂‖², r̂ the nearest words of the entry's partition."""
    total = 0.0
    for label, residuals in partitions.residuals():
        words = words_of(label).astype(np.float32)
        for m in range(partitions.num_subvectors):
            parts, centroids = (np.ascontiguousarray(array[:, m]) for array in (residuals, words))
            distances, _ = faiss.knn(parts, centroids, 1)
            total += float(np.maximum(distances, 0.0).sum(dtype=np.float64))
    return total / len(partitions.lists.images)
