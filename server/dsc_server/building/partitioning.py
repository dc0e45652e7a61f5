"""Features and labels of a database → its inverted lists and codewords, for any partitioning (eqs. 1–3)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_server.building.cells import (
    imi_codewords,
    ivf_codewords,
    nearest_cells,
    without_dead_centroids,
)
from dsc_server.building.parallel import with_one_blas_thread
from dsc_server.scheme_specs import Partitioning, SchemeSpec


@dataclass(frozen=True, eq=False)
class InvertedLists:
    """Partitions before anything is encoded.

    Attributes:
        images: (E,) int64, entries list after list.
        offsets: (K + 1,) int64.
        find_codewords: gives `codewords`; not all schemes need them, and those of labels take long.
    """

    images: NDArray[np.int64]
    offsets: NDArray[np.int64]
    find_codewords: Callable[[], NDArray[np.float32]]

    @cached_property
    def codewords(self) -> NDArray[np.float32]:
        """(K, F) float32, c^i; zeros where a partition is empty."""
        return self.find_codewords()

    @property
    def num_partitions(self) -> int:
        """K."""
        return len(self.offsets) - 1


@with_one_blas_thread
def partition(
    features: NDArray[np.float32], labels: NDArray[np.int64], num_labels: int, spec: SchemeSpec, seed: int
) -> InvertedLists:
    """Inverted lists of N images.

    Args:
        features: (N, F) float32, N ≥ 1, maybe memory-mapped.
        labels: (N, A) or (N,) int64: the A ≥ spill most likely labels of each image, most likely first.
        num_labels: K, if partitions are labels.
        spec: the scheme.
        seed: seed of k-means.

    Raises:
        InvalidInputError: a label out of range, or fewer labels per image than the spill.
    """
    if spec.partitioning is Partitioning.LABEL:
        labels = labels if labels.ndim > 1 else labels[:, None]
        if labels.shape[1] < spec.spill:
            raise InvalidInputError(f"expected {spec.spill} labels an image, got {labels.shape[1]}")
        images, offsets = group_by_label(labels[:, : spec.spill], num_labels)
        choose = medoid if spec.medoid else codeword
        return InvertedLists(images, offsets, partial(_label_codewords, features, images, offsets, choose))
    if spec.partitioning is Partitioning.NONE:
        everything = np.arange(len(features), dtype=np.int64)
        no_codeword = np.zeros((1, features.shape[1]), dtype=np.float32)
        offsets = np.array([0, len(features)], dtype=np.int64)
        return InvertedLists(everything, offsets, lambda: no_codeword)
    if spec.partitioning is Partitioning.MULTI_INDEX:
        codewords = imi_codewords(features, spec.num_cells, seed)
    else:
        codewords = ivf_codewords(features, spec.num_cells, seed)
    cells = nearest_cells(features, codewords, spec.spill)
    halves = 2 if spec.partitioning is Partitioning.MULTI_INDEX else 1
    living = without_dead_centroids(codewords, cells[:, 0], halves)
    return InvertedLists(*group_by_label(cells, len(codewords)), lambda: living)


def lists_key(spec: SchemeSpec) -> tuple[str, int, int, bool]:
    """A key that is equal for schemes with the same lists: grouped cells start as k-means cells."""
    grouped = spec.partitioning is Partitioning.GROUPED
    cells = Partitioning.KMEANS if grouped else spec.partitioning
    return str(cells), 0 if cells is Partitioning.LABEL else spec.num_cells, spec.spill, spec.medoid


def _label_codewords(
    features: NDArray[np.float32],
    images: NDArray[np.int64],
    offsets: NDArray[np.int64],
    choose: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    codewords = np.zeros((len(offsets) - 1, features.shape[1]), dtype=np.float32)
    for label in np.flatnonzero(np.diff(offsets)).tolist():
        codewords[label] = choose(features[images[offsets[label] : offsets[label + 1]]])
    return codewords


def group_by_label(labels: NDArray[np.int64], num_labels: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Inverted lists.

    Args:
        labels: (N,) or (N, a) int64, 0..K-1: distinct partitions of each image.
        num_labels: K.

    Returns:
        images (N · a,) int64, list after list, ascending within each; offsets (K + 1,) int64.
    """
    if labels.size and not 0 <= labels.min() <= labels.max() < num_labels:
        raise InvalidInputError(
            f"expected labels from 0 to {num_labels - 1}, got {labels.min()} … {labels.max()}"
        )
    per_image = labels.size // len(labels) if len(labels) else 1
    narrow = labels.reshape(-1).astype(np.min_scalar_type(num_labels))  # 16 bits are sorted much faster
    images = np.argsort(narrow, kind="stable").astype(np.int64) // per_image
    offsets = np.zeros(num_labels + 1, dtype=np.int64)
    np.cumsum(np.bincount(labels.reshape(-1), minlength=num_labels), out=offsets[1:])
    return images, offsets


def codeword(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """(J, F), J ≥ 1 → (F,) float32: the mean of a partition's features, c^i (eq. 3)."""
    return np.asarray(features.mean(axis=0, dtype=np.float64), dtype=np.float32)


def medoid(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """(J, F), J ≥ 1 → (F,) float32: the member c ∈ W_i with the least Σ ‖d - c‖² (eq. 3, read literally).

    Σ ‖d - c‖² = Σ ‖d - m‖² + J ‖c - m‖² with the mean m, so it is the member nearest to the mean.
    """
    differences = features - features.mean(axis=0, dtype=np.float64)
    nearest = int(np.einsum("jf,jf->j", differences, differences).argmin())
    return np.asarray(features[nearest], dtype=np.float32)
