"""Constellations by hand, by Gray's rule, and against sionna; log-likelihood ratios against a plain loop."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.packet.bits import bits_from_bytes
from dsc_common.radio.constellation import LLR_LIMIT, Constellation, constellation_of, demap, map_bits
from dsc_common.radio.modes import SPECS, Mode
from helpers.bpsk import bpsk_modulate

DIGITAL = [Mode.BPSK, Mode.QPSK, Mode.QAM16, Mode.QAM64, Mode.QAM256, Mode.PAM256, Mode.INTEGER]
QAM = [Mode.QPSK, Mode.QAM16, Mode.QAM64, Mode.QAM256]


def bits(text: str) -> NDArray[np.uint8]:
    return np.array([int(bit) for bit in text.replace(" ", "")], dtype=np.uint8)


# Worked by hand from the formulas of 3GPP TS 38.211, 5.1.3 to 5.1.6.
@pytest.mark.parametrize(
    ("mode", "sent", "scale", "symbol"),
    [
        (Mode.QPSK, "00", 2, (1, 1)),
        (Mode.QPSK, "01", 2, (1, -1)),
        (Mode.QPSK, "10", 2, (-1, 1)),
        (Mode.QAM16, "0000", 10, (1, 1)),
        (Mode.QAM16, "0111", 10, (3, -3)),
        (Mode.QAM16, "1001", 10, (-1, 3)),
        (Mode.QAM64, "000000", 42, (3, 3)),
        (Mode.QAM64, "001011", 42, (7, 1)),
        (Mode.QAM64, "100110", 42, (-1, 5)),
        (Mode.QAM256, "00000000", 170, (5, 5)),
        (Mode.QAM256, "01101101", 170, (13, -1)),
        (Mode.QAM256, "11000011", 170, (-7, -7)),
    ],
)
def test_symbols_by_hand(mode: Mode, sent: str, scale: int, symbol: tuple[int, int]) -> None:
    samples = map_bits(bits(sent), constellation_of(mode))
    np.testing.assert_allclose(samples * math.sqrt(scale), symbol, atol=1e-12)


def test_amplitudes_of_bytes_by_hand() -> None:
    data = bits_from_bytes(bytes([0, 1, 127, 128, 255]))
    assert map_bits(data, constellation_of(Mode.INTEGER)).tolist() == [0, 1, 127, 128, 255]
    # Mean square of 0.5, 1.5, …, 127.5: (256² - 1) / 12.
    unit = math.sqrt(65535 / 12)
    expected = np.array([-127.5, -126.5, -0.5, 0.5, 127.5]) / unit
    np.testing.assert_allclose(map_bits(data, constellation_of(Mode.PAM256)), expected, atol=1e-12)


@given(st.binary(max_size=40))
def test_bpsk_is_what_it_always_was(data: bytes) -> None:
    symbols = map_bits(bits_from_bytes(data), constellation_of(Mode.BPSK))
    assert symbols.tolist() == bpsk_modulate(data).tolist()


@pytest.mark.parametrize("mode", DIGITAL)
def test_the_mean_energy_of_a_use_is_one_but_for_integers(mode: Mode) -> None:
    expected = 255 * 511 / 6 if mode is Mode.INTEGER else 1.0
    assert constellation_of(mode).power == pytest.approx(expected, rel=1e-12)
    assert constellation_of(mode).bits_per_use == SPECS[mode].bits_per_use


@pytest.mark.parametrize("mode", [Mode.BPSK, *QAM])
def test_neighbours_differ_in_one_bit(mode: Mode) -> None:
    names = np.argsort(constellation_of(mode).levels).tolist()
    assert len(set(names)) == len(names)
    for left, right in itertools.pairwise(names):
        assert (left ^ right).bit_count() == 1
    gaps = np.diff(np.sort(constellation_of(mode).levels))
    np.testing.assert_allclose(gaps, gaps[0])


@pytest.mark.parametrize("mode", [Mode.PAM256, Mode.INTEGER])
def test_bytes_keep_their_order(mode: Mode) -> None:
    assert (np.diff(constellation_of(mode).levels) > 0).all()


def by_loop(
    sample: tuple[float, ...], gain: float, variance: float, constellation: Constellation
) -> list[float]:
    """Log-likelihood ratios of one use: over all symbols of I and Q together, in plain Python."""
    levels, width = constellation.levels.tolist(), constellation.bits_per_use
    likely: list[list[float]] = [[0.0, 0.0] for _ in range(width)]
    distances = []
    for number in range(1 << width):
        word = [number >> (width - 1 - place) & 1 for place in range(width)]
        distance = 0.0
        for axis, y in enumerate(sample):
            name = int("".join(str(bit) for bit in word[axis :: constellation.axes]), 2)
            distance += (y - gain * levels[name]) ** 2
        distances.append((word, distance / (2 * variance)))
    least = min(distance for _, distance in distances)
    for word, distance in distances:
        for place, bit in enumerate(word):
            likely[place][bit] += math.exp(least - distance)
    return [math.log(zero) - math.log(one) for zero, one in likely]


@pytest.mark.parametrize("mode", DIGITAL)
def test_the_demapper_agrees_with_a_loop(mode: Mode) -> None:
    constellation = constellation_of(mode)
    rng = np.random.default_rng(3)
    uses, spread = 6, math.sqrt(constellation.power)
    samples = rng.standard_normal(uses * constellation.axes) * spread
    gains = np.repeat(rng.rayleigh(size=uses), constellation.axes)
    variance = 0.1 * constellation.power
    llrs = demap(samples, gains, variance, constellation).reshape(uses, -1)
    for use in range(uses):
        own = slice(use * constellation.axes, (use + 1) * constellation.axes)
        expected = by_loop(tuple(samples[own].tolist()), float(gains[own][0]), variance, constellation)
        np.testing.assert_allclose(llrs[use], np.clip(expected, -LLR_LIMIT, LLR_LIMIT), atol=1e-9)


@pytest.mark.parametrize("mode", DIGITAL)
@given(data=st.binary(min_size=24, max_size=24), gain=st.floats(0.01, 100))
def test_without_noise_every_bit_is_certain(mode: Mode, data: bytes, gain: float) -> None:
    constellation = constellation_of(mode)
    sent = bits_from_bytes(data)
    samples = (gain * map_bits(sent, constellation)).astype(np.float32)
    llrs = demap(samples, np.full(samples.size, gain), 1e-12, constellation)
    assert (llrs == LLR_LIMIT * (1.0 - 2.0 * sent)).all()


@pytest.mark.parametrize("mode", DIGITAL)
@given(
    sample=st.floats(-3e38, 3e38),
    gain=st.floats(0, 3e38),
    variance=st.floats(1e-12, 1e300),
)
def test_whatever_arrives_the_ratios_are_finite(
    mode: Mode, sample: float, gain: float, variance: float
) -> None:
    constellation = constellation_of(mode)
    axes = constellation.axes
    llrs = demap(np.full(axes, sample), np.full(axes, gain), variance, constellation)
    assert np.isfinite(llrs).all()
    assert (np.abs(llrs) <= LLR_LIMIT).all()


@given(st.floats(-5, 5, allow_subnormal=False), st.floats(0.01, 10), st.floats(0.01, 3))
def test_bpsk_in_closed_form(sample: float, variance: float, gain: float) -> None:
    (llr,) = demap(np.array([sample]), np.array([gain]), variance, constellation_of(Mode.BPSK))
    assert llr == pytest.approx(np.clip(2 * gain * sample / variance, -LLR_LIMIT, LLR_LIMIT), rel=1e-12)


@pytest.mark.parametrize("mode", QAM)
def test_symbols_and_ratios_are_those_of_sionna(mode: Mode) -> None:
    mapping: Any = pytest.importorskip("sionna.phy.mapping")
    torch: Any = pytest.importorskip("torch")
    constellation = constellation_of(mode)
    width, uses = constellation.bits_per_use, 200
    rng = np.random.default_rng(5)
    sent = rng.integers(0, 2, uses * width, dtype=np.uint8)
    ours = map_bits(sent, constellation)
    mapper = mapping.Mapper("qam", width)
    theirs = mapper(torch.tensor(sent[None].astype(np.float32))).cpu().numpy()[0]
    np.testing.assert_allclose(ours[0::2] + 1j * ours[1::2], theirs, atol=1e-6)
    variance = 0.2
    noise = rng.standard_normal(ours.size) * math.sqrt(variance / 2)
    received = (ours + noise).astype(np.float32)
    y = torch.tensor((received[0::2] + 1j * received[1::2])[None].astype(np.complex64))
    demapper = mapping.Demapper("app", "qam", width)
    logits = demapper(y, torch.tensor(variance)).cpu().numpy()[0]  # log P(1) / P(0)
    llrs = demap(received, np.ones(received.size), variance / 2, constellation)
    np.testing.assert_allclose(llrs, -logits, rtol=1e-3, atol=1e-3)
