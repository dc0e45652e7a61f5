"""Limits of reliable communication: Shannon's, and those of blocks of finite length, for real Gaussian noise.

Everywhere SNR is S = P/σ² per real use, k bits go in n real uses, and rates are in bits per real use. With
BPSK, S = 2 E_s/N_0.

    Shannon 1948      C(S) = ½ log₂(1 + S)
    PPV 2010, th. 54  V(S) = S (S + 2) / (2 (S + 1)²) · log₂² e
    PPV 2010          log₂ M ≈ n C − √(n V) Q⁻¹(ε) + ½ log₂ n
    Shannon 1959      ε ≥ P(a word of energy n P leaves, by the noise, a cone of 2⁻ᵏ of the sphere)

C. E. Shannon: Probability of Error for Optimal Codes in a Gaussian Channel, Bell System Technical Journal,
1959. Y. Polyanskiy, H. V. Poor, S. Verdú (PPV): Channel Coding Rate in the Finite Blocklength Regime, IEEE
Transactions on Information Theory, 2010. The approximation may be passed by a little; the bound of 1959
cannot, by any code whose words all have energy n P, with any receiver.
"""

from collections.abc import Callable
from functools import lru_cache
from math import exp, inf, isnan, lgamma, log, log2, log10, pi, sin, sqrt, tan

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtr

from dsc_common.errors import InvalidInputError

STANDARD_ERRORS = 3.0
_LEGENDRE_NODES = 200
_MAX_POINTS = 200_000
_BISECTIONS = 60


def capacity(snr_db: float) -> float:
    """Shannon's C = ½ log₂(1 + S), bits per real use."""
    return log2(1 + _linear(snr_db)) / 2


def least_snr_db(num_bits: int, num_uses: int) -> float:
    """Shannon's SNR, in dB, below which k bits in n real uses cannot be reliable: C = k/n."""
    _check(num_bits, num_uses)
    return 10 * log10(2 ** (2 * num_bits / num_uses) - 1)


def dispersion(snr_db: float) -> float:
    """V of the real Gaussian channel, bits² per real use (PPV 2010, theorem 54)."""
    snr = _linear(snr_db)
    if snr == inf:
        return log2(exp(1)) ** 2 / 2
    return snr * (snr + 2) / (2 * (snr + 1) ** 2) * log2(exp(1)) ** 2


def normal_error_rate(num_bits: int, num_uses: int, snr_db: float) -> float:
    """Normal approximation of the best block error probability: Q((n C − k + ½ log₂ n) / √(n V)).

    Args:
        num_bits: k ≥ 1.
        num_uses: n ≥ 1 real uses. For the 376 bits of a packet the approximation is within 0.15 dB of
            `least_error_rate`; for few bits at a low rate it asks for more (56 in 200: 0.1 to 0.5 dB).
        snr_db: P/σ² per real use.
    """
    _check(num_bits, num_uses)
    margin = num_uses * capacity(snr_db) - num_bits + log2(num_uses) / 2
    variance = dispersion(snr_db)
    if variance <= 0:
        return 0.0 if margin >= 0 else 1.0
    return float(ndtr(-margin / sqrt(num_uses * variance)))


def least_error_rate(num_bits: int, num_uses: int, snr_db: float) -> float:
    """Shannon's lower bound of 1959 on the block error probability of k bits in n real uses.

    The received word leaves the cone of half-angle θ around the sent one, whose part of the sphere is 2⁻ᵏ,
    when z < w cot θ − √(n S): z ~ N(0, 1) is the noise along the word, w ~ χ of n − 1 degrees that across it.

        ε ≥ E[Φ(w cot θ − √(n S))]

    Exact for antipodal signals (k = 1) and for M-PSK (n = 2); here to about 3 digits, down to 1e-40.

    Args:
        num_bits: k ≥ 1.
        num_uses: n ≥ 2.
        snr_db: P/σ² per real use; every word has energy n P.
    """
    if num_uses < 2:
        raise InvalidInputError(f"expected at least 2 uses, got {num_uses}")
    amplitude = sqrt(num_uses * _linear(snr_db))
    if amplitude == inf:
        return 0.0
    cotangent = 1 / tan(_cone_angle(num_bits, num_uses))
    degrees = num_uses - 1
    low, high = max(0.0, sqrt(degrees) - 12), sqrt(degrees) + 12
    points = int(min(_MAX_POINTS, (high - low) * max(50.0, 10 * cotangent)))
    step = (high - low) / points
    w = low + step * (np.arange(points) + 0.5)
    log_density = (degrees - 1) * np.log(w) - w**2 / 2 - (degrees / 2 - 1) * log(2) - lgamma(degrees / 2)
    leaves = ndtr(w * cotangent - amplitude)
    return min(1.0, float(np.exp(log_density) @ leaves) * step)


