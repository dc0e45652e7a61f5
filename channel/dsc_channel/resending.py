"""One packet through the channel, retransmitted until the server is confident: HARQ with Chase combining.

Every transmission repeats the whole packet with new noise and fading. The server combines all received
transmissions (LLRs add up). Noise and fading depend only on the link's seed, the request id and the attempt;
losses only on the seed and the slot.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

from dsc_channel.erasure import is_erased
from dsc_channel.reporting import report
from dsc_channel.transmission import transmit
from dsc_common.errors import OverloadedError
from dsc_common.packet.format import PacketFormat
from dsc_common.radio.link import LinkReport, LinkSettings, ReceivedSignal
from dsc_common.retrieval.options import Policy
from dsc_common.retrieval.results import RankedResults

NO_TIME = "the packet was not sent again: the time limit of the device is near"
NO_ROOM = "the answer is that of an earlier transmission: the server was overloaded after the last one"
Ask = Callable[[Sequence[ReceivedSignal]], Awaitable[RankedResults]]
Sleep = Callable[[float], Awaitable[None]]
_Result = TypeVar("_Result")


class Compute(Protocol):
    """Runs a function in a thread."""

    def __call__(self, function: Callable[[], _Result], /) -> Awaitable[_Result]:
        """What the function returns or raises."""


@dataclass(frozen=True)
class Transmission:
    """A packet, the settings of its link, and the keys of its randomness.

    Attributes:
        data: the packet, packet_bytes bytes.
        fmt: shape of the packet.
        link: settings of the link.
        request_id: noise and fading are keyed on seed, request id and attempt.
        sequence: sequence number of the packet at its device: the slot of its first transmission.
    """

    data: bytes
    fmt: PacketFormat
    link: LinkSettings
    request_id: str
    sequence: int = 0


def most_transmissions(link: LinkSettings, policy: Policy) -> int:
    """Number of transmissions of a packet if the server is never confident."""
    return 1 + (link.resends if policy is Policy.RESEND else 0)


async def send_until_confident(
    transmission: Transmission,
    policy: Policy,
    ask: Ask,
    sleep: Sleep = asyncio.sleep,
    has_time: Callable[[], bool] = lambda: True,
    compute: Compute = asyncio.to_thread,
) -> tuple[RankedResults, LinkReport]:
    """Send once; with policy `resend`, repeat until the server is confident or no resend is left.

    Args:
        transmission: the packet and its link.
        policy: `resend`, or any other policy for a single transmission.
        ask: a call of the server: all signals received so far → answer.
        sleep: waits for a number of seconds.
        has_time: whether the device still waits long enough for another transmission.
        compute: runs what takes processor time.

    Returns:
        The last answer, and the report on all transmissions.

    Raises:
        InvalidInputError: the packet does not fit mode and uses.
    """
    data, fmt, link = transmission.data, transmission.fmt, transmission.link
    signals: list[ReceivedSignal] = []
    results = _nothing_arrived(1)
    attempts = most_transmissions(link, policy)
    server_ms, transmissions, notices = 0.0, 0, list[str]()
    for attempt in range(attempts):
        if attempt > 0 and not has_time():
            notices = [NO_TIME]
            break  # an answer of low confidence is more than none
        # Also if it will be lost: a packet that does not fit must be refused in either case.
        signal = await compute(partial(transmit, data, fmt, link, transmission.request_id, attempt))
        if link.latency_ms:
            await sleep(link.latency_ms / 1e3)
        if not is_erased(link, transmission.sequence + attempt):
            try:
                results = await ask([*signals, signal])
            except OverloadedError:
                if not signals:
                    raise
                notices = [NO_ROOM]
                break
            signals.append(signal)
            server_ms += results.server_ms
        transmissions = attempt + 1
        if signals and not results.low_confidence:
            break
    if not signals:
        results = _nothing_arrived(transmissions)
    link_report = await compute(partial(report, data, fmt, link, signals, results.head, transmissions))
    return replace(results, server_ms=server_ms, notices=[*results.notices, *notices]), link_report


def _nothing_arrived(transmissions: int) -> RankedResults:
    times = "once" if transmissions == 1 else f"{transmissions} times"
    notice = f"the packet was sent {times} and did not arrive: nothing reached the server"
    return RankedResults([], 0, [], False, [notice], confidence=0.0, low_confidence=True)
