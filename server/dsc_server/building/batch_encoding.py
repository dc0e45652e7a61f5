"""Codes of many residuals at once (eqs. 5, 6) with matrix products, equal to the codes of the device.

‖r - w‖² = ‖r‖² + ‖w‖² - 2⟨r, w⟩ is rounded differently from the squared differences in `encode_residual`.
Both rounding errors are bounded. If the two nearest words are closer together than the bounds, the products
cannot decide, and `encode_residual` encodes the residual.
"""

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import encode_residual
from dsc_common.codebook.word_table import undecided_gaps

BLOCK_BYTES = 1 << 20  # distances of one block; they fit into the cache of a core


def encode_residuals(residuals: NDArray[np.float32], words: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Codes of the residuals of one partition, equal to those of `encode_residual`.

    Args:
        residuals: (J, F) float32.
        words: (n, M, F/M) float32, n ≤ 256.

    Returns:
        (M, J) uint8, transposed as the index holds them.
    """
    num_words, num_subvectors, width = words.shape
    codes = np.zeros((num_subvectors, len(residuals)), dtype=np.uint8)
    if num_words < 2:  # a single word, or none
        return codes
    parts = residuals.reshape(len(residuals), num_subvectors, width)
    undecided = np.zeros(len(residuals), dtype=np.bool_)
    block = max(1, BLOCK_BYTES // (num_words * words.itemsize))
    for m in range(num_subvectors):
        for start in range(0, len(residuals), block):
            rows = slice(start, start + block)
            codes[m, rows], doubtful = _nearest(parts[rows, m], words[:, m])
            undecided[rows] |= doubtful
    for row in np.flatnonzero(undecided).tolist():
        codes[:, row] = encode_residual(residuals[row], words)
    return codes


def _nearest(
    vectors: NDArray[np.float32], words: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """The nearest of (n, w) words to each of (B, w) vectors, and whether rounding leaves it undecided."""
    squares = np.einsum("nd,nd->n", words, words, dtype=np.float64)
    lengths = np.sqrt(np.einsum("bd,bd->b", vectors, vectors, dtype=np.float64))
    margins = undecided_gaps(np.square(lengths + np.sqrt(squares.max())), words.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        distances = vectors @ words.T  # less ‖r‖², the same for all words
        distances *= -2
        distances += squares.astype(np.float32)
        rows = np.arange(len(vectors))
        nearest = distances.argmin(axis=1)
        smallest = distances[rows, nearest].astype(np.float64)
        distances[rows, nearest] = np.inf
        gaps = distances.min(axis=1) - smallest
    return nearest, ~(gaps > margins)
