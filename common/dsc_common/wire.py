"""Plain values to protocol messages and back: pairs of `x_to_proto` and `x_from_proto`, and nothing else."""

from dsc.v1 import codebook_pb2, packet_pb2, retrieval_pb2
from dsc_common.enum_numbers import member_of
from dsc_common.manifest import Artifact, ArtifactKind, HeadRule, Manifest
from dsc_common.packet import HeadCodec, PacketFormat, Payload
from dsc_common.results import DEFAULT_TOP, Policy, RankedImage, RankedResults, Ranking, RetrievalOptions

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
HEAD_RULES = {
    HeadRule.LABELS: codebook_pb2.HEAD_RULE_LABELS,
    HeadRule.NEAREST: codebook_pb2.HEAD_RULE_NEAREST,
}
RANKINGS = {
    Ranking.SQUARED_DISTANCE: retrieval_pb2.RANKING_SQUARED_DISTANCE,
    Ranking.COSINE: retrieval_pb2.RANKING_COSINE,
    Ranking.FUSED: retrieval_pb2.RANKING_FUSED,
}
POLICIES = {
    Policy.RETURN: retrieval_pb2.POLICY_RETURN,
    Policy.RESEND: retrieval_pb2.POLICY_RESEND,
    Policy.EXHAUSTIVE: retrieval_pb2.POLICY_EXHAUSTIVE,
}
ARTIFACT_KINDS = {
    ArtifactKind.CODEBOOK: codebook_pb2.ARTIFACT_KIND_CODEBOOK,
    ArtifactKind.MODEL: codebook_pb2.ARTIFACT_KIND_MODEL,
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
    )


def options_to_proto(options: RetrievalOptions) -> retrieval_pb2.RetrievalOptions:
    """RetrievalOptions → message."""
    ranking = None if options.ranking is None else RANKINGS[options.ranking]
    return retrieval_pb2.RetrievalOptions(
        top=options.top,
        ranking=ranking,
        receiver=options.receiver or "",
        policy=POLICIES[options.policy],
        confidence_threshold=options.confidence_threshold,
    )


def options_from_proto(message: retrieval_pb2.RetrievalOptions) -> RetrievalOptions:
    """Message → RetrievalOptions; what is left out takes its default."""
    ranking, policy = None, Policy.RETURN
    if message.ranking != retrieval_pb2.RANKING_UNSPECIFIED:
        ranking = member_of(RANKINGS, message.ranking, "a ranking")
    if message.policy != retrieval_pb2.POLICY_UNSPECIFIED:
        policy = member_of(POLICIES, message.policy, "a policy")
    return RetrievalOptions(
        top=message.top or DEFAULT_TOP,
        ranking=ranking,
        receiver=message.receiver or None,
        policy=policy,
        confidence_threshold=(
            message.confidence_threshold if message.HasField("confidence_threshold") else None
        ),
    )


def results_to_proto(results: RankedResults) -> retrieval_pb2.RankedResults:
    """RankedResults → message."""
    images = [
        retrieval_pb2.RankedImage(
            rank=image.rank, image_id=image.image_id, uri=image.uri, label=image.label, score=image.score
        )
        for image in results.images
    ]
    return retrieval_pb2.RankedResults(
        images=images,
        num_candidates=results.num_candidates,
        head=results.head,
        head_check_ok=results.head_check_ok,
        notices=results.notices,
        server_ms=results.server_ms,
        confidence=results.confidence,
        low_confidence=results.low_confidence,
        receiver=results.receiver,
        head_errors_corrected=results.head_errors_corrected,
        estimate_dim=results.estimate_dim,
    )


def results_from_proto(message: retrieval_pb2.RankedResults) -> RankedResults:
    """Message → RankedResults."""
    images = [
        RankedImage(image.rank, image.image_id, image.uri, image.label, image.score)
        for image in message.images
    ]
    return RankedResults(
        images=images,
        num_candidates=message.num_candidates,
        head=list(message.head),
        head_check_ok=message.head_check_ok,
        notices=list(message.notices),
        server_ms=message.server_ms,
        confidence=message.confidence,
        low_confidence=message.low_confidence,
        receiver=message.receiver,
        head_errors_corrected=message.head_errors_corrected,
        estimate_dim=message.estimate_dim,
    )


def manifest_to_proto(manifest: Manifest) -> codebook_pb2.Manifest:
    """Manifest → message."""
    artifacts = [
        codebook_pb2.Artifact(
            kind=ARTIFACT_KINDS[kind], size_bytes=artifact.size_bytes, sha256=artifact.sha256
        )
        for kind, artifact in manifest.artifacts.items()
    ]
    return codebook_pb2.Manifest(
        codebook_version=manifest.codebook_version,
        scheme=manifest.scheme,
        format=format_to_proto(manifest.format),
        feature_dim=manifest.feature_dim,
        num_images=manifest.num_images,
        artifacts=artifacts,
        head_rule=HEAD_RULES[manifest.head_rule],
        sequential=manifest.sequential,
    )


def manifest_from_proto(message: codebook_pb2.Manifest) -> Manifest:
    """Message → Manifest."""
    artifacts = {
        member_of(ARTIFACT_KINDS, artifact.kind, "an artifact"): Artifact(
            artifact.size_bytes, artifact.sha256
        )
        for artifact in message.artifacts
    }
    return Manifest(
        codebook_version=message.codebook_version,
        scheme=message.scheme,
        format=format_from_proto(message.format),
        feature_dim=message.feature_dim,
        num_images=message.num_images,
        artifacts=artifacts,
        head_rule=member_of(HEAD_RULES, message.head_rule, "a head rule"),
        sequential=message.sequential,
    )


def artifact_kind_to_proto(kind: ArtifactKind) -> codebook_pb2.ArtifactKind:
    """ArtifactKind → number."""
    return ARTIFACT_KINDS[kind]


def artifact_kind_from_proto(number: codebook_pb2.ArtifactKind) -> ArtifactKind:
    """Number → ArtifactKind."""
    return member_of(ARTIFACT_KINDS, number, "an artifact")
