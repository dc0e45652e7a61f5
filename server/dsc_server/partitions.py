"""Partitions: who belongs where, as inverted lists, and their codewords (eq. 3)."""

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError


def group_by_label(labels: NDArray[np.int64], num_labels: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Inverted lists.

    Args:
        labels: (N,) or (N, a) int64, 0..K-1: the partitions of each image, different ones.
        num_labels: K.

    Returns:
        images (N · a,) int64, list after list, ascending within each; offsets (K + 1,) int64.
    """
    if labels.size and not 0 <= labels.min() <= labels.max() < num_labels:
        raise InvalidInputError(
            f"expected labels from 0 to {num_labels - 1}, got {labels.min()} … {labels.max()}"
        )
    per_image = labels.size // len(labels) if len(labels) else 1
    images = np.argsort(labels.reshape(-1), kind="stable").astype(np.int64) // per_image
    offsets = np.zeros(num_labels + 1, dtype=np.int64)
    np.cumsum(np.bincount(labels.reshape(-1), minlength=num_labels), out=offsets[1:])
    return images, offsets


def codeword(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """(J, F), J ≥ 1 → (F,) float32: the mean of a partition's features, c^i (eq. 3)."""
    return np.asarray(features.mean(axis=0, dtype=np.float64), dtype=np.float32)
