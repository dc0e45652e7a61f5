"""A packet over the air: modulate, add white Gaussian noise (eq. 7), and say what became of it."""

import math
from collections.abc import Sequence

import numpy as np

from dsc_common.bits import bits_from_bytes
from dsc_common.link import NOISE_VARIANCE_FLOOR, LinkReport, LinkSettings, ReceivedSignal
from dsc_common.modulation import bpsk_demodulate, bpsk_modulate
from dsc_common.packet import PacketFormat, unpack
from dsc_common.randomness import keyed_rng

SIGNAL_POWER = 1.0


def noise_variance(snr_db: float) -> float:
    """σ² = P / SNR per real channel use, with P = 1; 0 at +inf dB."""
    return 0.0 if snr_db == math.inf else SIGNAL_POWER * 10.0 ** (-snr_db / 10.0)


def transmit(data: bytes, link: LinkSettings, request_id: str) -> ReceivedSignal:
    """y = x + n, n ~ N(0, σ² I) (eq. 7); the noise is keyed on (seed, request id).

    Args:
        data: n bytes of a packet.
        link: mode, SNR and seed.
        request_id: any text.

    Returns:
        The received signal, 8 n samples by BPSK; at +inf dB the samples are the symbols themselves.
    """
    symbols = bpsk_modulate(data)
    variance = noise_variance(link.snr_db)
    noise = keyed_rng(link.seed, request_id).standard_normal(symbols.size)
    samples = (symbols + math.sqrt(variance) * noise).astype(np.float32)
    return ReceivedSignal(link.mode, samples, max(variance, NOISE_VARIANCE_FLOOR))


def report(
    data: bytes, fmt: PacketFormat, link: LinkSettings, signal: ReceivedSignal, head_read: Sequence[int]
) -> LinkReport:
    """What became of a packet: what was sent against what arrived.

    Args:
        data: the packet that was sent.
        fmt: its shape.
        link: how it was sent.
        signal: what arrived.
        head_read: the labels that the server read from it.
    """
    received = bpsk_demodulate(signal.samples)
    return LinkReport(
        mode=link.mode,
        snr_db=link.snr_db,
        seed=link.seed,
        channel_uses=signal.samples.size,
        energy=float(np.sum(bpsk_modulate(data) ** 2)),
        bit_errors=int(np.count_nonzero(bits_from_bytes(received) != bits_from_bytes(data))),
        head_ok=unpack(data, fmt).labels.tolist() == list(head_read),
    )
