"""Confidence interval of a mean over queries, by the percentile bootstrap (Efron 1979)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError

RESAMPLES = 2000
CONFIDENCE = 0.95
BLOCK_NUMBERS = 1 << 20  # drawn at a time


@dataclass(frozen=True)
class Interval:
    """A mean, and the bounds of its confidence interval."""

    mean: float
    low: float
    high: float


def bootstrap_mean(
    values: Sequence[float] | NDArray[np.float64],
    seed: int = 0,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Interval of the mean of one number per query.

    The queries are drawn with replacement, as many as there are, `resamples` times; the bounds are the
    (1 - confidence)/2 and (1 + confidence)/2 quantiles of the means (interpolated linearly).

    Args:
        values: (n,), at least one, finite.
        seed: of the draws.
        resamples: number of draws of n queries.
        confidence: fraction of the means inside the interval, in (0, 1).

    Raises:
        InvalidInputError: no values, or one that is not finite; resamples or confidence out of range.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or not numbers.size or not np.isfinite(numbers).all():
        raise InvalidInputError("expected at least one value, and finite ones, to resample")
    if resamples < 1 or not 0 < confidence < 1:
        raise InvalidInputError(
            f"expected resamples from 1 and a confidence in (0, 1), got {resamples} and {confidence}"
        )
    means = resampled_means(numbers, np.random.default_rng(seed), resamples)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(numbers.mean()), float(low), float(high))


def resampled_means(
    values: NDArray[np.float64], rng: np.random.Generator, resamples: int
) -> NDArray[np.float64]:
    """(n,) float64 → (resamples,) float64: means of n values drawn with replacement; in bounded memory."""
    rows = max(1, BLOCK_NUMBERS // values.size)
    counts = [min(rows, resamples - start) for start in range(0, resamples, rows)]
    blocks = [values[rng.integers(0, values.size, (count, values.size))].mean(axis=1) for count in counts]
    return np.concatenate(blocks)
