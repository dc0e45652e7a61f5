"""The most likely labels of an image (eqs. 1, 2, 11): head of a query, partitions of a database image."""

import numpy as np
from numpy.typing import NDArray


def top_labels(probabilities: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """(K,) → (min(count, K),) int64: the most likely labels, most likely first; of equals the lowest."""
    return np.argsort(-probabilities, kind="stable")[:count].astype(np.int64)
