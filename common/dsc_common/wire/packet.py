"""PacketFormat to its message and back."""

from dsc.v1 import packet_pb2
from dsc_common.packet.format import HeadCodec, PacketFormat, Payload
from dsc_common.wire.enums import member_of

HEAD_CODECS = {
    HeadCodec.ZERO: packet_pb2.HEAD_CODEC_ZERO,
    HeadCodec.CRC6: packet_pb2.HEAD_CODEC_CRC6,
    HeadCodec.SET: packet_pb2.HEAD_CODEC_SET,
}
PAYLOADS = {
    Payload.CODES: packet_pb2.PAYLOAD_CODES,
    Payload.CODE: packet_pb2.PAYLOAD_CODE,
    Payload.FEATURE: packet_pb2.PAYLOAD_FEATURE,
}


def format_to_proto(fmt: PacketFormat) -> packet_pb2.PacketFormat:
    """PacketFormat → message."""
    return packet_pb2.PacketFormat(
        num_labels=fmt.num_labels,
        head_labels=fmt.head_labels,
        num_subvectors=fmt.num_subvectors,
        bits_per_subvector=fmt.bits_per_subvector,
        head_codec=HEAD_CODECS[fmt.head_codec],
        payload=PAYLOADS[fmt.payload],
        feature_dim=fmt.feature_dim,
        scrambled=fmt.scrambled,
    )


def format_from_proto(message: packet_pb2.PacketFormat) -> PacketFormat:
    """Message → PacketFormat; InvalidInputError when a number is out of range."""
    return PacketFormat(
        num_labels=message.num_labels,
        head_labels=message.head_labels,
        num_subvectors=message.num_subvectors,
        bits_per_subvector=message.bits_per_subvector,
        head_codec=member_of(HEAD_CODECS, message.head_codec, "a head codec"),
        payload=member_of(PAYLOADS, message.payload, "a payload"),
        feature_dim=message.feature_dim,
        scrambled=message.scrambled,
    )
