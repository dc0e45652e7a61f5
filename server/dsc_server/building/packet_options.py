"""Options of the packet's format: their defaults, and those that a scheme leaves without effect."""

from collections import Counter
from collections.abc import Iterator

from dsc_common.codebook.precision import Precision
from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import HeadCodec, PacketFormat, Payload
from dsc_server.building.options import BuildOptions
from dsc_server.scheme_specs import Partitioning, SchemeSpec, parse_scheme


def packet_format_of(options: BuildOptions, num_labels: int) -> PacketFormat:
    """The packet format that is asked for; `scheme_format` sets what the scheme fixes.

    Args:
        options: options of the build.
        num_labels: number of labels of the backbone.
    """
    return PacketFormat(
        num_partitions=num_labels,
        head_labels=head_labels_of(options),
        num_subvectors=8 if options.num_subvectors is None else options.num_subvectors,
        bits_per_subvector=8 if options.bits_per_subvector is None else options.bits_per_subvector,
        head_codec=HeadCodec.CRC6 if options.head_codec is None else options.head_codec,
    )


def spec_of(options: BuildOptions) -> SchemeSpec:
    """The scheme of a build.

    Raises:
        InvalidInputError: an unknown scheme, a head larger than its K, or an option without effect.
    """
    spec = parse_scheme(options.scheme)
    require_effect(options, spec)
    spec.require_head(head_labels_of(options))
    return spec


def head_labels_of(options: BuildOptions) -> int:
    """T."""
    return 5 if options.head_labels is None else options.head_labels


def precision_of(options: BuildOptions, spec: SchemeSpec) -> Precision:
    """The precision of the words: what is asked for, or the smallest that makes a difference (ADR 1)."""
    if options.precision is not None:
        return options.precision
    return Precision.INT8 if spec.payload is Payload.CODES else Precision.FLOAT16


def require_effect(options: BuildOptions, spec: SchemeSpec) -> None:
    """Raise InvalidInputError if an option or a change of the scheme would have no effect.

    An option that repeats what the scheme fixes is accepted.
    """
    changes = [change.split("=")[0] for change in spec.name.split("+")[1:]]
    for change, count in Counter(map(_topic, changes)).items():
        if count > 1:
            raise InvalidInputError(f"expected {change} once in scheme {spec.name!r}, got it {count} times")
    for option, given, fixed, reason in _idle(options, spec):
        if given is not None and given != fixed:
            raise InvalidInputError(f"{option} changes nothing in scheme {spec.name!r}: {reason}")


def _topic(change: str) -> str:
    return "a head codec" if change in set(HeadCodec) else change


def _idle(options: BuildOptions, spec: SchemeSpec) -> Iterator[tuple[str, object, object, str]]:
    """Options without effect: the option, the given value, the value that counts, and why."""
    codec, subvectors = options.head_codec, options.num_subvectors
    if not spec.projection_dim:
        yield "--whitening", options.whitening, None, "it has no rotation"
    if spec.payload is Payload.FEATURE:
        yield "--subvectors", subvectors, None, "it sends features, not codes"
        yield "--bits", options.bits_per_subvector, None, "it sends features, not codes"
    elif spec.num_subvectors:
        reason = f"its M is {spec.num_subvectors}, and M=… after '+' changes it"
        yield "--subvectors", subvectors, spec.num_subvectors, reason
    if spec.partitioning is Partitioning.NONE:
        yield "--head-labels", options.head_labels, None, "it has no head"
        yield "--head-codec", codec, HeadCodec.ZERO, "it has no head"
        yield f"{spec.codec}", spec.codec, HeadCodec.ZERO, "it has no head"
    elif spec.codec is not None:
        yield "--head-codec", codec, spec.codec, f"it names the head codec {spec.codec} itself"
