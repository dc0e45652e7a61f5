"""Strategies of hypothesis for values that several tests draw."""

import math

from hypothesis import strategies as st

from dsc_common.packet.format import HeadCodec, PacketFormat, Payload


@st.composite
def formats(draw: st.DrawFn) -> PacketFormat:
    """Any shape that `PacketFormat` accepts, with codes that stay small."""
    num_labels = draw(st.one_of(st.just(1), st.integers(1, 40), st.integers(1, 1 << 20)))
    payload = draw(st.sampled_from(Payload))
    head_labels = draw(st.integers(1, min(num_labels, 9)))
    fits = math.comb(num_labels, head_labels) <= 2**62
    return PacketFormat(
        num_partitions=num_labels,
        head_labels=head_labels,
        num_subvectors=draw(st.integers(1, 20)),
        bits_per_subvector=draw(st.integers(1, 8)),
        head_codec=draw(st.sampled_from([codec for codec in HeadCodec if fits or codec != "set"])),
        payload=payload,
        scrambled=draw(st.booleans()) if payload is Payload.CODES else False,
        payload_dim=draw(st.integers(1, 30)) if payload is Payload.FEATURE else 0,
    )
