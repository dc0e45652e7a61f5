"""The channel's gRPC service: transmits a packet, and forwards the received signals to the server."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import grpc
import numpy as np

from dsc.v1 import retrieval_pb2, retrieval_pb2_grpc, transmission_pb2, transmission_pb2_grpc
from dsc_channel.caps import LinkCaps
from dsc_channel.resending import Transmission, send_until_confident
from dsc_common.packet.packing import require_head, unpack
from dsc_common.radio.link import LinkSettings, ReceivedSignal
from dsc_common.retrieval.results import RankedResults
from dsc_common.serving.address import Peer
from dsc_common.serving.client import open_async
from dsc_common.serving.retrying import call_again
from dsc_common.serving.server import Service
from dsc_common.serving.status import call_error
from dsc_common.wire.channel import link_choice_from_proto, link_report_to_proto, signal_to_proto
from dsc_common.wire.packet import format_from_proto
from dsc_common.wire.retrieval import options_from_proto, results_from_proto, results_to_proto

_Context = grpc.aio.ServicerContext[Any, Any]


class TransmissionService(transmission_pb2_grpc.TransmissionServiceServicer):
    """Transmits packets to one server over a simulated radio link; returns its answers and a link report."""

    def __init__(self, server: Peer, link: LinkSettings, caps: LinkCaps, server_wait_s: float) -> None:
        self._server = server
        self._link = link
        self._caps = caps
        self._server_wait_s = server_wait_s
        self._stub: retrieval_pb2_grpc.RetrievalServiceAsyncStub | None = None

    async def Transmit(
        self, request: transmission_pb2.TransmitRequest, context: _Context
    ) -> transmission_pb2.TransmitResponse:
        """Send one packet over the air, with retransmissions if its policy asks for them."""
        transmission = self._transmission(request)
        policy = options_from_proto(request.retrieval).policy

        async def ask(signals: Sequence[ReceivedSignal]) -> RankedResults:
            return await self._retrieve(request, signals)

        results, link_report = await send_until_confident(transmission, policy, ask)
        return transmission_pb2.TransmitResponse(
            results=results_to_proto(results), link=link_report_to_proto(link_report)
        )

    def _transmission(self, request: transmission_pb2.TransmitRequest) -> Transmission:
        data = request.packet.data
        fmt = format_from_proto(request.packet.format)
        require_head(unpack(data, fmt).labels, fmt)  # devices send packets without errors
        link = link_choice_from_proto(request.channel).over(self._link)
        self._caps.require(link)
        return Transmission(data, fmt, link, request.request_id, request.sequence)

    async def _retrieve(
        self, request: transmission_pb2.TransmitRequest, signals: Sequence[ReceivedSignal]
    ) -> RankedResults:
        if self._stub is None:  # a connection belongs to the running event loop
            self._stub = retrieval_pb2_grpc.RetrievalServiceStub(open_async(self._server))
        message = retrieval_pb2.RetrieveRequest(
            request_id=request.request_id,
            signals=[signal_to_proto(signal) for signal in signals],
            format=request.packet.format,
            codebook_version=request.packet.codebook_version,
            options=request.retrieval,
        )
        call = partial(self._stub.Retrieve, message, wait_for_ready=True)
        try:
            response = await call_again(
                lambda left_s: call(timeout=left_s), self._server_wait_s, np.random.default_rng()
            )
        except grpc.aio.AioRpcError as error:
            raise call_error(error, self._server, self._server_wait_s) from error
        return results_from_proto(response.results)


def services(server: Peer, link: LinkSettings, caps: LinkCaps, server_wait_s: float) -> list[Service]:
    """The service in front of one server.

    Raises:
        InvalidInputError: the settings of the link exceed its caps.
    """
    caps.require(link)
    return [
        Service(
            transmission_pb2.DESCRIPTOR.services_by_name["TransmissionService"].full_name,
            transmission_pb2_grpc.add_TransmissionServiceServicer_to_server,
            TransmissionService(server, link, caps, server_wait_s),
        )
    ]
