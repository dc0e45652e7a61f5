"""Posterior means of floats that arrive as bits: exact floats, a plain loop, the confidence."""

from math import erf, exp, inf, sqrt

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_server.receiving.estimates import confidence_of
from dsc_server.receiving.float_posterior import LEAST_PRIOR, float_posterior_mean


def _llrs(feature: NDArray[np.float32], size: float) -> NDArray[np.float64]:
    """(D,) float32 → (D, 32) LLRs of this size, all with the right sign."""
    bits = np.unpackbits(np.frombuffer(feature.astype("<f4").tobytes(), dtype=np.uint8)).reshape(-1, 32)
    return size * (1.0 - 2.0 * bits)


@given(
    hnp.arrays(np.float32, st.integers(1, 6), elements=st.floats(-1, 1, width=32)),
    st.sampled_from([inf, 400.0]),
)
def test_certain_bits_give_the_float_itself(feature: NDArray[np.float32], size: float) -> None:
    assert float_posterior_mean(_llrs(feature, size)).tolist() == feature.tolist()


def test_no_bits_at_all_give_zero() -> None:
    assert not float_posterior_mean(np.zeros((5, 32))).any()


@pytest.mark.parametrize("received", [3.0e38, np.inf, np.nan, -17.0])
def test_floats_beyond_1_become_plausible_ones(received: float) -> None:
    mean = float_posterior_mean(_llrs(np.array([received], dtype=np.float32), 4.0))
    assert np.abs(mean[0]) <= 1


def test_the_mean_of_one_float_by_a_plain_loop() -> None:
    llrs = np.random.default_rng(3).normal(size=(3, 32)) * 2
    for row, mean in zip(llrs, float_posterior_mean(llrs), strict=True):
        assert mean == pytest.approx(_by_loop(row, dim=3), rel=1e-5)


def _by_loop(sent: NDArray[np.float64], dim: int) -> float:
    """E[q | y] over all signs and exponents, with the bits in the order of the definition of float32."""
    bits = [sent[8 * byte + place] for byte in (3, 2, 1, 0) for place in range(8)]
    one = [1 / (1 + exp(llr)) for llr in bits]
    fraction = sum(one[9 + place] * 2.0 ** -(place + 1) for place in range(23))
    total = normaliser = 0.0
    for exponent in range(128):
        low, high = (0.0 if exponent == 0 else 2.0 ** (exponent - 127)), 2.0 ** (exponent - 126)
        weight = max(erf(high * sqrt(dim / 2)) - erf(low * sqrt(dim / 2)), LEAST_PRIOR)
        for place in range(8):
            is_one = exponent >> (7 - place) & 1
            weight *= one[1 + place] if is_one else 1 - one[1 + place]
        magnitude = 2.0**-126 * fraction if exponent == 0 else 2.0 ** (exponent - 127) * (1 + fraction)
        total += weight * magnitude
        normaliser += weight
    return (1 - 2 * one[0]) * total / normaliser


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 5.0, 8.0])
def test_the_confidence_is_the_cosine_that_it_claims(snr_db: float) -> None:
    rng, variance = np.random.default_rng(11), 10 ** (-snr_db / 10)
    claimed, cosines = [], []
    for _ in range(20):
        q = rng.normal(size=320)
        q = (q / np.linalg.norm(q)).astype(np.float32)
        received = _llrs(q, 1.0) + rng.normal(size=(320, 32)) * sqrt(variance)
        mean = float_posterior_mean(2 * received / variance)
        claimed.append(confidence_of(mean, 1.0))
        cosines.append(float(mean @ q / np.linalg.norm(mean)))
    assert np.mean(claimed) == pytest.approx(np.mean(cosines), abs=0.06)
