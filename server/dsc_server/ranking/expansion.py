"""Query expansion (αQE): a query averaged with its first results, weighted by similarity to the power α."""

import numpy as np
from numpy.typing import NDArray

ALPHA = 3.0


def expand(
    q: NDArray[np.float32], features: NDArray[np.float32], similarities: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A query averaged with its first results.

    Args:
        q: (D,) float32 of unit length.
        features: (n, D) float32, the first results.
        similarities: (n,) float32, their similarities to q.
    """
    weights = np.maximum(similarities, 0.0) ** ALPHA
    return np.asarray(q + weights @ features, dtype=np.float32)
