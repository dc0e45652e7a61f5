"""Hypothesis strategies of values that cross the wire: numbers, packet formats, packets."""

import math

import numpy as np
from hypothesis import strategies as st

from dsc_common.packet.format import MAX_LABELS, MAX_SET_BITS, HeadCodec, PacketFormat, Payload
from dsc_common.packet.packing import Packet

uint32 = st.integers(0, 2**32 - 1)
uint64 = st.integers(0, 2**64 - 1)
finite = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def formats(draw: st.DrawFn, max_subvectors: int = 20, max_payload_dim: int = 30) -> PacketFormat:
    """Any shape that a packet can have; codec `set` only where its number fits into 62 bits."""
    num_labels = draw(st.one_of(st.just(1), st.integers(1, 40), st.integers(1, MAX_LABELS)))
    payload = draw(st.sampled_from(Payload))
    head_labels = draw(st.integers(1, min(num_labels, 9)))
    fits = math.comb(num_labels, head_labels) <= 2**MAX_SET_BITS
    return PacketFormat(
        num_partitions=num_labels,
        head_labels=head_labels,
        num_subvectors=draw(st.integers(1, max_subvectors)),
        bits_per_subvector=draw(st.integers(1, 8)),
        head_codec=draw(st.sampled_from([codec for codec in HeadCodec if fits or codec != "set"])),
        payload=payload,
        scrambled=draw(st.booleans()) if payload is Payload.CODES else False,
        payload_dim=draw(st.integers(1, max_payload_dim)) if payload is Payload.FEATURE else 0,
    )


def num_codes(fmt: PacketFormat) -> int:
    """Codes of a payload, counted independently of PacketFormat."""
    if fmt.payload is Payload.CODES:
        return fmt.head_labels
    return 1 if fmt.payload is Payload.CODE else 0


@st.composite
def packets(draw: st.DrawFn) -> tuple[PacketFormat, Packet]:
    """A format and a packet of it; a feature may hold any float32, NaN included."""
    fmt = draw(formats())
    label = st.integers(0, fmt.num_partitions - 1)
    labels = draw(st.lists(label, min_size=fmt.head_labels, max_size=fmt.head_labels, unique=True))
    if fmt.head_codec is HeadCodec.SET:  # sent in ascending order
        labels.sort()
    word = st.integers(0, 2**fmt.bits_per_subvector - 1)
    code = st.lists(word, min_size=fmt.num_subvectors, max_size=fmt.num_subvectors)
    codes = [draw(code) for _ in range(num_codes(fmt))]
    number = st.floats(width=32, allow_nan=True)
    feature = draw(st.lists(number, min_size=fmt.payload_dim, max_size=fmt.payload_dim))
    return fmt, packet_for(fmt, labels, codes, feature)


def packet_for(fmt: PacketFormat, labels: list[int], codes: list[list[int]], feature: list[float]) -> Packet:
    """A packet of plain lists; M of the codes' (codes, M) is the format's."""
    shaped = np.array(codes, dtype=np.uint8).reshape(-1, fmt.num_subvectors)
    return Packet(np.array(labels, dtype=np.int64), shaped, np.array(feature, dtype=np.float32))
