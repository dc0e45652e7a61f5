"""What a server offers for download, as plain values."""

import re
from dataclasses import dataclass
from enum import StrEnum

from dsc_common.errors import InvalidInputError
from dsc_common.packet import PacketFormat


class ArtifactKind(StrEnum):
    """What a device downloads."""

    CODEBOOK = "codebook"
    MODEL = "model"


@dataclass(frozen=True)
class Artifact:
    """One file for download: its size in bytes and the lower-case hexadecimal SHA-256 of the whole."""

    size_bytes: int
    sha256: str

    def __post_init__(self) -> None:
        if re.fullmatch("[0-9a-f]{64}", self.sha256) is None:
            raise InvalidInputError(f"expected 64 hexadecimal digits of a SHA-256, got {self.sha256!r}")


@dataclass(frozen=True)
class Manifest:
    """What the server holds now: F = feature_dim, N = num_images, and one artifact of each kind."""

    codebook_version: str
    scheme: str
    format: PacketFormat
    feature_dim: int
    num_images: int
    artifacts: dict[ArtifactKind, Artifact]
