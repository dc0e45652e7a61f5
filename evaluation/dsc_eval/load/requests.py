"""Packets → encoded messages of `Retrieve` and `Transmit`; no other module of the evaluation has messages."""

from collections.abc import Sequence
from dataclasses import dataclass

from dsc.v1 import packet_pb2, retrieval_pb2, transmission_pb2
from dsc_channel.transmission import transmit
from dsc_common.codebook.manifest import Manifest
from dsc_common.radio.link import LinkChoice, LinkSettings
from dsc_common.retrieval.options import RetrievalOptions
from dsc_common.wire.channel import link_choice_to_proto, signal_to_proto
from dsc_common.wire.packet import format_to_proto
from dsc_common.wire.retrieval import options_to_proto
from dsc_eval.load.calling import Method


@dataclass(frozen=True)
class Packets:
    """Packets of one index.

    Attributes:
        manifest: of the index.
        data: the packets; number n has the request id "n", which its noise is keyed on.
    """

    manifest: Manifest
    data: Sequence[bytes]


def retrieve_requests(packets: Packets, link: LinkChoice, options: RetrievalOptions) -> list[bytes]:
    """What a channel sends to its server, once over the air.

    Raises:
        InvalidInputError: the packets do not fit the link.
    """
    settings = link.over(LinkSettings())
    fmt = packets.manifest.format
    return [
        retrieval_pb2.RetrieveRequest(
            request_id=str(number),
            signals=[signal_to_proto(transmit(data, fmt, settings, str(number)))],
            format=format_to_proto(fmt),
            codebook_version=packets.manifest.codebook_version,
            options=options_to_proto(options),
        ).SerializeToString()
        for number, data in enumerate(packets.data)
    ]


def transmit_requests(packets: Packets, link: LinkChoice, options: RetrievalOptions) -> list[bytes]:
    """What a device sends to a channel."""
    return [
        transmission_pb2.TransmitRequest(
            request_id=str(number),
            packet=packet_pb2.Packet(
                data=data,
                format=format_to_proto(packets.manifest.format),
                codebook_version=packets.manifest.codebook_version,
            ),
            channel=link_choice_to_proto(link),
            retrieval=options_to_proto(options),
            sequence=number,
        ).SerializeToString()
        for number, data in enumerate(packets.data)
    ]


REQUESTS = {Method.RETRIEVE: retrieve_requests, Method.TRANSMIT: transmit_requests}
