"""The least energy of bits at Shannon's limit, against closed forms; far beyond what floats hold."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_eval.measures.energy import least_energy_db, least_energy_of_any_uses_db, least_uses

BITS = st.floats(1.0, 1e9)
USES = st.floats(1.0, 1e9)


@pytest.mark.parametrize(
    ("bits", "uses", "over_noise"),
    [
        (1, 1, 3.0),  # 2^2 - 1
        (10, 10, 30.0),
        (6, 2, 2 * 63.0),
        (1, 2, 2 * 1.0),  # half a bit a use: SNR 1
    ],
)
def test_small_numbers_by_hand(bits: float, uses: float, over_noise: float) -> None:
    assert least_energy_db(bits, uses) == pytest.approx(10 * math.log10(over_noise), abs=1e-9)


def test_a_photo_in_the_uses_of_a_packet() -> None:
    """30 kB in 376 uses are 638.3 bits a use: 6.02 dB for each of them, and 25.75 dB for the uses."""
    bits = 8 * 30_000
    assert least_energy_db(bits, 376) == pytest.approx(
        20 * math.log10(2) * bits / 376 + 10 * math.log10(376), abs=1e-6
    )
    assert least_energy_db(bits, 376) == pytest.approx(3868.6, abs=0.1)


def test_uses_by_hand() -> None:
    assert least_uses(100, 10 * math.log10(3)) == pytest.approx(100)  # C = 1 bit a use
    assert least_uses(8, 0.0) == pytest.approx(16)  # C = ½


@given(BITS, st.floats(-100, 60))
def test_uses_and_energy_are_of_one_law(bits: float, snr_db: float) -> None:
    uses = least_uses(bits, snr_db)
    assert least_energy_db(bits, uses) == pytest.approx(10 * math.log10(uses) + snr_db, abs=1e-3)


@given(BITS, USES)
def test_more_uses_need_less_energy_but_never_less_than_the_limit(bits: float, uses: float) -> None:
    limit = least_energy_of_any_uses_db(bits)
    assert least_energy_db(bits, uses) >= least_energy_db(bits, 2 * uses) - 1e-9
    assert least_energy_db(bits, uses) >= limit - 1e-9
    assert least_energy_db(bits, 1e9 * bits) == pytest.approx(limit, abs=1e-6)


def test_the_limit_of_a_bit_is_that_of_the_textbooks() -> None:
    """E_b/N_0 ≥ ln 2, -1.59 dB; N_0 = 2σ²."""
    assert least_energy_of_any_uses_db(1) - 10 * math.log10(2) == pytest.approx(-1.5917, abs=1e-4)
