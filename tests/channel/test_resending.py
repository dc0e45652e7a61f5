"""Sending again: what is sent, what reaches the server each time, what the report says of it all."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from dsc_channel.erasure import is_erased
from dsc_channel.resending import NO_ROOM, NO_TIME, Transmission, send_until_confident
from dsc_channel.transmission import transmit
from dsc_common.errors import InvalidInputError, OverloadedError
from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import unpack
from dsc_common.radio.link import LinkReport, LinkSettings, ReceivedSignal
from dsc_common.radio.modes import Mode
from dsc_common.retrieval.options import Policy
from dsc_common.retrieval.results import RankedResults
from helpers.decisions import hard_bytes

FMT = PacketFormat()
DATA = bytes(range(47))
LINK = LinkSettings(snr_db=2.0, seed=5, resends=4)
TRANSMISSION = Transmission(DATA, FMT, LINK, "r")


class Server:
    """Is confident once it has so many signals; remembers what it was asked."""

    def __init__(self, enough: int) -> None:
        self.enough = enough
        self.asked: list[list[ReceivedSignal]] = []

    async def __call__(self, signals: Sequence[ReceivedSignal]) -> RankedResults:
        self.asked.append(list(signals))
        head = unpack(hard_bytes(signals, FMT), FMT).labels.tolist()
        low = len(signals) < self.enough
        return RankedResults([], 0, head, True, server_ms=2.0, low_confidence=low)


def run(
    server: Server, transmission: Transmission = TRANSMISSION, policy: Policy = Policy.RESEND
) -> tuple[RankedResults, LinkReport, list[float]]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    results, report = asyncio.run(send_until_confident(transmission, policy, server, sleep))
    return results, report, slept


def linked(**changes: object) -> Transmission:
    change: Callable[..., LinkSettings] = replace
    return replace(TRANSMISSION, link=change(LINK, **changes))


@pytest.mark.parametrize(("enough", "sent"), [(0, 1), (1, 1), (2, 2), (4, 4), (5, 5), (99, 5)])
def test_it_is_sent_again_until_the_server_is_confident(enough: int, sent: int) -> None:
    server = Server(enough)
    results, report, slept = run(server)
    assert [len(signals) for signals in server.asked] == list(range(1, sent + 1))
    assert (report.transmissions, report.lost, report.erased) == (sent, 0, False)
    assert (report.channel_uses, report.energy, report.uses) == (376 * sent, 376.0 * sent, 376)
    assert results.low_confidence == (sent < enough)
    assert results.server_ms == 2.0 * sent
    assert slept == []


class FullServer(Server):
    """Refuses what comes after so many answers."""

    def __init__(self, answers: int) -> None:
        super().__init__(enough=99)
        self.answers = answers

    async def __call__(self, signals: Sequence[ReceivedSignal]) -> RankedResults:
        if len(self.asked) == self.answers:
            raise OverloadedError("full", retry_after_s=2.0)
        return await super().__call__(signals)


def test_an_overload_after_an_answer_ends_the_resending_with_that_answer() -> None:
    results, report, _ = run(FullServer(answers=2))
    assert (report.transmissions, results.server_ms, results.low_confidence) == (2, 4.0, True)
    assert results.notices[-1] == NO_ROOM


def test_an_overload_before_any_answer_is_for_the_device_to_wait_for() -> None:
    with pytest.raises(OverloadedError) as caught:
        run(FullServer(answers=0))
    assert caught.value.retry_after_s == 2.0


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_time_limit_that_is_near_ends_the_resending_with_what_there_is(rate: float) -> None:
    left = iter([True, False])
    server, transmission = Server(99), linked(erasure_rate=rate)
    sending = send_until_confident(transmission, Policy.RESEND, server, has_time=lambda: next(left))
    results, report = asyncio.run(sending)
    assert (report.transmissions, report.erased, results.low_confidence) == (2, rate == 1, True)
    assert results.notices[-1] == NO_TIME
    assert len(server.asked) == (0 if rate else 2)


def test_the_last_transmission_asks_for_no_time() -> None:
    left = iter([True] * LINK.resends)
    sending = send_until_confident(TRANSMISSION, Policy.RESEND, Server(99), has_time=lambda: next(left))
    assert NO_TIME not in asyncio.run(sending)[0].notices


@pytest.mark.parametrize("policy", [Policy.RETURN, Policy.EXHAUSTIVE])
def test_other_policies_send_once(policy: Policy) -> None:
    server = Server(99)
    results, report, _ = run(server, policy=policy)
    assert (len(server.asked), report.transmissions, results.low_confidence) == (1, 1, True)


def test_each_transmission_has_noise_of_its_own_and_the_first_is_what_it_always_was() -> None:
    server = Server(3)
    run(server)
    samples = [signal.samples.tobytes() for signal in server.asked[-1]]
    assert samples == [transmit(DATA, FMT, LINK, "r", attempt).samples.tobytes() for attempt in range(3)]
    assert len(set(samples)) == 3
    assert samples[0] == transmit(DATA, FMT, LINK, "r").samples.tobytes()


def test_combining_leaves_fewer_bit_errors() -> None:
    errors = []
    for enough in (1, 3, 5):
        total = 0
        for number in range(20):
            _, report, _ = run(Server(enough), replace(TRANSMISSION, request_id=f"{number}"))
            total += report.bit_errors
        errors.append(total)
    assert errors[0] > errors[1] > errors[2]


def test_latency_is_added_to_each_transmission() -> None:
    _, _, slept = run(Server(3), linked(latency_ms=250.0))
    assert slept == [0.25, 0.25, 0.25]


@pytest.mark.parametrize(("policy", "sent"), [(Policy.RETURN, 1), (Policy.RESEND, 5)])
def test_a_packet_that_is_lost_reaches_no_server_and_says_so(policy: Policy, sent: int) -> None:
    server = Server(1)
    results, report, _ = run(server, linked(erasure_rate=1.0), policy)
    assert server.asked == []
    assert (results.images, results.head, results.low_confidence) == ([], [], True)
    times = "once" if sent == 1 else "5 times"
    assert results.notices == [f"the packet was sent {times} and did not arrive: nothing reached the server"]
    assert (report.transmissions, report.lost, report.erased, report.head_ok) == (sent, sent, True, False)
    assert report.channel_uses == 376 * sent


def test_what_is_lost_is_sent_again_and_what_arrived_stays() -> None:
    link = replace(LINK, erasure_rate=0.5)
    sequence = next(
        slot
        for slot in range(1000)
        if [is_erased(link, slot + attempt) for attempt in range(4)] == [True, False, True, False]
    )
    server = Server(2)
    _, report, _ = run(server, replace(TRANSMISSION, link=link, sequence=sequence))
    assert [len(signals) for signals in server.asked] == [1, 2]
    assert server.asked[1][0].samples.tobytes() == transmit(DATA, FMT, link, "r", 1).samples.tobytes()
    assert (report.transmissions, report.lost, report.erased) == (4, 2, False)


def test_what_does_not_fit_is_refused_even_if_it_would_be_lost() -> None:
    transmission = linked(erasure_rate=1.0, mode=Mode.QAM16, uses=93)
    line = "^expected at least 94 uses for a packet of 47 bytes with qam16, got 93$"
    with pytest.raises(InvalidInputError, match=line):
        run(Server(1), transmission)
