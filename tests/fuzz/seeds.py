"""Valid requests of every method, scheme, mode and error correction, to be mutated."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from dsc.v1 import codebook_pb2, packet_pb2, retrieval_pb2, transmission_pb2
from dsc_channel.transmission import transmit
from dsc_common.features.extraction import Extraction
from dsc_common.packet.format import Payload
from dsc_common.packet.packing import pack
from dsc_common.radio.fec import Fec
from dsc_common.radio.link import Fading, HeadProtection, LinkChoice, LinkSettings
from dsc_common.radio.modes import SPECS, Mode
from dsc_common.retrieval.options import Policy, Ranking, RetrievalOptions
from dsc_common.wire.channel import link_choice_to_proto, signal_to_proto
from dsc_common.wire.packet import format_to_proto
from dsc_common.wire.retrieval import options_to_proto
from dsc_device.encoding import encode
from dsc_server.index.files import LoadedIndex
from dsc_server.receiving.registry import RECEIVERS
from fuzz.inputs import Input

RETRIEVE = "/dsc.v1.RetrievalService/Retrieve"
TRANSMIT = "/dsc.v1.TransmissionService/Transmit"
MANIFEST = "/dsc.v1.CodebookService/GetManifest"
DOWNLOAD = "/dsc.v1.CodebookService/Download"
HEALTH = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
UNKNOWN = "/dsc.v1.RetrievalService/Nothing"

KINDS: dict[str, type[Message]] = {
    RETRIEVE: retrieval_pb2.RetrieveRequest,
    TRANSMIT: transmission_pb2.TransmitRequest,
    MANIFEST: codebook_pb2.GetManifestRequest,
    DOWNLOAD: codebook_pb2.DownloadRequest,
    HEALTH: health_pb2.HealthCheckRequest,
    WATCH: health_pb2.HealthCheckRequest,
    REFLECTION: reflection_pb2.ServerReflectionRequest,
    UNKNOWN: health_pb2.HealthCheckRequest,
}
# How often each is called, in relation to the others.
WEIGHTS = {
    RETRIEVE: 50,
    TRANSMIT: 34,
    DOWNLOAD: 5,
    MANIFEST: 1,
    HEALTH: 3,
    WATCH: 1,
    REFLECTION: 5,
    UNKNOWN: 1,
}


@dataclass(frozen=True)
class Link:
    """A link, and the options of requests over it."""

    link: LinkSettings
    options: RetrievalOptions


def seeds_of(scheme: str, loaded: LoadedIndex, *, with_ldpc: bool) -> list[Input]:
    """Valid requests to a server and a channel that serve an index."""
    return [
        *_packets(scheme, loaded, with_ldpc=with_ldpc),
        *(Input("server", scheme, method, message.SerializeToString()) for method, message in _of(loaded)),
        *(
            Input(role, scheme, method, message.SerializeToString())
            for role in ("server", "channel")
            for method, message in _observing()
        ),
    ]


def _packets(scheme: str, loaded: LoadedIndex, *, with_ldpc: bool) -> Iterator[Input]:
    rng = np.random.default_rng(0)
    fmt, manifest = loaded.index.format, loaded.manifest
    for number, link in enumerate(_links(fmt.payload, loaded, with_ldpc=with_ldpc)):
        query = _query(rng, manifest.feature_dim, fmt.num_partitions)
        packet = encode(
            query.feature,
            query.probabilities,
            loaded.index.codebook,
            fmt,
            manifest.spec.head_rule,
            sequential=manifest.spec.sequential,
        )
        data, settings = pack(packet, fmt), link.link
        signals = [transmit(data, fmt, settings, str(number), attempt) for attempt in range(1 + number % 3)]
        retrieve: Any = retrieval_pb2.RetrieveRequest(
            request_id=str(number),
            signals=[signal_to_proto(signal) for signal in signals],
            format=format_to_proto(fmt),
            codebook_version=manifest.codebook_version,
            options=options_to_proto(link.options),
        )
        yield Input("server", scheme, RETRIEVE, retrieve.SerializeToString())
        transmission = transmission_pb2.TransmitRequest(
            request_id=str(number),
            packet=packet_pb2.Packet(
                data=data, format=retrieve.format, codebook_version=manifest.codebook_version
            ),
            channel=link_choice_to_proto(LinkChoice(**vars(settings))),
            retrieval=retrieve.options,
            sequence=number,
        )
        yield Input("channel", scheme, TRANSMIT, transmission.SerializeToString())


def _query(rng: np.random.Generator, feature_dim: int, num_labels: int) -> Extraction:
    feature = rng.standard_normal(feature_dim).astype(np.float32)
    return Extraction(feature / np.linalg.norm(feature), rng.random(num_labels).astype(np.float32))


def _links(payload: Payload, loaded: LoadedIndex, *, with_ldpc: bool) -> Iterator[Link]:
    bits = 8 * loaded.index.format.packet_bytes
    for mode in Mode:
        spec = SPECS[mode]
        if spec.sends_feature and payload is not Payload.FEATURE:
            continue
        yield Link(LinkSettings(mode=mode, snr_db=8), RetrievalOptions())
        if not spec.physical:
            continue
        yield Link(LinkSettings(mode, fading=Fading.RAYLEIGH, fading_block_uses=16), RetrievalOptions(3))
        yield Link(
            LinkSettings(mode, fading=Fading.RICIAN, channel_knowledge=False),
            RetrievalOptions(receiver="soft"),
        )
    for number, receiver in enumerate(RECEIVERS):
        policy, ranking = list(Policy)[number % 3], list(Ranking)[number % 3]
        options = RetrievalOptions(5, ranking, receiver, policy, 0.9)
        yield Link(LinkSettings(head_protection=HeadProtection.IDEAL, erasure_rate=0.3, resends=2), options)
    if bits <= 1500:
        yield Link(LinkSettings(fec=Fec.REPETITION, uses=2 * bits + 7), RetrievalOptions())
        if with_ldpc:
            yield Link(LinkSettings(fec=Fec.LDPC, uses=2 * bits), RetrievalOptions())


def _of(loaded: LoadedIndex) -> Iterator[tuple[str, Message]]:
    version = loaded.manifest.codebook_version
    yield MANIFEST, codebook_pb2.GetManifestRequest()
    for kind in (codebook_pb2.ARTIFACT_KIND_CODEBOOK, codebook_pb2.ARTIFACT_KIND_MODEL):
        for offset in (0, 100):
            yield DOWNLOAD, codebook_pb2.DownloadRequest(codebook_version=version, kind=kind, offset=offset)


def _observing() -> Iterator[tuple[str, Message]]:
    for name in ("", "dsc.v1.RetrievalService", "dsc.v1.TransmissionService"):
        yield HEALTH, health_pb2.HealthCheckRequest(service=name)
    yield WATCH, health_pb2.HealthCheckRequest(service="unknown")
    yield UNKNOWN, health_pb2.HealthCheckRequest(service="x")
    ask = reflection_pb2.ServerReflectionRequest
    extension = reflection_pb2.ExtensionRequest(containing_type="dsc.v1.Packet", extension_number=7)
    yield REFLECTION, ask(list_services="")
    yield REFLECTION, ask(file_by_filename="dsc/v1/packet.proto")
    yield REFLECTION, ask(file_containing_symbol="dsc.v1.RetrievalService")
    yield REFLECTION, ask(file_containing_extension=extension)
    yield REFLECTION, ask(all_extension_numbers_of_type="dsc.v1.Packet")
