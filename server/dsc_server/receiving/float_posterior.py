"""Soft decisions on floats that arrive as bits: the posterior mean of each coordinate of a unit vector.

A float32 is (-1)^s 2^(e-127) (1 + m). Its bits arrive independently, so sign, exponent and mantissa have
independent posteriors, and the posterior mean of the float is the product of theirs. The exponent has a
prior: q has unit length, so that a coordinate is about N(0, 1/D).
"""

from math import erf, sqrt

import numpy as np
from numpy.typing import NDArray

from dsc_common.spans import span

EXPONENT_BITS, MANTISSA_BITS = 8, 23
EXPONENTS = np.arange(128)  # up to 2^0: no coordinate of a unit vector is larger
LEAST_PRIOR = 1e-5  # of an exponent: features of real photos have zeros, which N(0, 1/D) has not


@span("codes")
def float_posterior_mean(llrs: NDArray[np.float64]) -> NDArray[np.float32]:
    """(D, 32) soft bits of little-endian float32, as they are sent → (D,) float32: E[q | y].

    Certain bits give the float itself; a float beyond 1 gives one of at most 1.
    """
    bits = llrs.reshape(-1, 4, 8)[:, ::-1].reshape(-1, 32)  # sign, exponent, mantissa
    sign, exponent, mantissa = np.split(bits, (1, 1 + EXPONENT_BITS), axis=1)
    probabilities = _exponent_posterior(exponent)
    ones = _probability_of_one(mantissa) @ 2.0 ** -np.arange(1, MANTISSA_BITS + 1)
    # Exponent 0 is that of subnormal numbers: 2^-126 m.
    magnitude = probabilities[:, 0] * 2.0**-126 * ones
    magnitude += (probabilities[:, 1:] @ 2.0 ** (EXPONENTS[1:] - 127.0)) * (1.0 + ones)
    mean = (1.0 - 2.0 * _probability_of_one(sign[:, 0])) * magnitude
    return np.clip(mean, -1.0, 1.0).astype(np.float32)


def _exponent_posterior(llrs: NDArray[np.float64]) -> NDArray[np.float64]:
    """(D, 8) soft bits → (D, 128): the probability of each exponent."""
    limited = np.clip(llrs, -1e9, 1e9)  # certain bits have infinite LLRs
    bits = (EXPONENTS[:, None] >> np.arange(EXPONENT_BITS - 1, -1, -1)) & 1
    logs = -limited @ bits.T + _log_prior(len(llrs))
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _log_prior(dim: int) -> NDArray[np.float64]:
    """(128,) log-probability of each exponent of a coordinate that is N(0, 1/D)."""
    edges = 2.0 ** (np.arange(129) - 127.0)
    edges[0] = 0.0
    below = np.array([erf(edge * sqrt(dim / 2)) for edge in edges])
    prior = np.maximum(np.diff(below), LEAST_PRIOR)
    return np.asarray(np.log(prior / prior.sum()), dtype=np.float64)


def _probability_of_one(llrs: NDArray[np.float64]) -> NDArray[np.float64]:
    """LLRs, positive for 0 → P(1)."""
    return np.asarray(0.5 - 0.5 * np.tanh(llrs / 2))
