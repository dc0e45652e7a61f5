"""Gains per channel use: as they came, or estimated; against plain loops."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.radio.gains import count_blocks, estimated_gains, known_gains, spread
from dsc_common.radio.link import ReceivedSignal
from dsc_common.radio.modes import SPECS, Mode


def signal(mode: Mode, uses: int, **changes: Any) -> ReceivedSignal:
    size = uses * SPECS[mode].samples_per_use
    samples = np.random.default_rng(uses).standard_normal(size).astype(np.float32) * 2
    return ReceivedSignal(mode, samples, 0.5, **changes)


@given(st.integers(0, 60), st.integers(0, 70))
def test_blocks_and_their_uses_as_a_loop_finds_them(uses: int, block: int) -> None:
    block_of = [use // block if block else 0 for use in range(uses)]
    blocks = count_blocks(uses, block)
    assert blocks == max([*block_of, 0]) + 1
    values = np.arange(blocks, dtype=np.float32) + 10
    assert spread(values, uses, block).tolist() == [10.0 + number for number in block_of]


@pytest.mark.parametrize("mode", [Mode.BPSK, Mode.QPSK])
@pytest.mark.parametrize("block", [0, 1, 7, 30, 99])
def test_the_estimate_is_the_second_moment_less_the_noise(mode: Mode, block: int) -> None:
    received = signal(mode, 30, fading_block_uses=block, estimate_gains=True)
    per_use = SPECS[mode].samples_per_use
    expected: list[float] = []
    for start in range(0, 30, block or 30):
        energies = []
        for use in range(start, min(start + (block or 30), 30)):
            own = received.samples[use * per_use : (use + 1) * per_use]
            energies.append(sum(float(y) ** 2 for y in own))
        above = sum(energies) / len(energies) - 0.5
        gain = math.sqrt(max(above, 0.5 / (per_use * len(energies))) / 4.0)
        expected += [gain] * len(energies)
    np.testing.assert_allclose(estimated_gains(received, 4.0), expected, rtol=1e-12)


def test_without_gains_there_is_no_fading() -> None:
    assert known_gains(signal(Mode.QPSK, 5)).tolist() == [1.0] * 5


def test_gains_that_came_are_taken() -> None:
    gains = np.array([0.5, 2.0], dtype=np.float32)
    received = signal(Mode.QPSK, 5, gains=gains, fading_block_uses=3)
    assert known_gains(received).tolist() == [0.5, 0.5, 0.5, 2.0, 2.0]
