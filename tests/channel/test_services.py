"""The channel in front of a server that fails: what it tries again, and the status that it passes on."""

import asyncio
from typing import Any

import grpc
import numpy as np
import pytest

from dsc.v1 import packet_pb2, retrieval_pb2, retrieval_pb2_grpc, transmission_pb2, transmission_pb2_grpc
from dsc_channel.caps import LinkCaps
from dsc_channel.client import ServerClient
from dsc_channel.services import services
from dsc_channel.settings import ChannelSettings
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.packet.packing import Packet, pack
from dsc_common.radio.link import LinkChoice, LinkSettings
from dsc_common.retrieval.options import Policy, RetrievalOptions
from dsc_common.serving.address import Peer
from dsc_common.serving.batches import batches_in_threads
from dsc_common.serving.limits import SERVER_MESSAGE_BYTES, ServingLimits
from dsc_common.serving.retrying import RETRY_AFTER, retry_after_s
from dsc_common.serving.server import new_server
from dsc_common.wire.channel import link_choice_to_proto
from dsc_common.wire.packet import format_to_proto
from dsc_common.wire.retrieval import options_to_proto

FMT = PacketFormat(num_partitions=32)
PACKET = Packet(np.arange(1, 6), np.zeros((5, 8), np.uint8))
REQUEST = transmission_pb2.TransmitRequest(
    packet=packet_pb2.Packet(data=pack(PACKET, FMT), format=format_to_proto(FMT))
)
LINE = "what the server said"


class FailingServer(retrieval_pb2_grpc.RetrievalServiceServicer):
    """Ends its first requests with a status, and answers the others."""

    def __init__(
        self, code: grpc.StatusCode, failures: int, trailer: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.code, self.failures, self.trailer, self.asked = code, failures, trailer, 0

    async def Retrieve(self, request: Any, context: Any) -> retrieval_pb2.RetrieveResponse:
        self.asked += 1
        if self.asked <= self.failures:
            await context.abort(self.code, LINE, self.trailer)
        results = retrieval_pb2.RankedResults(num_candidates=7, low_confidence=True)
        return retrieval_pb2.RetrieveResponse(results=results)


async def transmit(
    server: FailingServer,
    wait_s: float,
    request: transmission_pb2.TransmitRequest = REQUEST,
    caps: LinkCaps | None = None,
    timeout_s: float | None = None,
) -> transmission_pb2.TransmitResponse:
    """One packet through a channel in front of the server."""
    behind, before = new_server(ServingLimits(SERVER_MESSAGE_BYTES)), new_server(ServingLimits())
    retrieval_pb2_grpc.add_RetrievalServiceServicer_to_server(server, behind)
    peer = Peer("server", f"127.0.0.1:{behind.add_insecure_port('127.0.0.1:0')}")
    port = before.add_insecure_port("127.0.0.1:0")
    with batches_in_threads(1) as work:
        for service in services(peer, LinkSettings(), caps or LinkCaps(), wait_s, work):
            service.add(service.servicer, before)
        await behind.start()
        await before.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                return await transmission_pb2_grpc.TransmissionServiceStub(channel).Transmit(
                    request, timeout=timeout_s
                )
        finally:
            await before.stop(None)
            await behind.stop(None)


@pytest.mark.parametrize("code", ["CANCELLED", "UNAVAILABLE"])
def test_a_failure_that_may_pass_is_tried_again(code: str) -> None:
    server = FailingServer(grpc.StatusCode[code], failures=2)
    reply = asyncio.run(transmit(server, wait_s=60.0))
    assert (server.asked, reply.results.num_candidates) == (3, 7)


def test_an_overloaded_server_is_asked_again_by_the_device_after_the_time_that_it_asks_for() -> None:
    server = FailingServer(grpc.StatusCode.RESOURCE_EXHAUSTED, failures=1, trailer=((RETRY_AFTER, "1500"),))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        asyncio.run(transmit(server, wait_s=60.0))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (server.asked, retry_after_s(caught.value)) == (1, 1.5)


PASSED_ON = {
    "RESOURCE_EXHAUSTED": "RESOURCE_EXHAUSTED",
    "UNAVAILABLE": "UNAVAILABLE",
    "CANCELLED": "UNAVAILABLE",  # the device's own request was not cancelled
    "UNIMPLEMENTED": "UNIMPLEMENTED",
    "PERMISSION_DENIED": "PERMISSION_DENIED",
    "UNKNOWN": "UNKNOWN",
}


@pytest.mark.parametrize("code", PASSED_ON)
def test_the_meaning_of_a_failure_is_passed_on_with_the_name_of_the_server(code: str) -> None:
    server = FailingServer(grpc.StatusCode[code], failures=1000)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        asyncio.run(transmit(server, wait_s=0.3))
    assert caught.value.code().name == PASSED_ON[code]
    assert str(caught.value.details()).startswith("server at 127.0.0.1:")


def test_a_refused_request_is_not_tried_again() -> None:
    server = FailingServer(grpc.StatusCode.INVALID_ARGUMENT, failures=1)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        asyncio.run(transmit(server, wait_s=60.0))
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, LINE)
    assert server.asked == 1


