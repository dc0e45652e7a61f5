"""One photo's query: extract, encode, send, and take the answer."""

import hashlib
import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from dsc.v1 import packet_pb2, transmission_pb2, transmission_pb2_grpc
from dsc_common.codebook.manifest import HeadRule
from dsc_common.errors import InvalidImageError
from dsc_common.packet.packing import pack
from dsc_common.radio.link import LinkChoice, LinkReport
from dsc_common.retrieval.options import RetrievalOptions
from dsc_common.retrieval.results import RankedResults
from dsc_common.serving.address import Peer
from dsc_common.serving.status import call_error
from dsc_common.wire.channel import link_choice_to_proto, link_report_from_proto
from dsc_common.wire.packet import format_to_proto
from dsc_common.wire.retrieval import options_to_proto, results_from_proto
from dsc_device.codebooks.download import Equipment
from dsc_device.encoding import encode

REQUEST_ID_DIGITS = 16


@dataclass(frozen=True)
class Answer:
    """What came back for one photo.

    Attributes:
        query: the photo.
        packet: the bytes that were sent.
        payload: what they hold behind the head: codes, code or feature.
        head: the T labels that were sent.
        head_labels: their names; none without a head.
        results: the server's answer.
        link: what became of the packet.
        timings_ms: extract, encode, round_trip and, within it, server; milliseconds.
    """

    query: str
    packet: bytes
    payload: str
    head: list[int]
    head_labels: list[str]
    results: RankedResults
    link: LinkReport
    timings_ms: dict[str, float] = field(default_factory=dict)


def request_id_of(photo: Path) -> str:
    """A request id by content: the same photo meets the same noise wherever it lies, other photos another."""
    try:
        with photo.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:REQUEST_ID_DIGITS]
    except OSError as error:
        raise InvalidImageError(f"cannot read {photo}: {error.strerror}") from error


class Querier:
    """Sends photos through one channel to one server, numbered from 0 in the order of their sending."""

    def __init__(
        self,
        equipment: Equipment,
        connection: grpc.Channel,
        channel: Peer,
        link: LinkChoice,
        options: RetrievalOptions,
        timeout_s: float,
    ) -> None:
        self._equipment = equipment
        self._stub = transmission_pb2_grpc.TransmissionServiceStub(connection)
        self._channel = channel
        self._link = link
        self._options = options
        self._timeout_s = timeout_s
        self._sequence = itertools.count()

    def query(self, photo: Path, request_id: str | None = None) -> Answer:
        """Ask which images show what this photo shows.

        Raises:
            InvalidImageError: the photo cannot be read.
            DscError: channel or server refuse the packet or do not answer.
        """
        fmt = self._equipment.manifest.format
        clock = _Clock()
        extraction = self._equipment.extractor.extract(photo)
        clock.lap("extract")
        packet = encode(
            extraction.feature,
            extraction.probabilities,
            self._equipment.codebook,
            fmt,
            self._equipment.manifest.head_rule,
            sequential=self._equipment.manifest.sequential,
        )
        data = pack(packet, fmt)
        clock.lap("encode")
        response = self._send(data, request_id or request_id_of(photo))
        clock.lap("round_trip")
        results = results_from_proto(response.results)
        head = packet.labels.tolist()
        return Answer(
            query=str(photo),
            packet=data,
            payload=str(fmt.payload),
            head=head,
            head_labels=self._names(head),
            results=results,
            link=link_report_from_proto(response.link),
            timings_ms=clock.laps_ms | {"server": results.server_ms},
        )

    def _names(self, head: list[int]) -> list[str]:
        if self._equipment.manifest.format.label_bits == 0:
            return []
        if self._equipment.manifest.head_rule is HeadRule.NEAREST:
            return [f"cell {label}" for label in head]
        return [self._equipment.extractor.info.labels[label] for label in head]

    def _send(self, data: bytes, request_id: str) -> transmission_pb2.TransmitResponse:
        manifest = self._equipment.manifest
        request = transmission_pb2.TransmitRequest(
            request_id=request_id,
            packet=packet_pb2.Packet(
                data=data,
                format=format_to_proto(manifest.format),
                codebook_version=manifest.codebook_version,
            ),
            channel=link_choice_to_proto(self._link),
            retrieval=options_to_proto(self._options),
            sequence=next(self._sequence),
        )
        try:
            return self._stub.Transmit(request, timeout=self._timeout_s, wait_for_ready=True)
        except grpc.RpcError as error:
            raise call_error(error, self._channel) from error


class _Clock:
    """Laps in milliseconds."""

    def __init__(self) -> None:
        self.laps_ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps_ms[name] = 1e3 * (now - self._last)
        self._last = now
