"""The order of numbers, highest first: equal ones keep their order; the whole order, or its beginning."""

import numpy as np
from numpy.typing import NDArray

SAMPLED = 16  # one of so many scores


def best_places(scores: NDArray[np.floating], count: int) -> NDArray[np.int64]:
    """(min(count, n),) positions of the highest of (n,) scores, ascending; of equal scores the first."""
    if count >= len(scores):
        return np.arange(len(scores))
    if not count:
        return np.zeros(0, dtype=np.int64)
    likely = _likely_places(scores, count)
    if likely is not None:
        return likely[best_places(scores[likely], count)]
    limit = np.partition(scores, len(scores) - count)[len(scores) - count]
    best: NDArray[np.int64] = (scores >= limit).nonzero()[0]
    if len(best) == count:
        return best
    above = np.flatnonzero(scores > limit)
    equal = np.flatnonzero(scores == limit)[: count - above.size]
    return np.sort(np.concatenate([above, equal]))


def _likely_places(scores: NDArray[np.floating], count: int) -> NDArray[np.int64] | None:
    """Positions, ascending, of all scores from a limit on that a sample suggests; None if they are no help.

    Those of the `count` highest scores are among them, as they are at least so many.
    """
    sample = scores[::SAMPLED]
    expected = 2 * count // SAMPLED + 10
    if 4 * expected > len(sample):
        return None
    limit = np.partition(sample, len(sample) - expected)[len(sample) - expected]
    likely: NDArray[np.int64] = (scores >= limit).nonzero()[0]
    return likely if count <= len(likely) < len(scores) else None


def best_first(scores: NDArray[np.floating], top: int | None = None) -> NDArray[np.int64]:
    """Positions of the `top` highest of (n,) scores, or of all, highest first; equal scores keep their order.

    The first k of all are the same, but cost no sort of all.
    """
    if top is None or top >= len(scores):
        return np.argsort(-scores, kind="stable")
    best = best_places(scores, top)
    return best[np.argsort(-scores[best], kind="stable")]


def all_best_first(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """As `best_first` of all, faster.

    A float32 and its place make one integer, and integers are sorted faster than their places.

    Args:
        scores: n < 2^32 numbers, none of them NaN.
    """
    bits = (scores + np.float32(0)).view(np.int32)  # -0 + 0 is 0
    ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # signed integers in the order of the floats
    keys = (~ordered).astype(np.int64) << 32 | np.arange(scores.size)
    keys.sort()
    return keys & 0xFFFFFFFF
