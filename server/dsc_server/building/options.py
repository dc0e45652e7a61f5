"""What a build may choose, apart from what it needs to run."""

from dataclasses import dataclass, field
from pathlib import Path

from dsc_common.packet.format import HeadCodec
from dsc_model import BackboneOptions
from dsc_server.scheme_specs import DEFAULT_SCHEME


@dataclass(frozen=True)
class BuildOptions:
    """Options of `dsc-server build`; K and F are those of the backbone.

    Attributes:
        scheme: a scheme and what is changed of it, as `parse_scheme` reads it.
        backbone: name of the backbone to export.
        backbone_options: its image size and weights.
        model: a model that is already exported, instead of a backbone.
        head_labels: T.
        num_subvectors: M, where the scheme leaves it open.
        bits_per_subvector: L.
        head_codec: how the head is protected.
        seed: of k-means.
        skip_unreadable: leave out photos that cannot be read, instead of stopping.
        overwrite: replace an index that is there already.
    """

    scheme: str = DEFAULT_SCHEME
    backbone: str = "efficientnet-lite0"
    backbone_options: BackboneOptions = field(default_factory=BackboneOptions)
    model: Path | None = None
    head_labels: int = 5
    num_subvectors: int = 8
    bits_per_subvector: int = 8
    head_codec: HeadCodec = HeadCodec.CRC6
    seed: int = 0
    skip_unreadable: bool = False
    overwrite: bool = False
