"""Limits against closed forms, published numbers, and other ways to compute them."""

from collections.abc import Callable
from math import comb, erfc, inf, log2, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from dsc_common.errors import InvalidInputError
from dsc_eval.measures.limits import (
    beats,
    capacity,
    dispersion,
    least_error_rate,
    least_snr_db,
    least_snr_db_at,
    normal_error_rate,
)

snrs_db = st.floats(-20, 30)


def q(x: float) -> float:
    return erfc(x / sqrt(2)) / 2


def ratio(snr_db: float) -> float:
    return 10 ** (snr_db / 10)


@pytest.mark.parametrize(("uses", "snr_db"), [(47, 48.2), (376, 4.8), (2055, -5.4)])
def test_shannon_for_the_packet(uses: int, snr_db: float) -> None:
    assert least_snr_db(376, uses) == pytest.approx(snr_db, abs=0.05)
    assert capacity(least_snr_db(376, uses)) * uses == pytest.approx(376)


def test_capacity_and_dispersion_by_hand() -> None:
    """S = 1: C = ½ and V = 3/8 log₂² e. S = 3: C = 1 and V = 15/32 log₂² e. V grows to ½ log₂² e."""
    assert capacity(0) == 0.5
    assert dispersion(0) == pytest.approx(3 / 8 / np.log(2) ** 2)
    assert capacity(10 * np.log10(3)) == pytest.approx(1)
    assert dispersion(10 * np.log10(3)) == pytest.approx(15 / 32 / np.log(2) ** 2)
    assert dispersion(inf) == pytest.approx(1 / 2 / np.log(2) ** 2)
    assert dispersion(200) == pytest.approx(dispersion(inf))


def test_dispersion_is_the_variance_of_the_information_density() -> None:
    """PPV 2010: i(x; y) in bits for y = x + n, P = S, x of the sphere's radius; here with x² = S, σ² = 1."""
    snr = 2.0
    noise = np.random.default_rng(0).normal(size=1_000_000)
    y = sqrt(snr) + noise
    information = 0.5 * log2(1 + snr) + (y**2 / (1 + snr) - noise**2) / (2 * np.log(2))
    assert information.mean() == pytest.approx(capacity(10 * np.log10(snr)), abs=0.005)
    assert information.var() == pytest.approx(dispersion(10 * np.log10(snr)), rel=0.01)


@given(snrs_db, st.floats(0.1, 10))
def test_capacity_and_dispersion_grow(snr_db: float, more: float) -> None:
    assert capacity(snr_db) < capacity(snr_db + more)
    assert dispersion(snr_db) < dispersion(snr_db + more)


@given(st.integers(1, 3000), st.floats(-30, 0))
def test_one_bit_is_antipodal(uses: int, snr_db: float) -> None:
    """k = 1: the cone is half of space, and the bound is Q(√(n S)), what two opposite words reach."""
    assert least_error_rate(1, uses + 1, snr_db) == pytest.approx(
        q(sqrt((uses + 1) * ratio(snr_db))), rel=1e-3
    )


@given(st.floats(-20, 15))
def test_two_bits_in_two_uses_are_qpsk(snr_db: float) -> None:
    assert least_error_rate(2, 2, snr_db) == pytest.approx(1 - (1 - q(sqrt(ratio(snr_db)))) ** 2, rel=1e-3)


@pytest.mark.parametrize("snr_db", [0.0, 8.0, 14.0])
def test_three_bits_in_two_uses_are_8_psk(snr_db: float) -> None:
    """By counting: a point on the circle of radius √(2 S) leaves its sector of ±22.5°."""
    noise = np.random.default_rng(1).normal(size=(400_000, 2))
    angles = np.arctan2(noise[:, 1], sqrt(2 * ratio(snr_db)) + noise[:, 0])
    counted = (np.abs(angles) > np.pi / 8).mean()
    assert counted == pytest.approx(least_error_rate(3, 2, snr_db), abs=3 * sqrt(0.25 / 400_000))


@pytest.mark.parametrize(("k", "n"), [(8, 12), (56, 112), (376, 47), (376, 376), (376, 752), (376, 2055)])
@pytest.mark.parametrize("above_db", [-1.0, 0.0, 1.0, 2.0])
def test_bound_of_1959_by_special_functions(k: int, n: int, above_db: float) -> None:
    """The cone is a regularised incomplete beta function, the bound a non-central t distribution."""
    snr_db = least_snr_db(k, n) + above_db
    squared_sine = special.betaincinv((n - 1) / 2, 0.5, 2.0 ** (1 - k))
    cotangent = sqrt((1 - squared_sine) / squared_sine)
    expected = special.nctdtr(n - 1, sqrt(n * ratio(snr_db)), cotangent * sqrt(n - 1))
    assert least_error_rate(k, n, snr_db) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize(("k", "n"), [(376, 376), (376, 752), (376, 2055)])
