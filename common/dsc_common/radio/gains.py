"""The gain |h| that the receiver uses for each channel use: known, or estimated from the samples."""

import math

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.radio.link import ReceivedSignal
from dsc_common.radio.modes import SPECS


def block_size(uses: int, fading_block_uses: int) -> int:
    """Channel uses of a fading block in a transmission of `uses`; at least 1."""
    return max(1, min(fading_block_uses or uses, uses))


def count_blocks(uses: int, fading_block_uses: int) -> int:
    """Number of fading blocks of a transmission; the last may be shorter."""
    return max(1, -(-uses // block_size(uses, fading_block_uses)))


def spread(per_block: NDArray[np.floating], uses: int, fading_block_uses: int) -> NDArray[np.float64]:
    """(blocks,) → (uses,) float64: each block's value at each of its channel uses."""
    return np.repeat(per_block.astype(np.float64), block_size(uses, fading_block_uses))[:uses]


def known_gains(signal: ReceivedSignal) -> NDArray[np.float64]:
    """(uses,) float64 |h| as stated in the signal; 1 where it states none.

    Raises:
        InvalidInputError: the number of gains is not the number of fading blocks.
    """
    if not signal.gains.size:
        return np.ones(signal.uses)
    blocks = count_blocks(signal.uses, signal.fading_block_uses)
    if signal.estimate_gains or signal.gains.size != blocks:
        expected = 0 if signal.estimate_gains else blocks
        raise InvalidInputError(f"expected {expected} gains, got {signal.gains.size}")
    return spread(signal.gains, signal.uses, signal.fading_block_uses)


def estimated_gains(signal: ReceivedSignal, power: float) -> NDArray[np.float64]:
    """(uses,) float64: |h|² = (mean |y|² - σ²) / P over each block, floored at σ²/n of its n samples.

    With the floor, the sign of each sample still carries information.

    Args:
        signal: its samples carry symbols of a constellation.
        power: P, the constellation's mean energy per use.
    """
    energies = (signal.samples.astype(np.float64) ** 2).reshape(signal.uses, -1).sum(axis=1)
    size = block_size(signal.uses, signal.fading_block_uses)
    gains = []
    for start in range(0, signal.uses, size):
        block = energies[start : start + size]
        least = signal.noise_variance / (block.size * SPECS[signal.mode].samples_per_use)
        gains.append(math.sqrt(max(float(block.mean()) - signal.noise_variance, least) / power))
    return spread(np.array(gains), signal.uses, signal.fading_block_uses)
