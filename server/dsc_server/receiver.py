"""The receiver: received signals → the packet they carry. `hard` is the paper's: each bit by its sign."""

from collections.abc import Sequence
from dataclasses import dataclass

from dsc_common.demodulation import hard_bytes
from dsc_common.link import ReceivedSignal
from dsc_common.packet import Packet, PacketFormat, head_check_ok, unpack


@dataclass(frozen=True)
class Reception:
    """What the receiver read, and whether the head's check bits agree with its labels."""

    packet: Packet
    head_check_ok: bool


def receive_hard(signals: Sequence[ReceivedSignal], fmt: PacketFormat) -> Reception:
    """Hard decisions on every bit.

    Args:
        signals: what arrived of one packet, each transmission by itself.
        fmt: the packet's shape.

    Raises:
        InvalidInputError: the signals are not those of such a packet.
    """
    data = hard_bytes(signals, fmt)
    return Reception(unpack(data, fmt), head_check_ok(data, fmt))
