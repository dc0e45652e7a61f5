"""Scale vectors to unit length."""

import numpy as np
from numpy.typing import NDArray


def normalised(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, D) → (n, D) float32 of unit length; zeros stay zeros."""
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(features, norms, out=np.zeros_like(features), where=norms > 0)
    return unit
