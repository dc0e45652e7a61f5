"""BPSK by hand, and its round trip."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from helpers.bpsk import bpsk_demodulate, bpsk_modulate


def test_zero_is_plus_one_and_one_is_minus_one() -> None:
    assert bpsk_modulate(b"\xa1").tolist() == [-1, 1, -1, 1, 1, 1, 1, -1]


def test_the_sign_decides_and_zero_counts_as_plus() -> None:
    samples = np.array([-1e-9, 1e-9, 0.0, -0.0, -3.0, 3.0, -0.5, 0.5])
    assert bpsk_demodulate(samples) == bytes([0b10001010])


@given(st.binary(max_size=60), st.floats(1e-6, 1e6))
def test_round_trip_at_any_gain(data: bytes, gain: float) -> None:
    symbols = bpsk_modulate(data)
    assert symbols.size == 8 * len(data)
    assert (symbols**2 == 1.0).all()
    assert bpsk_demodulate((gain * symbols).astype(np.float32)) == data
