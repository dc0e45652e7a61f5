"""Packets by hard decisions: what a radio delivers, without any receiver."""

from collections.abc import Sequence

import numpy as np

from dsc_common.packet.format import PacketFormat
from dsc_common.radio.demodulation import received_feature, soft_bits
from dsc_common.radio.link import ReceivedSignal
from dsc_common.radio.modes import SPECS


def hard_bytes(signals: Sequence[ReceivedSignal], fmt: PacketFormat) -> bytes:
    """Each bit by its sign, 0 counting as bit 0; the feature as it arrived."""
    digital = np.packbits(soft_bits(signals, fmt) < 0).tobytes()
    if not SPECS[signals[0].mode].sends_feature:
        return digital
    return digital + received_feature(signals, fmt).astype("<f4").tobytes()
