"""Bit error rates of every digital mode, with and without fading, against closed forms and integrals."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from dsc_channel.transmission import transmit
from dsc_common.packet.bits import bits_from_bytes, bits_from_numbers
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.radio.constellation import constellation_of
from dsc_common.radio.demodulation import soft_bits
from dsc_common.radio.link import Fading, LinkSettings, ReceivedSignal
from dsc_common.radio.modes import SPECS, Mode

NUMBERS = 2_500
FMT = PacketFormat(num_partitions=1, head_labels=1, payload=Payload.FEATURE, payload_dim=NUMBERS)
DATA = np.random.default_rng(1).bytes(4 * NUMBERS)
BITS = bits_from_bytes(DATA)
RANGES_DB = {
    Mode.BPSK: (-10, -5, 0, 5, 9),
    Mode.QPSK: (-10, -5, 0, 5, 9, 12),
    Mode.QAM16: (-10, -5, 0, 5, 10, 15, 18),
    Mode.QAM64: (-10, 0, 5, 10, 15, 20, 24),
    Mode.QAM256: (-10, 0, 10, 15, 20, 25, 30),
    Mode.PAM256: (-10, 0, 10, 20, 30, 40, 50),
    Mode.INTEGER: (-40, -30, -20, -10, 0, 6, 12),
}
POINTS = [(mode, float(snr_db)) for mode, snrs in RANGES_DB.items() for snr_db in snrs]


def q_function(x: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """P(N(0, 1) > x)."""
    return np.vectorize(lambda value: 0.5 * math.erfc(value / math.sqrt(2)))(x)


@cache
def received(link: LinkSettings) -> ReceivedSignal:
    return transmit(DATA, FMT, link, "BER")


def agrees(wrong: NDArray[np.bool_], expected: float, per_symbol: int) -> bool:
    """Within 3 standard errors, where the bits of a symbol go wrong together."""
    whole = wrong[: wrong.size // per_symbol * per_symbol].reshape(-1, per_symbol).mean(axis=1)
    independent = math.sqrt(expected * (1 - expected) / wrong.size)
    error = max(float(whole.std()) / math.sqrt(whole.size), independent)
    return abs(wrong.mean() - expected) < 3 * error


def bayes_error(mode: Mode, variance: float) -> float:
    """Mean over the bits of an axis of ½ ∫ min(p(y | 0), p(y | 1)) dy: no receiver is better."""
    constellation = constellation_of(mode)
    levels, width, sigma = constellation.levels, constellation.bits_per_axis, math.sqrt(variance)
    step = min(sigma / 20, float(np.diff(np.sort(levels)).min()) / 20)
    y = np.arange(levels.min() - 8 * sigma, levels.max() + 8 * sigma, step)
    bits = bits_from_numbers(np.arange(levels.size), width).reshape(-1, width)
    given = np.zeros((width, 2, y.size))
    for level, word in zip(levels, bits, strict=True):
        density = np.exp(-((y - level) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
        for place, bit in enumerate(word):
            given[place, bit] += density / (levels.size / 2)
    return float(np.mean([0.5 * step * np.minimum(zero, one).sum() for zero, one in given]))


@pytest.mark.parametrize(("mode", "snr_db"), POINTS)
def test_bits_go_wrong_as_often_as_they_must(mode: Mode, snr_db: float) -> None:
    signal = received(LinkSettings(mode, snr_db))
    wrong = (soft_bits([signal], FMT) < 0) != BITS
    expected = bayes_error(mode, signal.noise_variance / SPECS[mode].samples_per_use)
    assert agrees(wrong, expected, SPECS[mode].bits_per_use)


def qam_bit_error_rate(m: int, es_over_n0: float) -> float:
    """Gray M-QAM by nearest symbol (Cho and Yoon, IEEE Trans. Commun. 50 (7), 2002, eqs. 14 and 16)."""
    side, total = math.isqrt(m), 0.0
    bits = int(math.log2(side))
    for k in range(1, bits + 1):
        for i in range(int((1 - 2.0**-k) * side)):
            sign = -1 if (i * 2 ** (k - 1) // side) % 2 else 1
            weight = 2 ** (k - 1) - math.floor(i * 2 ** (k - 1) / side + 0.5)
            total += sign * weight * math.erfc((2 * i + 1) * math.sqrt(3 * es_over_n0 / (2 * (m - 1)))) / side
    return total / bits


def nearest(signal: ReceivedSignal) -> NDArray[np.int64]:
    """(samples,) int64: the number of the level nearest to each sample."""
    levels = constellation_of(signal.mode).levels
    order = np.argsort(levels)
    edges = (levels[order][1:] + levels[order][:-1]) / 2
    return order[np.searchsorted(edges, signal.samples)]


@pytest.mark.parametrize(
    ("mode", "snr_db"),
    [point for point in POINTS if point[0] in {Mode.QPSK, Mode.QAM16, Mode.QAM64, Mode.QAM256}],
)
def test_qam_by_nearest_symbol_is_that_of_the_literature(mode: Mode, snr_db: float) -> None:
    constellation = constellation_of(mode)
    width = constellation.bits_per_axis
    numbers = nearest(received(LinkSettings(mode, snr_db))).reshape(-1, 2)
    bits = bits_from_numbers(numbers.reshape(-1), width).reshape(-1, 2, width).transpose(0, 2, 1).reshape(-1)
    wrong = bits[: BITS.size] != BITS
    expected = qam_bit_error_rate(1 << SPECS[mode].bits_per_use, 10 ** (snr_db / 10))
    assert agrees(wrong, expected, SPECS[mode].bits_per_use)


@pytest.mark.parametrize(
    ("mode", "snr_db"), [point for point in POINTS if point[0] in {Mode.PAM256, Mode.INTEGER}]
)
def test_bytes_go_wrong_as_the_closed_form_says(mode: Mode, snr_db: float) -> None:
    wrong = nearest(received(LinkSettings(mode, snr_db))) != np.frombuffer(DATA, dtype=np.uint8)
    half_step = 0.5 if mode is Mode.INTEGER else 0.5 / math.sqrt((256**2 - 1) / 12)
    expected = 2 * 255 / 256 * float(q_function(half_step * math.sqrt(10 ** (snr_db / 10))))
    assert agrees(wrong, expected, 1)


def rayleigh(snr: float) -> float:
    """BPSK, |h| known: ½ (1 - √(γ / (1 + γ))) with γ = Es/N0 = P / 2σ² on average."""
    return 0.5 * (1 - math.sqrt(snr / 2 / (1 + snr / 2)))


def rician(k: float) -> Callable[[float], float]:
    """BPSK, 1/π ∫ M(-1/sin²θ) dθ over 0..π/2, M the moments of γ (Simon and Alouini, 2000, table 2.2)."""

    def rate(snr: float) -> float:
        cells = 200_000
        theta = (np.arange(cells) + 0.5) * math.pi / 2 / cells
        s = snr / 2 / np.sin(theta) ** 2
        moments = (1 + k) / (1 + k + s) * np.exp(-k * s / (1 + k + s))
        return float(moments.mean() / 2)

    return rate


FADINGS = [
    (Fading.RAYLEIGH, 6.0, rayleigh),
    (Fading.RICIAN, 6.0, rician(10**0.6)),
    (Fading.RICIAN, -60.0, rayleigh),
    (Fading.RICIAN, 60.0, lambda snr: float(q_function(math.sqrt(snr)))),
]


def fading_link(fading: Fading, k_db: float, snr_db: float) -> LinkSettings:
    return LinkSettings(Mode.BPSK, snr_db, fading=fading, rician_k_db=k_db, fading_block_uses=1)


@pytest.mark.parametrize("snr_db", [-10, 0, 10, 20])
@pytest.mark.parametrize(("fading", "k_db", "closed_form"), FADINGS)
def test_bpsk_over_fading(
    fading: Fading, k_db: float, closed_form: Callable[[float], float], snr_db: int
) -> None:
    link = fading_link(fading, k_db, snr_db)
    wrong = (soft_bits([received(link)], FMT) < 0) != BITS
    expected = closed_form(10 ** (snr_db / 10))
    assert (
        abs(wrong.mean() - expected) < 3 * math.sqrt(expected * (1 - expected) / wrong.size) + 1 / wrong.size
    )


@pytest.mark.parametrize("snr_db", [-10, 0, 10, 20])
@pytest.mark.parametrize(("fading", "k_db"), [(fading, k_db) for fading, k_db, _ in FADINGS])
def test_knowing_the_gain_changes_the_certainty_of_a_bit_and_not_its_sign(
    fading: Fading, k_db: float, snr_db: int
) -> None:
    # So the error rate above is also that of a receiver which estimates the gains.
    fmt = PacketFormat(num_partitions=1, head_labels=1, payload=Payload.FEATURE, payload_dim=500)
    link = fading_link(fading, k_db, snr_db)
    known = transmit(DATA[:2000], fmt, link, "BER")
    blind = transmit(DATA[:2000], fmt, replace(link, channel_knowledge=False), "BER")
    assert blind.estimate_gains
    assert not blind.gains.size
    assert blind.samples.tobytes() == known.samples.tobytes()
    found, expected = soft_bits([blind], fmt), soft_bits([known], fmt)
    assert np.sign(found).tolist() == np.sign(expected).tolist()
    assert not np.array_equal(found, expected)


@pytest.mark.parametrize("fading", [Fading.RAYLEIGH, Fading.RICIAN])
def test_gains_are_those_of_the_law(fading: Fading) -> None:
    k = 10**0.3 if fading is Fading.RICIAN else 0.0
    link = LinkSettings(snr_db=0.0, fading=fading, rician_k_db=3.0, fading_block_uses=1, seed=2)
    power = transmit(DATA, FMT, link, "h").gains.astype(np.float64) ** 2
    assert abs(power.mean() - 1) < 3 * power.std() / math.sqrt(power.size)
    variance = (1 + 2 * k) / (1 + k) ** 2  # of |h|², a noncentral χ² of two degrees
    spread = ((power - 1) ** 2).std() / math.sqrt(power.size)
    assert abs(power.var() - variance) < 4 * spread
    if fading is Fading.RAYLEIGH:
        for beyond in (0.1, 1.0, 3.0):
            share = math.exp(-beyond)
            assert abs((power > beyond).mean() - share) < 3 * math.sqrt(share * (1 - share) / power.size)


def test_a_block_has_one_gain_and_its_neighbour_another() -> None:
    link = LinkSettings(Mode.QPSK, math.inf, fading=Fading.RAYLEIGH, fading_block_uses=100)
    signal = transmit(bytes(47), PacketFormat(), link, "blocks")
    assert signal.gains.size == 2  # 188 uses
    amplitudes = signal.samples.reshape(-1, 2)
    expected = np.repeat(signal.gains, [100, 88])[:, None] / math.sqrt(2)
    np.testing.assert_allclose(amplitudes, np.broadcast_to(expected, (188, 2)), rtol=1e-6)
    assert signal.gains[0] != signal.gains[1]


def test_each_transmission_fades_by_itself_and_the_noise_stays_what_it_is() -> None:
    link = LinkSettings(snr_db=0.0, fading=Fading.RAYLEIGH)
    fmt, data = PacketFormat(), bytes(47)
    first, second = (transmit(data, fmt, link, "r", attempt) for attempt in (0, 1))
    assert first.gains[0] != second.gains[0]
    assert transmit(data, fmt, link, "r", 1).gains[0] == second.gains[0]
    plain = transmit(data, fmt, LinkSettings(snr_db=0.0), "r")
    np.testing.assert_allclose(first.samples - first.gains[0], plain.samples - 1, atol=1e-5)
