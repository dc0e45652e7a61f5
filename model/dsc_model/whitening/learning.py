"""Whitening learned from matched pairs: what differs between photos of one thing counts less.

K. Mikolajczyk, J. Matas, Improving descriptors for fast tree matching by optimal linear projection (2007).
For image retrieval: F. Radenović, G. Tolias, O. Chum, Fine-tuning CNN image retrieval with no human
annotation (2019), section 3.3.
"""

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError

SHRINKAGE = 0.3
_PAIRS_AT_ONCE = 8192


def learn_whitening(
    descriptors: NDArray[np.float32], pairs: NDArray[np.int64], shrinkage: float = SHRINKAGE
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean μ and projection W of z = W^T (x - μ).

    C_S = mean of (q - p)(q - p)^T over the pairs, P = L^-1 of C_S = L L^T, and W = P^T U, with U the
    eigenvectors of P D P^T and D = mean of (x - μ)(x - μ)^T; μ is the mean of the queries. So W^T C_S W = I,
    and the columns of W are in descending order of the variance of z.

    C_S has a rank of at most the number of pairs. Therefore (1 - λ) C_S + λ tr(C_S)/F I takes its place: it
    has an inverse, and it follows C_S where descriptors are rotated or scaled.

    Args:
        descriptors: (n, F) of the photos in the pairs.
        pairs: (m, 2) positions of a query q and of a positive p.
        shrinkage: λ, above 0 and at most 1.

    Returns:
        μ (F,) and W (F, F), float32.

    Raises:
        InvalidInputError: no pair, or the photos of each pair have the same descriptor.
    """
    if not 0 < shrinkage <= 1:
        raise InvalidInputError(f"expected a shrinkage above 0 and at most 1, got {shrinkage:g}")
    if not len(pairs):
        raise InvalidInputError("expected at least one pair of matched photos, got none")
    differences = _second_moment(descriptors, pairs)
    size = float(np.trace(differences)) / len(differences)
    if not size > 0:
        raise InvalidInputError("expected matched photos of different features, got the same in every pair")
    shrunk = (1 - shrinkage) * differences + shrinkage * size * np.eye(len(differences))
    inverse_root = np.linalg.inv(np.linalg.cholesky(shrunk))
    # Each query counts as often as it has pairs.
    mean = descriptors[pairs[:, 0]].mean(axis=0, dtype=np.float64)
    whitened = (descriptors - mean) @ inverse_root.T
    _, vectors = np.linalg.eigh(whitened.T @ whitened / len(whitened))
    return mean.astype(np.float32), (inverse_root.T @ vectors[:, ::-1]).astype(np.float32)


def _second_moment(descriptors: NDArray[np.float32], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """(F, F): mean of (q - p)(q - p)^T over the pairs, read in blocks."""
    found = np.zeros((descriptors.shape[1], descriptors.shape[1]))
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        queries, positives = pairs[start : start + _PAIRS_AT_ONCE].T
        differences = descriptors[queries].astype(np.float64) - descriptors[positives]
        found += differences.T @ differences
    return found / len(pairs)
