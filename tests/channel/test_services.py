"""The channel in front of a server that fails: what it tries again, and the status that it passes on."""

import asyncio
from typing import Any

import grpc
import numpy as np
import pytest

from dsc.v1 import packet_pb2, retrieval_pb2, retrieval_pb2_grpc, transmission_pb2, transmission_pb2_grpc
from dsc_channel.caps import LinkCaps
from dsc_channel.services import services
from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import Packet, pack
from dsc_common.radio.link import LinkSettings
from dsc_common.serving.address import Peer
from dsc_common.serving.server import ServingLimits, new_server
from dsc_common.wire.packet import format_to_proto

FMT = PacketFormat(num_partitions=32)
PACKET = Packet(np.arange(1, 6), np.zeros((5, 8), np.uint8))
REQUEST = transmission_pb2.TransmitRequest(
    packet=packet_pb2.Packet(data=pack(PACKET, FMT), format=format_to_proto(FMT))
)
LINE = "what the server said"


class FailingServer(retrieval_pb2_grpc.RetrievalServiceServicer):
    """Ends its first requests with a status, and answers the others."""

    def __init__(self, code: grpc.StatusCode, failures: int) -> None:
        self.code, self.failures, self.asked = code, failures, 0

    async def Retrieve(self, request: Any, context: Any) -> retrieval_pb2.RetrieveResponse:
        self.asked += 1
        if self.asked <= self.failures:
            await context.abort(self.code, LINE)
        return retrieval_pb2.RetrieveResponse(results=retrieval_pb2.RankedResults(num_candidates=7))


async def transmit(server: FailingServer, wait_s: float) -> transmission_pb2.TransmitResponse:
    """One packet through a channel in front of the server."""
    behind, before = new_server(ServingLimits()), new_server(ServingLimits())
    retrieval_pb2_grpc.add_RetrievalServiceServicer_to_server(server, behind)
    peer = Peer("server", f"127.0.0.1:{behind.add_insecure_port('127.0.0.1:0')}")
    for service in services(peer, LinkSettings(), LinkCaps(), wait_s):
        service.add(service.servicer, before)
    port = before.add_insecure_port("127.0.0.1:0")
    await behind.start()
    await before.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            return await transmission_pb2_grpc.TransmissionServiceStub(channel).Transmit(REQUEST)
    finally:
        await before.stop(None)
        await behind.stop(None)


@pytest.mark.parametrize("code", ["CANCELLED", "UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_a_failure_that_may_pass_is_tried_again(code: str) -> None:
    server = FailingServer(grpc.StatusCode[code], failures=2)
    reply = asyncio.run(transmit(server, wait_s=60.0))
    assert (server.asked, reply.results.num_candidates) == (3, 7)


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
