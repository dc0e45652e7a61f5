"""Table look-ups: values per sub-codeword, summed over the codes of many images."""

import numpy as np
from numpy.typing import NDArray


def look_up(table: NDArray[np.float32], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(M, n) table, (M, J) codes → (J,) float32: Σ_m table[m, codes[m, j]]."""
    total = np.zeros(codes.shape[1], dtype=np.float32)
    for row, column in zip(table, codes, strict=True):
        total += row.take(column)
    return total
