"""The order of scores, highest first: equal scores keep their order; the whole order, or its beginning."""

import numpy as np
from numpy.typing import NDArray


def best_places(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """(min(count, n),) positions of the highest of (n,) scores, ascending; of equal scores the first."""
    if count >= len(scores):
        return np.arange(len(scores))
    limit = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > limit)
    equal = np.flatnonzero(scores == limit)[: count - above.size]
    best: NDArray[np.int64] = np.sort(np.concatenate([above, equal]))
    return best


def best_first(scores: NDArray[np.float32], top: int | None = None) -> NDArray[np.int64]:
    """Positions of the `top` highest of (n,) scores, or of all, highest first; equal scores keep their order.

    The first k of all are the same, but cost no sort of all.
    """
    if top is None or top >= len(scores):
        return np.argsort(-scores, kind="stable")
    best = best_places(scores, top)
    return best[np.argsort(-scores[best], kind="stable")]
