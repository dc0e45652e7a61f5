"""Confidence interval of a mean over queries: the bias-corrected, accelerated bootstrap (BCa; Efron 1987).

Near a mAP of 1 the values are skewed: the quantiles of the resampled means alone cover the mean less often
than they say. BCa moves the quantiles by the bias z0 of the resampled means and by the acceleration a:

    levels  Φ(z0 + (z0 ± z) / (1 - a (z0 ± z))),  z = Φ⁻¹((1 + confidence) / 2)

Queries of one landmark or object are not independent, so whole groups of queries are resampled.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

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


@dataclass(frozen=True, eq=False)
class GroupedValues:
    """One number per query, in groups that are resampled whole.

    Attributes:
        sums: (g,) float64, sum of the values of each group.
        counts: (g,) int64, queries of each group.
    """

    sums: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def mean(self) -> float:
        """Over the queries."""
        return float(self.sums.sum() / self.counts.sum())


def bootstrap_mean(
    values: Sequence[float] | NDArray[np.float64],
    seed: int = 0,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
    groups: Sequence[Hashable] | None = None,
) -> Interval:
    """Interval of the mean of one number per query.

    Args:
        values: (n,), at least one, finite.
        seed: of the draws.
        resamples: number of draws of as many groups as there are.
        confidence: probability that the interval should cover the mean, in (0, 1).
        groups: (n,), the group of each query; by default each query is a group, and so it is where all
            queries are in one.

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
    grouped = in_groups(numbers, groups)
    means = resampled_means(grouped, np.random.default_rng(seed), resamples)
    low, high = np.quantile(means, _levels(grouped, means, confidence))
    point = float(numbers.mean())
    return Interval(point, min(float(low), point), max(float(high), point))


def in_groups(values: NDArray[np.float64], groups: Sequence[Hashable] | None) -> GroupedValues:
    """Values by group, in the order in which groups first appear; a single group is taken apart."""
    places: dict[Hashable, int] = {}
    members = [places.setdefault(group, len(places)) for group in groups or range(values.size)]
    if len(members) != values.size:
        raise InvalidInputError(f"expected a group for each of {values.size} values, got {len(members)}")
    if len(places) < 2:
        return GroupedValues(values, np.ones(values.size, dtype=np.int64))
    sums = np.bincount(members, weights=values).astype(np.float64)
    return GroupedValues(sums, np.bincount(members))


def resampled_means(grouped: GroupedValues, rng: np.random.Generator, resamples: int) -> NDArray[np.float64]:
    """(resamples,) float64: means over the queries of groups drawn with replacement; in bounded memory."""
    size = grouped.sums.size
    rows = max(1, BLOCK_NUMBERS // size)
    counts = [min(rows, resamples - start) for start in range(0, resamples, rows)]
    return np.concatenate([_means(grouped, rng.integers(0, size, (count, size))) for count in counts])


def _means(grouped: GroupedValues, drawn: NDArray[np.int64]) -> NDArray[np.float64]:
    means: NDArray[np.float64] = grouped.sums[drawn].sum(axis=1) / grouped.counts[drawn].sum(axis=1)
    return means


def _levels(grouped: GroupedValues, means: NDArray[np.float64], confidence: float) -> NDArray[np.float64]:
    """Lower and upper quantile of the resampled means; those of the percentile interval where BCa fails."""
    plain = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    point = grouped.mean
    below = ((means < point).mean() + (means <= point).mean()) / 2
    if not 0 < below < 1 or np.ptp(means) == 0:
        return plain
    bias = float(ndtri(below))
    moved = bias + ndtri(plain)
    levels: NDArray[np.float64] = ndtr(bias + moved / (1 - _acceleration(grouped) * moved))
    return levels if np.isfinite(levels).all() else plain


def _acceleration(grouped: GroupedValues) -> float:
    """a = Σ d³ / (6 (Σ d²)^1.5), with d_i = mean of the means without a group - mean without group i."""
    without = (grouped.sums.sum() - grouped.sums) / (grouped.counts.sum() - grouped.counts)
    differences = without.mean() - without
    spread = float((differences**2).sum()) ** 1.5
    return float((differences**3).sum()) / (6 * spread) if spread > 0 else 0.0
