"""The device's clients against services in this process: what they send, receive, and raise."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from dsc.v1 import (
    channel_pb2,
    codebook_pb2,
    codebook_pb2_grpc,
    retrieval_pb2,
    transmission_pb2,
    transmission_pb2_grpc,
)
from dsc_common.codebook.manifest import Artifact, ArtifactKind, Manifest
from dsc_common.errors import (
    DeadlineError,
    DscError,
    InvalidInputError,
    OverloadedError,
    UnknownCodebookError,
    UnreachableError,
)
from dsc_common.packet.format import PacketFormat
from dsc_common.radio.link import LinkChoice
from dsc_common.radio.modes import Mode
from dsc_common.retrieval.options import Policy, RetrievalOptions
from dsc_common.serving.address import Peer
from dsc_common.wire.codebook import manifest_to_proto
from dsc_common.wire.packet import format_to_proto
from dsc_device.client import ChannelClient, open_channel, open_server

SHA256 = "0" * 64
OFFER = {ArtifactKind.MODEL: Artifact(3, SHA256)}
MANIFEST = Manifest("v1", "dsc", PacketFormat(num_partitions=32), 16, 7, OFFER)


class Services(codebook_pb2_grpc.CodebookServiceServicer, transmission_pb2_grpc.TransmissionServiceServicer):
    """A server and a channel that remember what they were asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.status: tuple[grpc.StatusCode, str] | None = None
        self.first: list[grpc.StatusCode] = []  # statuses of the first calls

    def GetManifest(self, request: Any, context: Any) -> codebook_pb2.GetManifestResponse:
        self.asked.append(request)
        if self.first:
            context.abort(self.first.pop(0), "in passing")
        return codebook_pb2.GetManifestResponse(manifest=manifest_to_proto(MANIFEST))

    def Download(self, request: Any, context: Any) -> Iterator[codebook_pb2.DownloadResponse]:
        self.asked.append(request)
        yield codebook_pb2.DownloadResponse(offset=0, data=b"ab")
        if self.status is not None:
            context.abort(*self.status)
        yield codebook_pb2.DownloadResponse(offset=2, data=b"c")

    def Transmit(self, request: Any, context: Any) -> transmission_pb2.TransmitResponse:
        self.asked.append(request)
        if self.first:
            context.abort(self.first.pop(0), "in passing")
        if self.status is not None:
            context.abort(*self.status)
        return transmission_pb2.TransmitResponse(
            results=retrieval_pb2.RankedResults(num_candidates=4, head=[1, 2]),
            link=channel_pb2.LinkReport(
                mode=channel_pb2.MODE_QPSK,
                fec=channel_pb2.FEC_NONE,
                fading=channel_pb2.FADING_NONE,
                bit_errors=3,
            ),
        )


