"""Words as float32, and the distances between the words of a partition, with compiled loops."""

from threading import Lock

import numpy as np
from numpy.typing import NDArray

from dsc_server.kernels.compiled_loops import FILL_DISTANCES, HALVES_AS_FLOATS


def rows_as_float32(features: NDArray[np.floating], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """(R, D), (n,) → (n, D) float32: as `Kernels.rows_as_float32`."""
    if features.dtype != np.float16 or not features.flags.c_contiguous:
        return np.asarray(features[rows], dtype=np.float32)
    if rows.size and not 0 <= rows.min() <= rows.max() < len(features):
        raise IndexError(f"expected rows from 0 to {len(features) - 1}")
    floats = np.empty((rows.size, features.shape[1]), dtype=np.float32)
    HALVES_AS_FLOATS(np.asarray(features).view(np.uint16), rows, floats)
    return floats


def words_as_float32(words: NDArray[np.floating]) -> NDArray[np.float32]:
    """(n, M, w) float16 or float32, contiguous → float32."""
    if words.dtype == np.float32:
        return np.asarray(words, dtype=np.float32)
    flat = words.reshape(len(words), words.shape[1] * words.shape[2])
    return rows_as_float32(flat, np.arange(len(words))).reshape(words.shape)


class CompiledWordDistances:
    """As `WordDistances`; keeps every row that it has computed.

    Args:
        words: (n, M, w) float16 or float32, contiguous.
    """

    def __init__(self, words: NDArray[np.floating]) -> None:
        count, num_subvectors, _ = words.shape
        self._words = words
        self._known = np.zeros((num_subvectors, count), dtype=np.bool_)
        self._table = np.empty((num_subvectors, count, count), dtype=np.float32)
        self._filling = Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of all rows, whether or not they are computed."""
        return self._table.nbytes + self._known.nbytes

    def rows(self, m: int, words: NDArray[np.int64]) -> NDArray[np.float32]:
        """(s, n) float32: as `WordDistances.rows`."""
        with self._filling:
            if not self._known[m, words].all():
                FILL_DISTANCES(words_as_float32(self._words), m, words, self._known, self._table)
        return np.asarray(self._table[m, words])
