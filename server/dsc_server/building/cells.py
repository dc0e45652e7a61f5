"""Unsupervised partitions (DUC): k-means cells, and the cells of an inverted multi-index, with Faiss."""

import faiss
import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_server.building.kmeans import kmeans
from dsc_server.building.parallel import blocks_of, in_threads

ROWS_AT_ONCE = 4096  # images; as many as a block in Faiss
FAR = 4.0  # at least 3 from a unit vector, which is at most 2 from a mean of unit vectors


def ivf_codewords(features: NDArray[np.float32], num_cells: int, seed: int) -> NDArray[np.float32]:
    """(N, F) → (K, F): centroids of K cells (DUC-IVF); a smaller database gets a cell per image."""
    return kmeans(features, min(num_cells, len(features)), seed)


def imi_codewords(features: NDArray[np.float32], num_cells: int, seed: int) -> NDArray[np.float32]:
    """(N, F) → (s², F): all pairs [u_a, v_b] of the s centroids of each half, in the order a + s·b (DUC-IMI).

    Args:
        features: (N, F) float32, F even.
        num_cells: K, a square: s = √K.
        seed: seed of k-means.

    Raises:
        InvalidInputError: K is not a square, or F is odd.
    """
    side = round(num_cells**0.5)
    feature_dim = features.shape[1]
    if side * side != num_cells or feature_dim % 2:
        raise InvalidInputError(
            f"expected K to be a square and F to be even, got K = {num_cells}, F = {feature_dim}"
        )
    side = min(side, len(features))
    half = feature_dim // 2
    u = kmeans(features[:, :half], side, seed)
    v = kmeans(features[:, half:], side, seed + 1)
    return np.hstack([np.tile(u, (side, 1)), np.repeat(v, side, axis=0)])


def without_dead_centroids(
    codewords: NDArray[np.float32], nearest: NDArray[np.int64], halves: int
) -> NDArray[np.float32]:
    """(K, F), (N,) → (K, F): centroids that are nearest to no image lie far away from all unit vectors.

    K-means of many equal points leaves centroids beside them that have no points. A query would take one of
    those, by a difference of rounding, and find nothing.

    Args:
        codewords: centroids, or the pairs of `imi_codewords`.
        nearest: the nearest cell of each image.
        halves: 2 for pairs, whose halves are nearest or not each by itself; otherwise 1.
    """
    side = round(len(codewords) ** (1 / halves))
    moved = codewords.copy()
    for half, block in enumerate(np.split(moved, halves, axis=1)):
        numbers = np.arange(len(codewords)) // side**half % side
        dead = ~np.isin(numbers, nearest // side**half % side)
        block[dead] = 0.0
        block[dead, 0] = FAR
    return moved


def nearest_cells(
    features: NDArray[np.float32], codewords: NDArray[np.float32], spill: int
) -> NDArray[np.int64]:
    """(N, F), (K, F) → (N, a) int64: the a = min(spill, K) cells nearest to each image, nearest first."""
    flat = faiss.IndexFlatL2(codewords.shape[1])
    flat.add(np.ascontiguousarray(codewords))
    cells = np.empty((len(features), min(spill, len(codewords))), dtype=np.int64)

    def find(rows: slice) -> None:
        block = np.ascontiguousarray(features[rows], dtype=np.float32)
        _, cells[rows] = flat.search(block, cells.shape[1])

    in_threads(find, blocks_of(len(features), ROWS_AT_ONCE))
    return cells