def least_snr_db_at(
    num_bits: int,
    num_uses: int,
    error_rate: float,
    limit: Callable[[int, int, float], float] = normal_error_rate,
) -> float:
    """SNR, in dB, at which a limit on k bits in n uses reaches a block error probability in (0, ½)."""
    if not 0 < error_rate < 0.5:
        raise InvalidInputError(f"expected an error rate in (0, 0.5), got {error_rate}")
    low, high = -100.0, least_snr_db(num_bits, num_uses) + 100.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if limit(num_bits, num_uses, middle) > error_rate else (low, middle)
    return high


def beats(observed_error_rate: float, trials: int, num_bits: int, num_uses: int, snr_db: float) -> bool:
    """Whether an observed block error rate is below the limit by more than chance.

    The limit is `least_error_rate`. More than chance means: at the limit, at most so many errors have a
    probability below Q(3), the tail beyond 3 standard errors. The distribution is binomial, since a normal
    distribution would raise false alarms near an error rate of 0 or 1.

    Args:
        observed_error_rate: fraction of the trials that failed, 0 to 1.
        trials: blocks sent, at least 1, their noise independent.
        num_bits: k bits of a block, all of them needed for it to count as right.
        num_uses: n ≥ 2 real uses of a block.
        snr_db: P/σ² per real use, without fading.
    """
    if not 0 <= observed_error_rate <= 1 or trials < 1:
        raise InvalidInputError(
            f"expected an error rate from 0 to 1 in at least 1 trial, got {observed_error_rate} in {trials}"
        )
    limit = least_error_rate(num_bits, num_uses, snr_db)
    errors = round(observed_error_rate * trials)
    return errors < limit * trials and float(bdtr(errors, trials, limit)) < float(ndtr(-STANDARD_ERRORS))


def _linear(snr_db: float) -> float:
    """dB to ratio, infinite from about 3000 dB."""
    if isnan(snr_db):
        raise InvalidInputError("expected an SNR in dB, got nan")
    return inf if snr_db > 3000 else 10 ** (snr_db / 10)


def _check(num_bits: int, num_uses: int) -> None:
    if num_bits < 1 or num_uses < 1:
        raise InvalidInputError(f"expected at least 1 bit and 1 use, got {num_bits} and {num_uses}")


@lru_cache(maxsize=1)
def _legendre() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights of an integral over [-1, 1]."""
    return np.polynomial.legendre.leggauss(_LEGENDRE_NODES)


@lru_cache(maxsize=256)
def _cone_angle(num_bits: int, num_uses: int) -> float:
    """θ ≤ π/2 whose cone has 2⁻ᵏ of the sphere in n dimensions: Γ(n/2) / (√π Γ((n−1)/2)) ∫₀^θ sinⁿ⁻² φ dφ."""
    _check(num_bits, num_uses)
    low, high = 0.0, pi / 2
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if _log2_fraction(middle, num_uses) < -num_bits else (low, middle)
    return high


def _log2_fraction(angle: float, num_uses: int) -> float:
    """log₂ of a cone's fraction of the sphere, half-angle ≤ π/2; the integrand is largest at its edge."""
    power = num_uses - 2
    slope = power / tan(angle)
    start = max(0.0, angle - 50 / slope) if slope > 0 else 0.0
    nodes, weights = _legendre()
    phi = start + (angle - start) * (nodes + 1) / 2
    relative = float(weights @ (np.sin(phi) / sin(angle)) ** power) * (angle - start) / 2
    log_fraction = log(relative) + power * log(sin(angle)) - log(pi) / 2
    return (log_fraction + lgamma(num_uses / 2) - lgamma((num_uses - 1) / 2)) / log(2)
