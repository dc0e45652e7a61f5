"""The receiver: a received signal → the packet it carries. `hard` is the paper's: each bit by its sign."""

from dataclasses import dataclass

from dsc_common.errors import InvalidInputError
from dsc_common.link import ReceivedSignal
from dsc_common.modulation import bpsk_demodulate
from dsc_common.packet import Packet, PacketFormat, head_check_ok, unpack


@dataclass(frozen=True)
class Reception:
    """What the receiver read, and whether the head's check bits agree with its labels."""

    packet: Packet
    head_check_ok: bool


def receive_hard(signal: ReceivedSignal, fmt: PacketFormat) -> Reception:
    """Hard decisions on every bit.

    Raises:
        InvalidInputError: the number of samples is not that of a packet.
    """
    uses = 8 * fmt.packet_bytes
    if signal.samples.size != uses:
        raise InvalidInputError(
            f"expected {uses} samples for a packet of {fmt.packet_bytes} bytes by {signal.mode}, "
            f"got {signal.samples.size}"
        )
    data = bpsk_demodulate(signal.samples)
    return Reception(unpack(data, fmt), head_check_ok(data, fmt))
