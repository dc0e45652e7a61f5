"""The manifest of a server: packet format, codebook version and files for download."""

import re
from dataclasses import dataclass
from enum import StrEnum

from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import PacketFormat


class HeadRule(StrEnum):
    """How the device chooses the labels of the head."""

    LABELS = "labels"  # the most likely labels (eq. 11): DSC
    NEAREST = "nearest"  # the partitions whose codewords lie nearest to the feature: DUC


class ArtifactKind(StrEnum):
    """Kind of a file that a device downloads."""

    CODEBOOK = "codebook"
    MODEL = "model"


@dataclass(frozen=True)
class Artifact:
    """One file for download: its size in bytes and its SHA-256 in lower-case hexadecimal."""

    size_bytes: int
    sha256: str

    def __post_init__(self) -> None:
        if re.fullmatch("[0-9a-f]{64}", self.sha256) is None:
            raise InvalidInputError(f"expected 64 hexadecimal digits of a SHA-256, got {self.sha256!r}")


@dataclass(frozen=True)
class CodebookParts:
    """A codebook in parts, for devices that download R^i when they first need it.

    Attributes:
        codewords: C, the transform, and the number of words of each partition.
        subcodebooks: R^i of each partition i.
    """

    codewords: Artifact
    subcodebooks: tuple[Artifact, ...]


@dataclass(frozen=True)
class AcceptedModel:
    """A network whose features a codebook accepts.

    Attributes:
        name: what a device asks for: float32, int8, …
        file: the ONNX file.
        map_loss: mAP that queries lose with it, compared with the network of the index; None: not measured.
    """

    name: str
    file: Artifact
    map_loss: float | None = None


@dataclass(frozen=True)
class Manifest:
    """Description of the index that a server holds.

    Attributes:
        codebook_version: content hash of codebook, model and packet shape.
        scheme: name of the scheme that built the index.
        format: shape of the packets.
        feature_dim: F.
        num_images: N.
        artifacts: the whole codebook, and the network of the index if it has one.
        head_rule: how the device chooses the labels of the head.
        sequential: each code is chosen given the codes before it.
        parts: the codebook in parts; None where all partitions share one R.
        models: every network that the codebook accepts; the index has the first. Servers of version 0.2.0
            name none.
    """

    codebook_version: str
    scheme: str
    format: PacketFormat
    feature_dim: int
    num_images: int
    artifacts: dict[ArtifactKind, Artifact]
    head_rule: HeadRule = HeadRule.LABELS
    sequential: bool = False
    parts: CodebookParts | None = None
    models: tuple[AcceptedModel, ...] = ()
