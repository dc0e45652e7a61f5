"""Two schemes on the same queries: interval of their difference in mAP, and a sign-flip permutation test.

Intervals of two means say little about their difference, since the queries are the same: a query that is
hard for one scheme is hard for the other.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_eval.measures.bootstrap import BLOCK_NUMBERS, Interval, bootstrap_mean, in_groups

FLIPS = 10_000
MAX_GROUPS_FOR_ALL_FLIPS = 13  # 2^13 < FLIPS
ROUNDING = 1e-9


@dataclass(frozen=True)
class PairedDifference:
    """Difference of two means over the same queries.

    Attributes:
        interval: of the difference, first minus second.
        p: probability of a difference at least as large, in either direction, if the two schemes were
            exchangeable within each group of queries.
    """

    interval: Interval
    p: float


def paired_difference(
    first: Sequence[float], second: Sequence[float], seed: int, groups: Sequence[Hashable] | None = None
) -> PairedDifference:
    """Compare two schemes by one number per query each, queries in the same order."""
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    interval = bootstrap_mean(differences, seed, groups=groups)
    return PairedDifference(interval, sign_flip_p(in_groups(differences, groups).sums, seed))


def sign_flip_p(sums: NDArray[np.float64], seed: int) -> float:
    """p of the sum of (g,) group sums, whose signs flip at random: all flips of few groups, else FLIPS."""
    observed = abs(float(sums.sum())) - ROUNDING * float(np.abs(sums).sum())
    if sums.size <= MAX_GROUPS_FOR_ALL_FLIPS:
        bits = np.arange(1 << sums.size)[:, None] >> np.arange(sums.size) & 1
        return float((np.abs((1 - 2 * bits) @ sums) >= observed).mean())
    rng = np.random.default_rng(seed)
    rows = max(1, BLOCK_NUMBERS // sums.size)
    blocks = [min(rows, FLIPS - start) for start in range(0, FLIPS, rows)]
    as_large = sum(
        int((np.abs((1 - 2 * rng.integers(0, 2, (count, sums.size))) @ sums) >= observed).sum())
        for count in blocks
    )
    return (1 + as_large) / (1 + FLIPS)
