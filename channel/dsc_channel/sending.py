"""One packet through the channel: send, let the server answer, and send again while it is not confident.

All that arrived goes to the server each time, which combines it. A transmission is lost or not, and its noise
and fading are what they are, whatever goes on beside it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from dsc_channel.erasure import is_erased
from dsc_channel.reporting import report
from dsc_channel.transmission import transmit
from dsc_common.packet.format import PacketFormat
from dsc_common.radio.link import LinkReport, LinkSettings, ReceivedSignal
from dsc_common.retrieval.options import Policy
from dsc_common.retrieval.results import RankedResults

Ask = Callable[[Sequence[ReceivedSignal]], Awaitable[RankedResults]]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Shipment:
    """A packet, how it is to be sent, and what its randomness is keyed on.

    Attributes:
        data: the packet.
        fmt: its shape.
        link: how it is sent.
        request_id: noise and fading are keyed on seed, request id and attempt.
        sequence: its number among the packets of its device: the slot of its first transmission.
    """

    data: bytes
    fmt: PacketFormat
    link: LinkSettings
    request_id: str
    sequence: int = 0


async def send(
    shipment: Shipment, policy: Policy, ask: Ask, sleep: Sleep = asyncio.sleep
) -> tuple[RankedResults, LinkReport]:
    """Send once, and by policy `resend` again until the server is confident or no resend is left.

    Args:
        shipment: the packet.
        policy: `resend`, or any other for one transmission.
        ask: the server: all signals that arrived so far → its answer.
        sleep: waits for so many seconds.

    Raises:
        InvalidInputError: the packet does not fit mode and uses.
    """
    link = shipment.link
    signals: list[ReceivedSignal] = []
    results = _nothing_arrived(1)
    attempts = 1 + (link.resends if policy is Policy.RESEND else 0)
    server_ms = 0.0
    for attempt in range(attempts):
        # Also of a transmission that is lost: what does not fit is refused, whatever the weather.
        signal = await asyncio.to_thread(
            transmit, shipment.data, shipment.fmt, link, shipment.request_id, attempt
        )
        if link.latency_ms:
            await sleep(link.latency_ms / 1e3)
        if not is_erased(link, shipment.sequence + attempt):
            signals.append(signal)
            results = await ask(signals)
            server_ms += results.server_ms
        if signals and not results.low_confidence:
            break
    sent = attempt + 1
    if not signals:
        results = _nothing_arrived(sent)
    became = await asyncio.to_thread(report, shipment.data, shipment.fmt, link, signals, results.head, sent)
    return replace(results, server_ms=server_ms), became


def _nothing_arrived(sent: int) -> RankedResults:
    times = "once" if sent == 1 else f"{sent} times"
    notice = f"the packet was sent {times} and did not arrive: nothing reached the server"
    return RankedResults([], 0, [], False, [notice], confidence=0.0, low_confidence=True)
