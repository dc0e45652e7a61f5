"""Arrivals at a rate: a Poisson process, as many independent devices make together."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 4096


def poisson_arrivals(per_second: float, rng: np.random.Generator) -> Iterator[float]:
    """Seconds from the start at which requests arrive, without end; gaps are exponential and independent.

    Several such processes together are one with the sum of their rates, so generators need not coordinate.

    Args:
        per_second: mean rate, above 0.
        rng: draws the gaps.
    """
    last = 0.0
    while True:
        times = last + np.cumsum(_gaps(per_second, rng))
        last = float(times[-1])
        yield from times.tolist()


def _gaps(per_second: float, rng: np.random.Generator) -> NDArray[np.float64]:
    return rng.exponential(1 / per_second, _AT_ONCE)
