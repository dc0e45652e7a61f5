"""Received signals of a packet → the decoded packet, with a receiver selected by name."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import PacketFormat
from dsc_common.radio.demodulation import received_feature, soft_bits
from dsc_common.radio.link import ReceivedSignal
from dsc_common.radio.modes import SPECS, Mode
from dsc_common.spans import span
from dsc_server.index.search_limits import DEFAULT_LIMITS, SearchLimits
from dsc_server.index.summary import DatabaseSummary
from dsc_server.receiving.decoded_packet import DecodedPacket, Observation
from dsc_server.receiving.joint import read_joint
from dsc_server.receiving.reconstruction_noise import add_feature_noise
from dsc_server.receiving.separate import read_hard, read_list, read_soft

RECEIVERS: dict[str, Callable[[DatabaseSummary, Observation, SearchLimits], DecodedPacket]] = {
    "hard": read_hard,
    "list": read_list,
    "soft": read_soft,
    "joint": read_joint,
}
DEFAULT_RECEIVER = "joint"
ALIASES = {"default": DEFAULT_RECEIVER}


def receiver_name(name: str | None) -> str:
    """Name of a receiver in `RECEIVERS`; None and `default` are the default receiver.

    Raises:
        InvalidInputError: no receiver has this name.
    """
    resolved = ALIASES.get(name or "default", name or "")
    if resolved not in RECEIVERS:
        raise InvalidInputError(
            f"unknown receiver {name!r}; expected one of {', '.join((*RECEIVERS, *ALIASES))}"
        )
    return resolved


@span("demodulate")
def observe(signals: Sequence[ReceivedSignal], fmt: PacketFormat) -> Observation:
    """Demodulate and combine all transmissions of a packet.

    Raises:
        InvalidInputError: the signals do not fit the packet's shape.
    """
    llrs = soft_bits(signals, fmt)
    if not SPECS[signals[0].mode].sends_feature:
        return Observation(llrs)
    return Observation(llrs, received_feature(signals, fmt))


def receive(
    summary: DatabaseSummary,
    signals: Sequence[ReceivedSignal],
    name: str = DEFAULT_RECEIVER,
    limits: SearchLimits = DEFAULT_LIMITS,
) -> DecodedPacket:
    """Decode a packet.

    Args:
        summary: summary of the database that the packet queries.
        signals: one received signal per transmission of the packet.
        name: name of a receiver in `RECEIVERS`.
        limits: bounds on the work.

    Raises:
        InvalidInputError: the signals do not fit the packets of this index.
    """
    decoded = RECEIVERS[name](summary, observe(signals, summary.format), limits)
    if signals[0].mode is Mode.RECONSTRUCTION:
        return replace(decoded, q=add_feature_noise(signals, decoded.q))
    return decoded
