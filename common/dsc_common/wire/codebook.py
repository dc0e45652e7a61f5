"""Manifest and artifact kinds to their messages and back."""

from google.protobuf.message import DecodeError

from dsc.v1 import codebook_pb2
from dsc_common.codebook.manifest import (
    AcceptedModel,
    Artifact,
    ArtifactKind,
    CodebookParts,
    HeadRule,
    Manifest,
)
from dsc_common.errors import InvalidInputError
from dsc_common.wire.enums import member_of
from dsc_common.wire.packet import format_from_proto, format_to_proto

HEAD_RULES = {
    HeadRule.LABELS: codebook_pb2.HEAD_RULE_LABELS,
    HeadRule.NEAREST: codebook_pb2.HEAD_RULE_NEAREST,
}
ARTIFACT_KINDS = {
    ArtifactKind.CODEBOOK: codebook_pb2.ARTIFACT_KIND_CODEBOOK,
    ArtifactKind.MODEL: codebook_pb2.ARTIFACT_KIND_MODEL,
}


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
        parts=None if manifest.parts is None else _parts_to_proto(manifest.parts),
        models=[_model_to_proto(model) for model in manifest.models],
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
        parts=_parts_from_proto(message.parts) if message.HasField("parts") else None,
        models=tuple(_model_from_proto(model) for model in message.models),
    )


def _file_to_proto(file: Artifact) -> codebook_pb2.File:
    return codebook_pb2.File(size_bytes=file.size_bytes, sha256=file.sha256)


def _file_from_proto(message: codebook_pb2.File) -> Artifact:
    return Artifact(message.size_bytes, message.sha256)


def _parts_to_proto(parts: CodebookParts) -> codebook_pb2.CodebookParts:
    return codebook_pb2.CodebookParts(
        codewords=_file_to_proto(parts.codewords),
        subcodebooks=[_file_to_proto(file) for file in parts.subcodebooks],
    )


def _parts_from_proto(message: codebook_pb2.CodebookParts) -> CodebookParts:
    return CodebookParts(
        _file_from_proto(message.codewords), tuple(_file_from_proto(file) for file in message.subcodebooks)
    )


def _model_to_proto(model: AcceptedModel) -> codebook_pb2.AcceptedModel:
    file = _file_to_proto(model.file)
    return codebook_pb2.AcceptedModel(name=model.name, file=file, map_loss=model.map_loss)


def _model_from_proto(message: codebook_pb2.AcceptedModel) -> AcceptedModel:
    loss = message.map_loss if message.HasField("map_loss") else None
    return AcceptedModel(message.name, _file_from_proto(message.file), loss)


def artifact_kind_to_proto(kind: ArtifactKind) -> codebook_pb2.ArtifactKind:
    """ArtifactKind → number."""
    return ARTIFACT_KINDS[kind]


def artifact_kind_from_proto(number: codebook_pb2.ArtifactKind) -> ArtifactKind:
    """Number → ArtifactKind."""
    return member_of(ARTIFACT_KINDS, number, "an artifact")


def manifest_to_bytes(manifest: Manifest) -> bytes:
    """Manifest → bytes of its message, to be kept."""
    return manifest_to_proto(manifest).SerializeToString()


def manifest_from_bytes(data: bytes) -> Manifest:
    """Bytes of a kept message → Manifest.

    Raises:
        InvalidInputError: they are not a manifest's.
    """
    try:
        return manifest_from_proto(codebook_pb2.Manifest.FromString(data))
    except DecodeError as error:
        raise InvalidInputError("expected the message of a manifest, got other bytes") from error
