"""Plain values to protocol messages and back: pairs of `x_to_proto` and `x_from_proto`, and nothing else."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

from dsc.v1 import channel_pb2, codebook_pb2, packet_pb2, retrieval_pb2
from dsc_common.errors import InvalidInputError
from dsc_common.link import LinkChoice, LinkReport, ReceivedSignal
from dsc_common.manifest import Artifact, ArtifactKind, HeadRule, Manifest
from dsc_common.modulation import Mode
from dsc_common.packet import HeadCodec, PacketFormat, Payload
from dsc_common.results import DEFAULT_TOP, RankedImage, RankedResults, Ranking, RetrievalOptions

HEAD_CODECS = {HeadCodec.ZERO: packet_pb2.HEAD_CODEC_ZERO, HeadCodec.CRC6: packet_pb2.HEAD_CODEC_CRC6}
PAYLOADS = {
    Payload.CODES: packet_pb2.PAYLOAD_CODES,
    Payload.CODE: packet_pb2.PAYLOAD_CODE,
    Payload.FEATURE: packet_pb2.PAYLOAD_FEATURE,
}
HEAD_RULES = {
    HeadRule.LABELS: codebook_pb2.HEAD_RULE_LABELS,
    HeadRule.NEAREST: codebook_pb2.HEAD_RULE_NEAREST,
}
MODES = {Mode.BPSK: channel_pb2.MODE_BPSK}
RANKINGS = {
    Ranking.SQUARED_DISTANCE: retrieval_pb2.RANKING_SQUARED_DISTANCE,
    Ranking.COSINE: retrieval_pb2.RANKING_COSINE,
    Ranking.FUSED: retrieval_pb2.RANKING_FUSED,
}
ARTIFACT_KINDS = {
    ArtifactKind.CODEBOOK: codebook_pb2.ARTIFACT_KIND_CODEBOOK,
    ArtifactKind.MODEL: codebook_pb2.ARTIFACT_KIND_MODEL,
}

_Member = TypeVar("_Member")
_Number = TypeVar("_Number")


def _member(table: Mapping[_Member, _Number], number: _Number, what: str) -> _Member:
    for member, value in table.items():
        if value == number:
            return member
    names = ", ".join(str(member) for member in table)
    raise InvalidInputError(f"expected {what} among {names}, got number {number}")


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
    )


def format_from_proto(message: packet_pb2.PacketFormat) -> PacketFormat:
    """Message → PacketFormat; InvalidInputError when a number is out of range."""
    return PacketFormat(
        num_labels=message.num_labels,
        head_labels=message.head_labels,
        num_subvectors=message.num_subvectors,
        bits_per_subvector=message.bits_per_subvector,
        head_codec=_member(HEAD_CODECS, message.head_codec, "a head codec"),
        payload=_member(PAYLOADS, message.payload, "a payload"),
        feature_dim=message.feature_dim,
    )


def signal_to_proto(signal: ReceivedSignal) -> channel_pb2.ReceivedSignal:
    """ReceivedSignal → message."""
    return channel_pb2.ReceivedSignal(
        mode=MODES[signal.mode],
        samples=signal.samples.tolist(),
        noise_variance=signal.noise_variance,
        channel_uses=signal.samples.size,
    )


def signal_from_proto(message: channel_pb2.ReceivedSignal) -> ReceivedSignal:
    """Message → ReceivedSignal; InvalidInputError on NaN, infinities, or another count than stated."""
    if message.channel_uses != len(message.samples):
        raise InvalidInputError(f"expected {message.channel_uses} samples, got {len(message.samples)}")
    samples = np.array(message.samples, dtype=np.float32)
    return ReceivedSignal(_member(MODES, message.mode, "a mode"), samples, message.noise_variance)


def link_choice_to_proto(choice: LinkChoice) -> channel_pb2.ChannelOptions:
    """LinkChoice → message."""
    mode = None if choice.mode is None else MODES[choice.mode]
    return channel_pb2.ChannelOptions(mode=mode, snr_db=choice.snr_db, seed=choice.seed)


def link_choice_from_proto(message: channel_pb2.ChannelOptions) -> LinkChoice:
    """Message → LinkChoice."""
    return LinkChoice(
        mode=_member(MODES, message.mode, "a mode") if message.HasField("mode") else None,
        snr_db=message.snr_db if message.HasField("snr_db") else None,
        seed=message.seed if message.HasField("seed") else None,
    )


def link_report_to_proto(report: LinkReport) -> channel_pb2.LinkReport:
    """LinkReport → message."""
    return channel_pb2.LinkReport(
        mode=MODES[report.mode],
        snr_db=report.snr_db,
        seed=report.seed,
        channel_uses=report.channel_uses,
        energy=report.energy,
        bit_errors=report.bit_errors,
        head_ok=report.head_ok,
    )


def link_report_from_proto(message: channel_pb2.LinkReport) -> LinkReport:
    """Message → LinkReport."""
    return LinkReport(
        mode=_member(MODES, message.mode, "a mode"),
        snr_db=message.snr_db,
        seed=message.seed,
        channel_uses=message.channel_uses,
        energy=message.energy,
        bit_errors=message.bit_errors,
        head_ok=message.head_ok,
    )


def options_to_proto(options: RetrievalOptions) -> retrieval_pb2.RetrievalOptions:
    """RetrievalOptions → message."""
    ranking = None if options.ranking is None else RANKINGS[options.ranking]
    return retrieval_pb2.RetrievalOptions(top=options.top, ranking=ranking)


def options_from_proto(message: retrieval_pb2.RetrievalOptions) -> RetrievalOptions:
    """Message → RetrievalOptions; what is left out takes its default."""
    ranking = None
    if message.ranking != retrieval_pb2.RANKING_UNSPECIFIED:
        ranking = _member(RANKINGS, message.ranking, "a ranking")
    return RetrievalOptions(top=message.top or DEFAULT_TOP, ranking=ranking)


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
        _member(ARTIFACT_KINDS, artifact.kind, "an artifact"): Artifact(artifact.size_bytes, artifact.sha256)
        for artifact in message.artifacts
    }
    return Manifest(
        codebook_version=message.codebook_version,
        scheme=message.scheme,
        format=format_from_proto(message.format),
        feature_dim=message.feature_dim,
        num_images=message.num_images,
        artifacts=artifacts,
        head_rule=_member(HEAD_RULES, message.head_rule, "a head rule"),
        sequential=message.sequential,
    )


def artifact_kind_to_proto(kind: ArtifactKind) -> codebook_pb2.ArtifactKind:
    """ArtifactKind → number."""
    return ARTIFACT_KINDS[kind]


def artifact_kind_from_proto(number: codebook_pb2.ArtifactKind) -> ArtifactKind:
    """Number → ArtifactKind."""
    return _member(ARTIFACT_KINDS, number, "an artifact")
