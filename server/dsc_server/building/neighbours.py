"""Nearest neighbours of every image of a database: exact, or in the nearest cells of a large database."""

import math
from collections.abc import Iterator
from itertools import pairwise

import faiss
import numpy as np
from numpy.typing import NDArray

from dsc_common.vectors import normalised
from dsc_server.building.kmeans import first_centroids, sample_rows
from dsc_server.building.lloyd import lloyd
from dsc_server.building.parallel import blocks_of, in_threads, with_one_blas_thread

EXACT_UP_TO = 10_000  # images
PROBES = 96
ROWS_AT_ONCE = 1 << 10
IMAGES_AT_ONCE = 1 << 13  # some hundred of them probe the same cell
_TRAINING_PER_CELL = 40
_ITERATIONS = 10
_SEED = 1234

Neighbours = tuple[NDArray[np.float32], NDArray[np.int32]]


@with_one_blas_thread
def nearest_neighbours(features: NDArray[np.float32], count: int) -> Neighbours:
    """The images most similar to each image, itself included, most similar first.

    Beyond `EXACT_UP_TO` images, an image is compared with the images of its nearest k-means cells only.

    Args:
        features: (N, D) float32 of unit length, or zero.
        count: n ≤ N.

    Returns:
        (N, n) float32 similarities ⟨x, y⟩, and (N, n) int32 images; -1 where the cells hold fewer.
    """
    found = np.empty((len(features), count), np.float32), np.empty((len(features), count), np.int32)
    if len(features) <= EXACT_UP_TO:
        _search_all(features, *found)
    else:
        _search_cells(features, *found)
    return found


def _search_all(
    features: NDArray[np.float32], similarities: NDArray[np.float32], nearest: NDArray[np.int32]
) -> None:
    index = faiss.IndexFlatIP(features.shape[1])
    index.add(features)

    def search(rows: slice) -> None:
        similarities[rows], nearest[rows] = index.search(features[rows], nearest.shape[1])

    in_threads(search, blocks_of(len(features), ROWS_AT_ONCE))


def _search_cells(
    features: NDArray[np.float32], similarities: NDArray[np.float32], nearest: NDArray[np.int32]
) -> None:
    """Images of one cell probe much the same cells; so a product compares many with all images of a cell."""
    cells = _nearest_cells(features, _centroids(features))
    order = np.argsort(cells[:, 0], kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(cells[:, 0], minlength=cells.max() + 1))])
    features = features[order]

    def search(block: slice) -> None:
        images = order[block]
        heaps = faiss.ResultHeap(len(images), nearest.shape[1], keep_max=True)
        for cell, rows in _by_cell(cells[images]):
            members = slice(offsets[cell], offsets[cell + 1])
            scores = features[block][rows] @ features[members].T
            heaps.add_result_subset(rows, scores, order[members])
        heaps.finalize()
        similarities[images], nearest[images] = heaps.D, heaps.I

    in_threads(search, blocks_of(len(features), IMAGES_AT_ONCE))


def _nearest_cells(features: NDArray[np.float32], centroids: NDArray[np.float32]) -> NDArray[np.int32]:
    """(N, P) int32, nearest first."""
    index = faiss.IndexFlatIP(features.shape[1])
    index.add(centroids)
    cells = np.empty((len(features), min(PROBES, len(centroids))), dtype=np.int32)

    def find(rows: slice) -> None:
        _, cells[rows] = index.search(features[rows], cells.shape[1])

    in_threads(find, blocks_of(len(features), ROWS_AT_ONCE))
    return cells


def _by_cell(cells: NDArray[np.int32]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """(B, P) → each cell with the rows that have it; cells that are nearest to a row come first."""
    num_cells = int(cells.max()) + 1
    keys = (cells + num_cells * (np.arange(cells.shape[1]) > 0)).ravel()
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    for start, stop in pairwise([*starts.tolist(), len(keys)]):
        yield int(keys[order[start]]) % num_cells, order[start:stop] // cells.shape[1]


def num_cells(num_images: int) -> int:
    """4 √N: an image is compared with about as many cells as images."""
    return round(4 * math.sqrt(num_images))


def _centroids(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """(K, D) float32 of unit length: those that are shorter would attract images unlike any other."""
    count = num_cells(len(features))
    sample = features[sample_rows(len(features), _TRAINING_PER_CELL * count, _SEED)]
    return normalised(lloyd(sample, first_centroids(sample, count, _SEED), _ITERATIONS, parallel=True))
