"""Table look-ups: values per sub-codeword, summed over the codes of many images."""

import numpy as np
from numpy.typing import NDArray

from dsc_server.kernels.choice import kernels


def look_up(table: NDArray[np.float32], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(M, n) table, (M, J) codes → (J,) float32: Σ_m table[m, codes[m, j]]."""
    return kernels().look_up(table, np.ascontiguousarray(codes.T))
