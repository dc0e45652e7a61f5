"""One packet through the channel, retransmitted until the server is confident: HARQ with Chase combining.

Every transmission repeats the whole packet with new noise and fading. The server combines all that arrived
so far (log-likelihood ratios add up). Noise and fading depend only on the link's seed, the request id and the
attempt; losses only on the seed and the slot.
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
class Transmission:
    """A packet, how it is sent, and what its randomness is keyed on.

    Attributes:
        data: the packet, packet_bytes bytes.
        fmt: its shape.
        link: how it is sent.
        request_id: noise and fading are keyed on seed, request id and attempt.
        sequence: number of the packet among those of its device: the slot of its first transmission.
    """

    data: bytes
    fmt: PacketFormat
    link: LinkSettings
    request_id: str
    sequence: int = 0


async def send_until_confident(
    transmission: Transmission, policy: Policy, ask: Ask, sleep: Sleep = asyncio.sleep
) -> tuple[RankedResults, LinkReport]:
    """Send once; with policy `resend`, again until the server is confident or no resend is left.

    Args:
        transmission: the packet and its link.
        policy: `resend`, or any other for a single transmission.
        ask: the server: all signals that arrived so far → its answer.
        sleep: waits for that many seconds.

    Returns:
        The last answer, and the report on all transmissions.

    Raises:
        InvalidInputError: the packet does not fit mode and uses.
    """
    data, fmt, link = transmission.data, transmission.fmt, transmission.link
    signals: list[ReceivedSignal] = []
    results = _nothing_arrived(1)
    attempts = 1 + (link.resends if policy is Policy.RESEND else 0)
    server_ms = 0.0
    for attempt in range(attempts):
        # Also when it will be lost: a packet that does not fit is refused in either case.
        signal = await asyncio.to_thread(transmit, data, fmt, link, transmission.request_id, attempt)
        if link.latency_ms:
            await sleep(link.latency_ms / 1e3)
        if not is_erased(link, transmission.sequence + attempt):
            signals.append(signal)
            results = await ask(signals)
            server_ms += results.server_ms
        if signals and not results.low_confidence:
            break
    sent = attempt + 1
    if not signals:
        results = _nothing_arrived(sent)
    link_report = await asyncio.to_thread(report, data, fmt, link, signals, results.head, sent)
    return replace(results, server_ms=server_ms), link_report


def _nothing_arrived(sent: int) -> RankedResults:
    times = "once" if sent == 1 else f"{sent} times"
    notice = f"the packet was sent {times} and did not arrive: nothing reached the server"
    return RankedResults([], 0, [], False, [notice], confidence=0.0, low_confidence=True)
