"""Options of a build."""

from dataclasses import dataclass, field
from pathlib import Path

from dsc_common.codebook.precision import Precision
from dsc_common.features.hardware import CPU, Hardware
from dsc_common.packet.format import HeadCodec
from dsc_model import BackboneOptions
from dsc_server.scheme_specs import DEFAULT_SCHEME


@dataclass(frozen=True)
class BuildOptions:
    """Options of `dsc-server build`; K and F are those of the backbone.

    Attributes:
        scheme: a scheme with changes, in the syntax of `parse_scheme`.
        backbone: name of the backbone to export.
        backbone_options: image size and weights of the backbone.
        model: an exported model, instead of a backbone.
        head_labels: T; 5 if None.
        num_subvectors: M; the scheme's, or 8, if None.
        bits_per_subvector: L; 8 if None.
        head_codec: protection of the head; the scheme's, or CRC-6, if None.
        precision: of the words; if None, int8 where each partition has its code, else float16.
        whitening: a file of `dsc-model whiten`, for the rotation; None: the database's alone.
        seed: seed of k-means.
        hardware: where the network computes.
        strict: stop at whatever cannot be read, instead of leaving it out.
        exclude: glob patterns of files and folders to pass over.
        feature_store: folder in which features are kept for later builds; None keeps none.
        overwrite: replace an existing index.
    """

    scheme: str = DEFAULT_SCHEME
    backbone: str = "efficientnet-lite0"
    backbone_options: BackboneOptions = field(default_factory=BackboneOptions)
    model: Path | None = None
    head_labels: int | None = None
    num_subvectors: int | None = None
    bits_per_subvector: int | None = None
    head_codec: HeadCodec | None = None
    precision: Precision | None = None
    whitening: Path | None = None
    seed: int = 0
    hardware: Hardware = CPU
    strict: bool = False
    exclude: tuple[str, ...] = ()
    feature_store: Path | None = None
    overwrite: bool = False
