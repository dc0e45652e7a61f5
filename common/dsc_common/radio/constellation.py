"""Bits to amplitudes and back to log-likelihood ratios, for any labelled set of levels.

A mode has a set of real levels; b bits, read as a number with the most significant bit first, select a level.
Square QAM has the same set on both axes: the 1st, 3rd, … bits of a symbol select I, the 2nd, 4th, … bits Q
(3GPP TS 38.211, 5.1). I and Q can therefore be demapped separately without loss.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from dsc_common.packet.bits import bits_from_numbers, numbers_from_bits
from dsc_common.radio.modes import SPECS, Mode

LLR_LIMIT = 100.0


@dataclass(frozen=True, eq=False)
class Constellation:
    """The levels of one axis, and the number of axes of a channel use.

    Attributes:
        levels: (2^b,) float64, the amplitude for each number of b bits.
        axes: 1 (real uses), or 2 (I and Q).
    """

    levels: NDArray[np.float64]
    axes: int

    @property
    def bits_per_axis(self) -> int:
        """b: bits per level."""
        return self.levels.size.bit_length() - 1

    @property
    def bits_per_use(self) -> int:
        """Bits per symbol."""
        return self.axes * self.bits_per_axis

    @cached_property
    def halves(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """For each bit: the numbers of the levels with a 0 there, and of those with a 1; (2^b / 2,) each."""
        bits = bits_from_numbers(np.arange(self.levels.size), self.bits_per_axis)
        by_level = bits.reshape(self.levels.size, -1)
        return [(np.flatnonzero(bit == 0), np.flatnonzero(bit)) for bit in by_level.T]

    @property
    def power(self) -> float:
        """Mean energy of a channel use with equally likely symbols."""
        return self.axes * float(np.mean(self.levels**2))


def gray_levels(bits: int) -> NDArray[np.float64]:
    """(2^bits,) float64: odd integers, neighbours one bit apart; the first bit is the sign, 0 is plus.

    For three bits (1 - 2 b₁) [4 - (1 - 2 b₂) [2 - (1 - 2 b₃)]], as in TS 38.211.
    """
    signs = 1.0 - 2.0 * bits_from_numbers(np.arange(1 << bits), bits).reshape(-1, bits)
    levels = np.ones(1 << bits)
    for place in range(bits - 1, 0, -1):
        levels = (1 << (bits - place)) - signs[:, place] * levels
    return signs[:, 0] * levels


@cache
def constellation_of(mode: Mode) -> Constellation:
    """The constellation of a mode's digital part: unit average power, except for `integer`."""
    spec = SPECS[mode]
    axes = spec.samples_per_use
    if mode is Mode.INTEGER:
        return Constellation(np.arange(256.0), axes)
    natural = np.arange(256.0) - 127.5
    levels = natural if mode is Mode.PAM256 else gray_levels(spec.bits_per_use // axes)
    return Constellation(levels / np.sqrt(axes * np.mean(levels**2)), axes)


def map_bits(bits: NDArray[np.uint8], constellation: Constellation) -> NDArray[np.float64]:
    """(n · bits_per_use,) bits → (n · axes,) float64 amplitudes, I and Q in turn."""
    axes, width = constellation.axes, constellation.bits_per_axis
    by_axis = bits.reshape(-1, width, axes).transpose(0, 2, 1)
    return constellation.levels[numbers_from_bits(by_axis.reshape(-1), width)]


def demap(
    samples: NDArray[np.floating],
    gains: NDArray[np.float64],
    variance: float,
    constellation: Constellation,
) -> NDArray[np.float64]:
    """Samples → log P(bit = 0) / P(bit = 1), exactly (log-sum-exp), all levels equally likely.

    Args:
        samples: (n · axes,) y = g x + n per axis.
        gains: (n · axes,) g ≥ 0 of each sample.
        variance: noise variance per axis, above zero.
        constellation: the constellation of x.

    Returns:
        (n · bits_per_use,) float64 within ±LLR_LIMIT, in the order of the bits.
    """
    if constellation.bits_per_axis == 1:
        llrs = _demap_pair(samples, gains, constellation.levels) / variance
    else:
        llrs = _demap_axes(samples, gains, variance, constellation)
    return np.minimum(np.maximum(llrs, -LLR_LIMIT), LLR_LIMIT)


def _demap_pair(
    samples: NDArray[np.floating], gains: NDArray[np.float64], levels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """σ² LLR of two levels, g (a₀ - a₁) y - g² (a₀² - a₁²)/2; of ±a, it has exactly the sign of y."""
    zero, one = levels.tolist()
    llrs: NDArray[np.float64] = gains * (zero - one) * samples
    return llrs if zero == -one else llrs - gains**2 * ((zero**2 - one**2) / 2)


def _demap_axes(
    samples: NDArray[np.floating], gains: NDArray[np.float64], variance: float, constellation: Constellation
) -> NDArray[np.float64]:
    """The LLR of each bit: the likelihood of half of the levels against that of the others."""
    levels, width = constellation.levels, constellation.bits_per_axis
    amplitudes = gains[:, None] * levels
    # -(y - g a)²/2 without a term that all levels share.
    shared = gains * levels[0]
    metrics = amplitudes * samples.astype(np.float64)[:, None] - (amplitudes**2 - (shared**2)[:, None]) / 2
    metrics /= variance
    by_axis = np.stack(
        [
            _log_sum_exp(metrics.take(zero, axis=1)) - _log_sum_exp(metrics.take(one, axis=1))
            for zero, one in constellation.halves
        ],
        axis=1,
    )
    return by_axis.reshape(-1, constellation.axes, width).transpose(0, 2, 1).reshape(-1)


def _log_sum_exp(metrics: NDArray[np.float64]) -> NDArray[np.float64]:
    top = metrics.max(axis=1)
    total: NDArray[np.float64] = top + np.log(np.exp(metrics - top[:, None]).sum(axis=1))
    return total
