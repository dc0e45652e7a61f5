"""Whether a point of a curve is better than any channel code allows, by mistake or by design.

Two things are held against Shannon's bound of 1959 (`measures/limits.py`), in all real uses of a packet:
the bits of the packet, and the labels of the head. A complex use is two real ones at the same SNR: it has
half the power and half the noise in each dimension.
"""

from dsc_common.packet.format import PacketFormat
from dsc_common.radio.link import Fading, LinkSettings
from dsc_common.radio.modes import SPECS
from dsc_eval.measures.limits import beats


def beats_limit(
    fmt: PacketFormat,
    link: LinkSettings,
    uses: int,
    packet_error_rate: float | None,
    head_error_rate: float,
    trials: int,
) -> int | str:
    """1 where an error rate lies below the limit by more than chance, 0 where none does.

    Args:
        fmt: the packet's shape.
        link: how it was sent.
        uses: channel uses of a transmission, as the mode counts them.
        packet_error_rate: None of a mode that sends part of the packet uncoded.
        head_error_rate: of the head's labels.
        trials: packets.

    Returns:
        1 or 0; empty with fading, for which the limit is another one.
    """
    if link.fading is not Fading.NONE:
        return ""
    real_uses = uses * SPECS[link.mode].samples_per_use
    rates = [(head_error_rate, fmt.message_bits)]
    if packet_error_rate is not None:
        rates.append((packet_error_rate, 8 * fmt.packet_bytes))
    return int(any(_beats(rate, trials, bits, real_uses, link.snr_db) for rate, bits in rates if bits))


def _beats(rate: float, trials: int, bits: int, real_uses: int, snr_db: float) -> bool:
    if real_uses < 2:  # all but guessing is too good
        return rate < 1 - 2.0**-bits
    return beats(rate, trials, bits, real_uses, snr_db)