@pytest.fixture
def services() -> Iterator[tuple[Services, str]]:
    servicer = Services()
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        codebook_pb2_grpc.add_CodebookServiceServicer_to_server(servicer, server)
        transmission_pb2_grpc.add_TransmissionServiceServicer_to_server(servicer, server)
        checks = health.HealthServicer()
        checks.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(checks, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield servicer, f"127.0.0.1:{port}"
        server.stop(0).wait()


def test_a_manifest_and_an_artifact(services: tuple[Services, str]) -> None:
    servicer, address = services
    with open_server(Peer("server", address), 30) as client:
        assert client.manifest() == MANIFEST
        assert b"".join(client.download("v1", SHA256, 0, ArtifactKind.MODEL)) == b"abc"
        assert b"".join(client.download("v1", SHA256, 7)) == b"abc"
    _, first, second = servicer.asked
    fields = {"codebook_version": "v1", "sha256": SHA256}
    model = codebook_pb2.ARTIFACT_KIND_MODEL  # for servers that read no hash
    assert first == codebook_pb2.DownloadRequest(**fields, kind=model)
    assert second == codebook_pb2.DownloadRequest(**fields, offset=7)


def test_a_packet_goes_with_all_that_was_chosen(services: tuple[Services, str]) -> None:
    servicer, address = services
    link, options = LinkChoice(mode=Mode.QPSK, snr_db=0.0), RetrievalOptions(top=3, policy=Policy.RESEND)
    with open_channel(Peer("channel", address), 30) as client:
        results, report = client.transmit(b"packet", MANIFEST, "an id", 7, link, options)
    (request,) = servicer.asked
    assert (request.request_id, request.sequence) == ("an id", 7)
    assert (request.packet.data, request.packet.codebook_version) == (b"packet", "v1")
    assert request.packet.format == format_to_proto(MANIFEST.format)
    assert (request.channel.mode, request.channel.snr_db) == (channel_pb2.MODE_QPSK, 0.0)
    assert not request.channel.HasField("seed")
    assert (request.retrieval.top, request.retrieval.policy) == (3, retrieval_pb2.POLICY_RESEND)
    assert (results.num_candidates, results.head) == (4, [1, 2])
    assert (report.mode, report.bit_errors) == (Mode.QPSK, 3)


@pytest.mark.parametrize(
    ("code", "kind", "line"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidInputError, "^a line$"),
        (grpc.StatusCode.FAILED_PRECONDITION, UnknownCodebookError, "^a line$"),
        (grpc.StatusCode.UNAVAILABLE, UnreachableError, r"^(server|channel) at \S+ does not answer$"),
        (grpc.StatusCode.UNKNOWN, DscError, r"^(server|channel) at \S+ failed \(UNKNOWN\): a line$"),
    ],
)
def test_a_refusal_is_one_of_our_errors(
    code: grpc.StatusCode, kind: type[DscError], line: str, services: tuple[Services, str]
) -> None:
    servicer, address = services
    servicer.status = (code, "a line")
    with open_channel(Peer("channel", address), 3) as channel, pytest.raises(kind, match=line):
        channel.transmit(b"", MANIFEST, "", 0, LinkChoice(), RetrievalOptions())
    with open_server(Peer("server", address), 30) as server:
        pieces = server.download("v1", SHA256)
        assert next(pieces) == b"ab"
        with pytest.raises(kind, match=line):
            next(pieces)


PASSING = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.CANCELLED]


def test_failures_that_pass_are_not_seen(services: tuple[Services, str]) -> None:
    servicer, address = services
    servicer.first = [*PASSING]
    with open_server(Peer("server", address), 60) as server:
        assert server.manifest() == MANIFEST
    servicer.first = [*PASSING]
    with open_channel(Peer("channel", address), 60) as channel:
        channel.transmit(b"packet", MANIFEST, "an id", 7, LinkChoice(), RetrievalOptions())
    requests = servicer.asked[len(PASSING) + 1 :]
    assert len(requests) == len(PASSING) + 1
    assert all(request == requests[0] for request in requests)  # the noise is the same each time


def test_a_channel_that_is_gone_is_away_and_not_slow() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        peer = Peer("channel", f"127.0.0.1:{probe.getsockname()[1]}")
    with grpc.insecure_channel(peer.address) as connection:
        client = ChannelClient(connection, peer, 0.2)
        with pytest.raises(UnreachableError) as caught:
            client.transmit(b"", MANIFEST, "", 0, LinkChoice(), RetrievalOptions())
    assert not isinstance(caught.value, DeadlineError)  # three of these end a batch
    assert str(caught.value) == f"{peer} did not answer within 0.2 s: connection refused"


def test_an_overloaded_channel_is_named_when_the_time_is_over(services: tuple[Services, str]) -> None:
    servicer, address = services
    servicer.first = [grpc.StatusCode.RESOURCE_EXHAUSTED] * 100
    line = r"^channel at \S+ is overloaded: in passing$"
    with open_channel(Peer("channel", address), 0.4) as channel, pytest.raises(OverloadedError, match=line):
        channel.transmit(b"", MANIFEST, "", 0, LinkChoice(), RetrievalOptions())
    assert len(servicer.asked) > 1
