"""The channel's gRPC service: transmits a packet, and forwards the received signals to the server."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import grpc

from dsc.v1 import retrieval_pb2, transmission_pb2, transmission_pb2_grpc
from dsc_channel.caps import LinkCaps
from dsc_channel.client import MARGIN_S, ServerClient
from dsc_channel.outcomes import Outcome, note
from dsc_channel.resending import Transmission, most_transmissions, send_until_confident
from dsc_common.observing.laps import Laps
from dsc_common.observing.observer import WAIT
from dsc_common.packet.packing import require_head, unpack
from dsc_common.radio.link import LinkSettings, ReceivedSignal
from dsc_common.retrieval.results import RankedResults
from dsc_common.serving.address import Peer
from dsc_common.serving.batches import Batches
from dsc_common.serving.bearer import passed_on
from dsc_common.serving.roles import Role
from dsc_common.serving.server import Service
from dsc_common.wire.channel import link_choice_from_proto, link_report_to_proto, signal_to_proto
from dsc_common.wire.packet import format_from_proto
from dsc_common.wire.retrieval import options_from_proto, results_from_proto, results_to_proto

_Context = grpc.aio.ServicerContext[Any, Any]


class TransmissionService(transmission_pb2_grpc.TransmissionServiceServicer):
    """Transmits packets to one server over a simulated radio link; returns its answers and a link report."""

    def __init__(
        self,
        server: ServerClient,
        link: LinkSettings,
        caps: LinkCaps,
        work: Batches,
        outcome: Outcome | None = None,
    ) -> None:
        self._server = server
        self._work = work
        self._outcome = outcome
        self._link = link
        self._caps = caps

    async def Transmit(
        self, request: transmission_pb2.TransmitRequest, context: _Context
    ) -> transmission_pb2.TransmitResponse:
        """Send one packet over the air, with retransmissions if its policy asks for them."""
        self._work.require_room(context.time_remaining())
        transmission = self._transmission(request)
        policy = options_from_proto(request.retrieval).policy

        most = most_transmissions(transmission.link, policy)

        async def ask(signals: Sequence[ReceivedSignal]) -> RankedResults:
            message = _message(request, signals)
            if len(signals) == 1:  # before the first answer, which would be lost with the last
                self._caps.require_size(most, message.ByteSize())
            response = await self._server.retrieve(message, context.time_remaining(), passed_on(context))
            return results_from_proto(response.results)

        def has_time() -> bool:
            left_s = context.time_remaining()
            return left_s is None or left_s > transmission.link.latency_ms / 1e3 + 2 * MARGIN_S

        laps = Laps()
        results, link_report = await send_until_confident(
            transmission,
            policy,
            laps.around("server", ask),
            laps.around(WAIT, asyncio.sleep),
            has_time,
            partial(laps.in_thread, self._work.run),
        )
        note(laps, results, link_report)
        if self._outcome is not None:
            self._outcome(results, link_report)
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


def _message(
    request: transmission_pb2.TransmitRequest, signals: Sequence[ReceivedSignal]
) -> retrieval_pb2.RetrieveRequest:
    return retrieval_pb2.RetrieveRequest(
        request_id=request.request_id,
        signals=[signal_to_proto(signal) for signal in signals],
        format=request.packet.format,
        codebook_version=request.packet.codebook_version,
        options=request.retrieval,
    )


def services(
    server: Peer,
    link: LinkSettings,
    caps: LinkCaps,
    server_wait_s: float,
    work: Batches,
    outcome: Outcome | None = None,
) -> list[Service]:
    """The service in front of one server; its health is the readiness of the server.

    Args:
        server: the server.
        link: link of requests that choose nothing.
        caps: bounds on what requests choose.
        server_wait_s: time limit of the server's answers, in seconds.
        work: threads that transmit and report.
        outcome: is called with each answer and its link report.

    Raises:
        InvalidInputError: the settings of the link exceed its caps.
        DscError: the file of CA certificates of the server holds none, or cannot be read.
    """
    caps.require(link)
    client = ServerClient(server, server_wait_s)
    return [
        Service(
            transmission_pb2.DESCRIPTOR.services_by_name["TransmissionService"].full_name,
            transmission_pb2_grpc.add_TransmissionServiceServicer_to_server,
            TransmissionService(client, link, caps, work, outcome),
            client.follow,
            role=Role.READ,
        )
    ]