RAW = PacketFormat(num_partitions=32, payload=Payload.FEATURE, payload_dim=2048)
RAW_PACKET = Packet(PACKET.labels, np.zeros((0, 8), np.uint8), np.ones(2048, np.float32))


def resending(fmt: PacketFormat, packet: Packet, resends: int) -> transmission_pb2.TransmitRequest:
    return transmission_pb2.TransmitRequest(
        packet=packet_pb2.Packet(data=pack(packet, fmt), format=format_to_proto(fmt)),
        channel=link_choice_to_proto(LinkChoice(resends=resends)),
        retrieval=options_to_proto(RetrievalOptions(policy=Policy.RESEND)),
    )


def test_raw_features_fit_with_as_many_transmissions_as_a_channel_allows() -> None:
    server = FailingServer(grpc.StatusCode.UNKNOWN, failures=0)
    request = resending(RAW, RAW_PACKET, ChannelSettings().max_resends)
    reply = asyncio.run(transmit(server, 60.0, request))
    assert server.asked == reply.link.transmissions == 17


def test_transmissions_that_do_not_fit_together_are_refused_before_the_first_answer() -> None:
    server = FailingServer(grpc.StatusCode.UNKNOWN, failures=0)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        asyncio.run(transmit(server, 60.0, resending(RAW, RAW_PACKET, 64)))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert str(caught.value.details()).endswith("as the server takes messages of 8388608 bytes, got 65")
    with pytest.raises(grpc.aio.AioRpcError, match="expected up to 2 transmissions of"):
        asyncio.run(transmit(server, 60.0, resending(FMT, PACKET, 2), LinkCaps(max_message_bytes=4000)))
    assert server.asked == 0


class HangingServer(retrieval_pb2_grpc.RetrievalServiceServicer):
    """Never answers; says when a request has come."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def Retrieve(self, request: Any, context: Any) -> retrieval_pb2.RetrieveResponse:
        self.asked.set()
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]


async def serve(servicer: Any, port: int = 0) -> tuple[grpc.aio.Server, int]:
    server = new_server(ServingLimits())
    retrieval_pb2_grpc.add_RetrievalServiceServicer_to_server(servicer, server)
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    return server, bound


def test_a_request_whose_server_is_restarted_is_answered_by_the_next() -> None:
    async def restart() -> tuple[retrieval_pb2.RetrieveResponse, int]:
        hanging, answering = HangingServer(), FailingServer(grpc.StatusCode.UNKNOWN, failures=0)
        first, port = await serve(hanging)
        client = ServerClient(Peer("server", f"127.0.0.1:{port}"), wait_s=60.0)
        asked = asyncio.create_task(client.retrieve(retrieval_pb2.RetrieveRequest()))
        await hanging.asked.wait()
        await first.stop(None)
        second, _ = await serve(answering, port)
        reply = await asked
        await second.stop(None)
        return reply, answering.asked

    reply, asked = asyncio.run(restart())
    assert (reply.results.num_candidates, asked) == (7, 1)


def test_the_channel_names_its_server_before_the_device_gives_up() -> None:
    server = FailingServer(grpc.StatusCode.UNAVAILABLE, failures=10**6)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        asyncio.run(transmit(server, wait_s=1000.0, timeout_s=2.0))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert str(caught.value.details()).startswith("server at 127.0.0.1:")
