"""Log-likelihood ratios mean what they say: of bits with P(wrong) = p, the share p is wrong."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from dsc_channel.transmission import transmit
from dsc_common.packet.bits import bits_from_bytes
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.radio.demodulation import soft_bits
from dsc_common.radio.fec import Fec
from dsc_common.radio.link import Fading, LinkSettings
from dsc_common.radio.modes import Mode

NUMBERS = 2_500
FMT = PacketFormat(num_partitions=1, head_labels=1, payload=Payload.FEATURE, payload_dim=NUMBERS)
DATA = np.random.default_rng(2).bytes(4 * NUMBERS)
BITS = bits_from_bytes(DATA)
BINS = 10
SNRS_DB = {
    Mode.BPSK: 0.0,
    Mode.QPSK: 3.0,
    Mode.QAM16: 9.0,
    Mode.QAM64: 14.0,
    Mode.QAM256: 19.0,
    Mode.PAM256: 30.0,
    Mode.INTEGER: -5.0,
}


def bins(llrs: NDArray[np.float64], bits: NDArray[np.uint8]) -> list[tuple[float, float, float]]:
    """Equally filled bins of certainty: mean P(wrong), share of wrong bits, standard error of the share."""
    wrong = (llrs < 0) != bits
    likely = 1 / (1 + np.exp(np.abs(llrs)))
    cells = np.array_split(np.argsort(np.abs(llrs), kind="stable"), BINS)
    return [
        (
            float(likely[cell].mean()),
            float(wrong[cell].mean()),
            math.sqrt(float((likely[cell] * (1 - likely[cell])).sum())) / cell.size,
        )
        for cell in cells
    ]


def assert_calibrated(llrs: NDArray[np.float64], bits: NDArray[np.uint8], slack: float = 0.0) -> None:
    """Each bin within 4 standard errors, and a share of `slack` where the model is not exact."""
    for expected, share, error in bins(llrs, bits):
        assert abs(share - expected) < 4 * error + slack * expected + 1 / (llrs.size / BINS)


@pytest.mark.parametrize(("mode", "snr_db"), SNRS_DB.items())
def test_over_white_noise(mode: Mode, snr_db: float) -> None:
    llrs = soft_bits([transmit(DATA, FMT, LinkSettings(mode, snr_db), "cal")], FMT)
    assert_calibrated(llrs, BITS)
    assert any(share > 0.02 for _, share, _ in bins(llrs, BITS))


@pytest.mark.parametrize("fading", [Fading.RAYLEIGH, Fading.RICIAN])
@pytest.mark.parametrize(("mode", "snr_db"), SNRS_DB.items())
def test_over_fading_that_the_receiver_knows(mode: Mode, snr_db: float, fading: Fading) -> None:
    link = LinkSettings(mode, snr_db + 3, fading=fading, fading_block_uses=20)
    assert_calibrated(soft_bits([transmit(DATA, FMT, link, "cal")], FMT), BITS)


@pytest.mark.parametrize(("mode", "snr_db"), [(Mode.BPSK, 3.0), (Mode.QPSK, 6.0), (Mode.QAM16, 12.0)])
def test_over_fading_that_it_estimates_over_long_blocks(mode: Mode, snr_db: float) -> None:
    link = LinkSettings(mode, snr_db, fading=Fading.RAYLEIGH, fading_block_uses=400, channel_knowledge=False)
    assert_calibrated(soft_bits([transmit(DATA, FMT, link, "cal")], FMT), BITS, slack=0.1)


def test_of_several_transmissions_together() -> None:
    link = LinkSettings(Mode.QAM16, 5.0, fading=Fading.RAYLEIGH, fading_block_uses=50)
    signals = [transmit(DATA, FMT, link, "cal", attempt) for attempt in range(3)]
    assert_calibrated(soft_bits(signals, FMT), BITS)


def test_of_repetition() -> None:
    fmt = PacketFormat()
    link = LinkSettings(Mode.QPSK, -3.0, fec=Fec.REPETITION, uses=400)
    sent, llrs = [], []
    for number in range(150):
        data = np.random.default_rng(number).bytes(47)
        sent.append(bits_from_bytes(data))
        llrs.append(soft_bits([transmit(data, fmt, link, f"{number}")], fmt))
    assert_calibrated(np.concatenate(llrs), np.concatenate(sent))
