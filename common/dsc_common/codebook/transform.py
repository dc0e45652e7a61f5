"""An affine map of features before a quantizer: centre, project, normalise; or the identity."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError

ROWS_AT_ONCE = 8192  # bounds the memory for a memory-mapped database


def _empty_vector() -> NDArray[np.float32]:
    return np.zeros(0, dtype=np.float32)


def _empty_matrix() -> NDArray[np.float32]:
    return np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Transform:
    """z = W^T (q - μ), scaled to unit length; without W, z = q followed by zeros.

    Attributes:
        mean: (F,) float32, μ; empty without a projection.
        projection: (F, D) float32, W; (0, 0) without one.
    """

    mean: NDArray[np.float32] = field(default_factory=_empty_vector)
    projection: NDArray[np.float32] = field(default_factory=_empty_matrix)

    def __post_init__(self) -> None:
        if self.projection.ndim != 2 or self.mean.shape != (self.projection.shape[0],):
            raise InvalidInputError(
                f"expected a mean (F,) and a projection (F, D), "
                f"got {self.mean.shape} and {self.projection.shape}"
            )

    def apply(self, features: NDArray[np.float32], width: int) -> NDArray[np.float32]:
        """(n, F) → (n, width) float32; `width` is D, or at least F without a projection."""
        if not self.mean.size:
            padded = np.zeros((len(features), width), dtype=np.float32)
            padded[:, : features.shape[1]] = features
            return padded
        z = np.empty((len(features), self.projection.shape[1]), dtype=np.float32)
        for start in range(0, len(features), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            z[rows] = (features[rows] - self.mean) @ self.projection
        norms = np.linalg.norm(z, axis=1, keepdims=True)
        np.divide(z, norms, out=z, where=norms > 0)
        return z
