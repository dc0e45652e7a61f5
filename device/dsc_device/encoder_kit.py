"""The encoder of a device, from photo to packet: manifest, codebook, feature extractor."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import EncoderCodebook
from dsc_common.codebook.manifest import HeadRule, Manifest
from dsc_common.errors import InvalidInputError
from dsc_common.features.extraction import Extraction
from dsc_common.features.extractor import Extractor
from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import pack
from dsc_device.encoding import encode


@dataclass(frozen=True)
class EncodedPacket:
    """A packet, ready to be sent.

    Attributes:
        data: bytes of the packet; 47 by default.
        format: shape of the packet.
        head: the T labels (or cells) of the head.
        head_labels: names of these labels; empty without a head.
    """

    data: bytes
    format: PacketFormat
    head: list[int]
    head_labels: list[str]


@dataclass(frozen=True, eq=False)
class EncoderKit:
    """Encodes photos for one index; calls from several threads are safe.

    Attributes:
        manifest: shape and rules of the packets, version of the codebook.
        codebook: C and R.
        extractor: photo → feature q and class probabilities p; None if only extractions are encoded.
        model: name of the extractor's network at the server; empty if the server names none.
    """

    manifest: Manifest
    codebook: EncoderCodebook
    extractor: Extractor | None
    model: str = ""

    def encode(self, query: Path | Extraction) -> EncodedPacket:
        """Encode a photo, or the extraction of a photo (eqs. 4–6, 11, 12).

        Args:
            query: path of a photo, or its q (F,) and p (K,). Schemes whose head holds the nearest cells
                ignore p.

        Raises:
            InvalidImageError: the photo cannot be read.
            InvalidInputError: q or p has a wrong dimension or is not finite; or a photo without an extractor.
        """
        return self.pack(self.extract(query))

    def extract(self, query: Path | Extraction) -> Extraction:
        """Feature and probabilities of a photo; a given extraction is checked (see `encode`)."""
        if isinstance(query, Path):
            if self.extractor is None:
                raise InvalidInputError(
                    "expected a feature and probabilities, got a photo: no network reads photos here"
                )
            return self.extractor.extract(query)
        self._require_fit(query)
        return query

    def pack(self, extraction: Extraction) -> EncodedPacket:
        """The packet of an extraction."""
        manifest = self.manifest
        packet = encode(
            extraction.feature,
            extraction.probabilities,
            self.codebook,
            manifest.format,
            manifest.head_rule,
            sequential=manifest.sequential,
        )
        head = packet.labels.tolist()
        return EncodedPacket(pack(packet, manifest.format), manifest.format, head, self._names(head))

    def _require_fit(self, extraction: Extraction) -> None:
        _require_vector("a feature", extraction.feature, self.manifest.feature_dim)
        if self.manifest.head_rule is HeadRule.LABELS and self.manifest.format.num_partitions > 1:
            _require_vector("probabilities", extraction.probabilities, self.manifest.format.num_partitions)

    def _names(self, head: list[int]) -> list[str]:
        if self.manifest.format.label_bits == 0:
            return []
        if self.manifest.head_rule is HeadRule.NEAREST:
            return [f"cell {label}" for label in head]
        if self.extractor is None:
            return [f"label {label}" for label in head]
        return [self.extractor.info.labels[label] for label in head]


def _require_vector(name: str, values: NDArray[np.float32], size: int) -> None:
    if values.shape != (size,) or values.dtype != np.float32:
        raise InvalidInputError(
            f"expected {name} of {size} numbers in float32, got {values.dtype} of shape {values.shape}"
        )
    if not np.isfinite(values).all():
        raise InvalidInputError(f"expected {name} of finite numbers, got NaN or infinity")