@pytest.mark.parametrize("error_rate", [1e-1, 1e-2, 1e-3, 1e-5])
def test_normal_approximation_is_near_the_bound(k: int, n: int, error_rate: float) -> None:
    """As in PPV 2010, where they nearly coincide at such lengths and rates."""
    bound = least_snr_db_at(k, n, error_rate, least_error_rate)
    approximation = least_snr_db_at(k, n, error_rate)
    assert bound - 0.05 < approximation < bound + 0.15
    assert normal_error_rate(k, n, approximation) == pytest.approx(error_rate, rel=1e-3)
    assert least_snr_db(k, n) < approximation


def test_blocklength_for_ninety_percent_of_capacity() -> None:
    """PPV 2010: n ≈ (Q⁻¹(ε) / (1 − η))² V / C², without ½ log₂ n; 2981 at S = 1, ε = 10⁻³, η = 0.9."""
    needed = next(n for n in range(100, 5000) if normal_error_rate(round(0.45 * n), n, 0.0) <= 1e-3)
    assert 2981 * 0.85 < needed < 2981


@given(st.integers(1, 400), st.integers(2, 600), st.floats(-15, 15), st.floats(0.2, 5))
def test_limits_fall_with_snr_and_rise_with_bits(k: int, n: int, snr_db: float, more: float) -> None:
    for limit in (normal_error_rate, least_error_rate):
        here = limit(k, n, snr_db)
        assert 0 <= here <= 1
        assert limit(k, n, snr_db + more) <= here + 1e-3
        assert limit(k + 5, n, snr_db) >= here - 1e-3


def test_uncoded_bpsk_does_not_beat_the_limit_and_a_miracle_does() -> None:
    for snr_db in (0.0, 5.0, 10.0):
        uncoded = 1 - (1 - q(sqrt(ratio(snr_db)))) ** 376
        assert not beats(uncoded, 10_000, 376, 376, snr_db)
    limit = least_error_rate(376, 376, 4.0)
    assert beats(limit / 2, 10_000, 376, 376, 4.0)
    assert not beats(limit, 10_000, 376, 376, 4.0)
    assert not beats(0.0, 10_000, 376, 376, 10.0)
    assert beats(0.0, 10, 376, 376, -5.0)
    assert not beats(0.0, 1, 376, 376, least_snr_db_at(376, 376, 0.4))


def test_chance_is_binomial_whatever_the_number_of_errors() -> None:
    """Against a plain sum: so few errors or fewer must have a probability below Q(3)."""
    limit, trials = least_error_rate(376, 376, 5.2), 40
    assert 0.02 < limit < 0.98
    for errors in range(trials + 1):
        at_most = sum(comb(trials, n) * limit**n * (1 - limit) ** (trials - n) for n in range(errors + 1))
        expected = errors < limit * trials and at_most < q(3)
        assert beats(errors / trials, trials, 376, 376, 5.2) == expected
    assert beats(0.8, 10, 376, 376, -20.0)  # where all but certainly every block is lost
    assert not beats(1.0, 10, 376, 376, -20.0)


def test_false_alarms_are_as_rare_as_three_standard_errors() -> None:
    rng = np.random.default_rng(5)
    for snr_db, trials in ((5.6, 2000), (4.4, 50), (6.6, 500)):
        limit = least_error_rate(376, 376, snr_db)
        rates, counts = np.unique(rng.binomial(trials, limit, 20_000) / trials, return_counts=True)
        alarms = sum(
            count for rate, count in zip(rates, counts, strict=True) if beats(rate, trials, 376, 376, snr_db)
        )
        assert alarms / 20_000 < 0.00135 + 3 * sqrt(0.00135 / 20_000)


def test_without_noise_there_are_no_limits() -> None:
    assert capacity(inf) == inf
    assert normal_error_rate(376, 47, inf) == 0
    assert least_error_rate(376, 47, inf) == 0
    assert not beats(0.0, 1000, 376, 47, inf)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: least_snr_db(0, 5), "at least 1 bit"),
        (lambda: normal_error_rate(5, 0, 0.0), "1 use"),
        (lambda: least_error_rate(5, 1, 0.0), "at least 2 uses"),
        (lambda: capacity(nan), "got nan"),
        (lambda: beats(1.5, 10, 5, 5, 0.0), "from 0 to 1"),
        (lambda: beats(0.5, 0, 5, 5, 0.0), "at least 1 trial"),
        (lambda: least_snr_db_at(5, 5, 0.5), "in (0, 0.5)"),
    ],
)
def test_arguments_out_of_range(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        call()
    assert message in str(caught.value)
