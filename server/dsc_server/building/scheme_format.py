"""The packet format of a scheme."""

from dataclasses import replace

from dsc_common.packet.format import PacketFormat, Payload
from dsc_server.scheme_specs import Partitioning, SchemeSpec


def scheme_format(fmt: PacketFormat, spec: SchemeSpec, num_labels: int, feature_dim: int) -> PacketFormat:
    """The packet format with the fields that the scheme sets; without partitions there is no head.

    Raises:
        InvalidInputError: fewer partitions than labels in the head.
    """
    headless = spec.partitioning is Partitioning.NONE
    return replace(
        fmt,
        num_partitions=num_labels,
        head_labels=1 if headless else fmt.head_labels,
        num_subvectors=spec.num_subvectors or fmt.num_subvectors,
        head_codec=spec.head_codec(fmt.head_codec),
        payload=spec.payload,
        payload_dim=_sent_dim(feature_dim, spec) if spec.payload is Payload.FEATURE else 0,
        scrambled=spec.scrambled,
    )


def _sent_dim(feature_dim: int, spec: SchemeSpec) -> int:
    return spec.projection_dim or feature_dim
