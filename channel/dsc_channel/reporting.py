"""The link report: received signals compared with the transmitted packet."""

from collections.abc import Sequence

import numpy as np

from dsc_channel.modulator import modulate
from dsc_common.packet.bits import bits_from_bytes
from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import unpack
from dsc_common.radio.demodulation import soft_bits
from dsc_common.radio.framing import frame_of
from dsc_common.radio.link import HeadProtection, LinkReport, LinkSettings, ReceivedSignal
from dsc_common.radio.modes import SPECS
from dsc_common.spans import span


@span("report")
def report(
    data: bytes,
    fmt: PacketFormat,
    link: LinkSettings,
    signals: Sequence[ReceivedSignal],
    head_read: Sequence[int],
    transmissions: int | None = None,
) -> LinkReport:
    """Compare the received signals with the transmitted packet.

    Args:
        data: the transmitted packet.
        fmt: shape of the packet.
        link: settings of the link.
        signals: one received signal per transmission that arrived; none if all were lost.
        head_read: labels that the server decoded.
        transmissions: number of transmissions; by default the number of signals.
    """
    times = len(signals) if transmissions is None else transmissions
    spec, frame = SPECS[link.mode], frame_of(fmt, link.mode, link.fec, link.uses)
    sent_bits = bits_from_bytes(data)[: frame.bits]
    wrong = np.count_nonzero((soft_bits(signals, fmt) < 0) != sent_bits) if signals else 0
    return LinkReport(
        mode=link.mode,
        snr_db=link.snr_db,
        seed=link.seed,
        channel_uses=times * frame.uses,
        energy=times * float(np.sum(modulate(data, fmt, link) ** 2)),
        bit_errors=int(wrong),
        head_ok=unpack(data, fmt).labels.tolist() == list(head_read),
        bits_sent=frame.bits,
        snr_definition=spec.snr_definition,
        complex_uses=spec.complex_uses,
        fec=link.fec,
        uses=frame.uses,
        fading=link.fading,
        channel_knowledge=link.channel_knowledge,
        genie=link.head_protection is HeadProtection.IDEAL or not spec.physical,
        transmissions=times,
        lost=times - len(signals),
        erased=not signals,
    )
