"""A packet over the air (eq. 7): modulate, fade, and add white Gaussian noise."""

import json
import math

import numpy as np
from numpy.typing import NDArray

from dsc_channel.fading import draw_gains
from dsc_channel.modulator import modulate
from dsc_common.packet.format import PacketFormat
from dsc_common.radio.gains import count_blocks, spread
from dsc_common.radio.link import NOISE_VARIANCE_FLOOR, Fading, HeadProtection, LinkSettings, ReceivedSignal
from dsc_common.radio.modes import SPECS
from dsc_common.randomness import keyed_rng
from dsc_common.spans import span

SIGNAL_POWER = 1.0


def noise_variance(snr_db: float) -> float:
    """σ² = P / SNR per channel use, with P = 1; 0 at +inf dB."""
    return 0.0 if snr_db == math.inf else SIGNAL_POWER * 10.0 ** (-snr_db / 10.0)


@span("transmit")
def transmit(
    data: bytes, fmt: PacketFormat, link: LinkSettings, request_id: str, attempt: int = 0
) -> ReceivedSignal:
    """y = |h| x + n, n ~ N(0, σ² I) (eq. 7); σ²/2 per dimension of complex uses.

    Args:
        data: bytes of a packet.
        fmt: shape of the packet.
        link: settings of the link.
        request_id: any text; noise and fading are keyed on (seed, request id, attempt).
        attempt: index of the transmission of this packet, from 0.

    Returns:
        The received signal; at +inf dB without fading its samples are the amplitudes themselves.

    Raises:
        InvalidInputError: the packet does not fit mode and uses.
    """
    x = modulate(data, fmt, link)
    per_use = SPECS[link.mode].samples_per_use
    uses = x.size // per_use
    gains = _gains(link, uses, request_id, attempt)
    variance = noise_variance(link.snr_db)
    noise = _noise_rng(link.seed, request_id, attempt).standard_normal(x.size)
    faded = np.repeat(spread(gains, uses, link.fading_block_uses), per_use) * x
    fades = link.fading is not Fading.NONE
    return ReceivedSignal(
        link.mode,
        (faded + math.sqrt(variance / per_use) * noise).astype(np.float32),
        max(variance, NOISE_VARIANCE_FLOOR),
        fec=link.fec,
        gains=gains if fades and link.channel_knowledge else gains[:0],
        fading_block_uses=link.fading_block_uses if fades else 0,
        estimate_gains=fades and not link.channel_knowledge,
        genie=_genie(data, fmt, link),
        noise_key=json.dumps([link.seed, request_id, attempt]) if not SPECS[link.mode].physical else "",
    )


def _noise_rng(seed: int, request_id: str, attempt: int) -> np.random.Generator:
    return keyed_rng(seed, request_id, "noise", attempt) if attempt else keyed_rng(seed, request_id)


def _gains(link: LinkSettings, uses: int, request_id: str, attempt: int) -> NDArray[np.float32]:
    blocks = count_blocks(uses, link.fading_block_uses)
    return draw_gains(link, blocks, lambda: keyed_rng(link.seed, request_id, "fading", attempt))


def _genie(data: bytes, fmt: PacketFormat, link: LinkSettings) -> bytes:
    """Bytes that reach the receiver without errors, beside the radio."""
    if not SPECS[link.mode].physical:
        return data
    return data[: fmt.head_bytes] if link.head_protection is HeadProtection.IDEAL else b""
