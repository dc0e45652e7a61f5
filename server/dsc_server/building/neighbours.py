"""Nearest neighbours of every image of a database: exact, or in the nearest cells of a large database."""

import math

import faiss
import numpy as np
from faiss.contrib.ivf_tools import add_preassigned, search_preassigned
from numpy.typing import NDArray

from dsc_common.vectors import normalised
from dsc_server.building.kmeans import first_centroids, sample_rows
from dsc_server.building.lloyd import lloyd
from dsc_server.building.parallel import in_threads, with_one_blas_thread

EXACT_UP_TO = 10_000  # images
PROBES = 32
ROWS_AT_ONCE = 1 << 10
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

    in_threads(search, _blocks(len(features)))


def _search_cells(
    features: NDArray[np.float32], similarities: NDArray[np.float32], nearest: NDArray[np.int32]
) -> None:
    dim, centroids = features.shape[1], _centroids(features)
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, len(centroids), faiss.METRIC_INNER_PRODUCT)
    index.quantizer.add(centroids)
    index.is_trained = True
    index.nprobe = min(PROBES, len(centroids))
    cells = np.empty((len(features), index.nprobe), dtype=np.int32)

    def find_cells(rows: slice) -> None:
        _, cells[rows] = index.quantizer.search(features[rows], index.nprobe)

    in_threads(find_cells, _blocks(len(features)))
    add_preassigned(index, features, cells[:, 0].astype(np.int64))  # type: ignore[no-untyped-call]
    order = np.argsort(cells[:, 0], kind="stable")  # images of one cell read the same cells
    for block in _blocks(len(features), 16 * ROWS_AT_ONCE):
        rows = order[block]
        similarities[rows], nearest[rows] = search_preassigned(  # type: ignore[no-untyped-call]
            index, features[rows], nearest.shape[1], cells[rows].astype(np.int64)
        )


def num_cells(num_images: int) -> int:
    """4 √N: an image is compared with about as many cells as images."""
    return round(4 * math.sqrt(num_images))


def _centroids(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """(K, D) float32 of unit length: those that are shorter would attract images unlike any other."""
    count = num_cells(len(features))
    sample = features[sample_rows(len(features), _TRAINING_PER_CELL * count, _SEED)]
    return normalised(lloyd(sample, first_centroids(sample, count, _SEED), _ITERATIONS, parallel=True))


def _blocks(count: int, size: int = ROWS_AT_ONCE) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count, size)]
