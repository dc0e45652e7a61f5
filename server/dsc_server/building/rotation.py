"""The rotation before a single code: PCA, half-whitened, then a random rotation that spreads the variance.

PCA without whitening leaves most variance in the first sub-vectors, where 2^L words do not suffice; full
whitening amplifies noise. Half-whitening (variances to the power 1/2) lies between, and needs no tuning. The
random rotation then gives every sub-vector the same variance.

With a whitening that was learned from matched pairs of photos, the principal axes are those of the whitened
features. The pairs replace a part of the half-whitening: their variances go to the power 3/4.
"""

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.transform import ROWS_AT_ONCE, Transform
from dsc_server.building.parallel import in_threads, with_one_blas_thread

WHITENING = 0.5
WHITENING_AFTER_PAIRS = 0.25
MAX_TRAINING = 50_000


@with_one_blas_thread
def learn_rotation(
    features: NDArray[np.float32], width: int, seed: int, whitening: NDArray[np.float32] | None = None
) -> Transform:
    """Transform from F to `width` dimensions, learned on the database.

    A database of few images spans few dimensions; before the random rotation, all other components are zero.
    One of a single image, or of copies of it, spans none: its features keep their origin.

    Args:
        features: (N, F) float32.
        width: D, a multiple of M.
        seed: seed of the random rotation, and of the sample of a large database.
        whitening: (F, F') float32, a projection learned from matched pairs; it precedes the principal axes.
    """
    rng = np.random.default_rng(seed)
    chosen = np.arange(len(features))
    if len(features) > MAX_TRAINING:
        chosen = np.sort(rng.choice(len(features), MAX_TRAINING, replace=False))
    mean, covariance = _moments(features, chosen)
    power = WHITENING
    if whitening is not None:
        covariance, power = whitening.T @ covariance @ whitening, WHITENING_AFTER_PAIRS
    variances, vectors = np.linalg.eigh(covariance)
    order = np.argsort(-variances, kind="stable")[:width]
    spanned = variances[order] > max(1e-10, 1e-9 * float(variances.max(initial=0.0)))
    axes = order[spanned]
    scale = variances[axes] ** (-power / 2)
    rotation = np.linalg.qr(rng.standard_normal((width, width)))[0]
    projection = (vectors[:, axes] * scale) @ rotation[: len(axes)]
    if whitening is not None:
        projection = whitening @ projection
    if not len(axes):  # a single image, or copies of it: relative to their mean nothing would be left
        mean, projection = np.zeros_like(mean), _orthonormal(features.shape[1], width, rng)
    return Transform(mean.astype(np.float32), projection.astype(np.float32))


def _moments(
    features: NDArray[np.float32], chosen: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (F,) and covariance (F, F) of the chosen rows, read in blocks."""
    blocks = [chosen[start : start + ROWS_AT_ONCE] for start in range(0, len(chosen), ROWS_AT_ONCE)]
    mean = np.zeros(features.shape[1])
    for rows in blocks:
        mean += features[rows].sum(axis=0, dtype=np.float64) / len(chosen)

    def products(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        centred = features[rows] - mean
        return np.asarray(centred.T @ centred)

    return mean, np.add.reduce(in_threads(products, blocks)) / len(chosen)


def _orthonormal(feature_dim: int, width: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(F, D) random projection with orthonormal columns; zeros beyond F columns."""
    projection = np.zeros((feature_dim, width))
    columns = min(feature_dim, width)
    projection[:, :columns] = np.linalg.qr(rng.standard_normal((feature_dim, columns)))[0]
    return projection
