"""Schemes by name: partitioning of the database, payload of the query, ranking of the candidates."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from dsc_common.codebook.manifest import HeadRule
from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import HeadCodec, Payload
from dsc_common.retrieval.options import FORMER_NAME, Ranking

MAX_SPILL = 10
MAX_DIM = 4096  # D


class Partitioning(StrEnum):
    """Assignment of images to partitions."""

    LABEL = "label"  # the most likely label (eqs. 1, 2): DSC
    KMEANS = "kmeans"  # the nearest of K centroids: DUC-IVF
    MULTI_INDEX = "multi-index"  # the nearest centroid of each half: DUC-IMI
    GROUPED = "grouped"  # k-means cells, split towards their neighbours and pruned: DUC-G+P
    NONE = "none"  # one partition


@dataclass(frozen=True)
class SchemeSpec:
    """A scheme.

    Attributes:
        name: as in `SCHEMES`.
        partitioning: assignment of images to partitions.
        payload: content of a query packet after the head.
        ranking: ranking method of the candidates.
        num_subvectors: M; 0 leaves it to the packet format.
        num_cells: K of an unsupervised partitioning; a label partitioning has the extractor's K.
        spill: a; a database image is listed in its a most likely (or nearest) partitions.
        sequential: each code is chosen given the codes before it.
        projection_dim: D of the learned projection; 0: none.
        augmentation: number of neighbours that a database feature is averaged with.
        expansion: number of results that a query is averaged with before its second ranking.
        probes: number of partitions nearest to the estimate that are read besides those of the head.
        ordered: words are ordered for robustness against bit errors; otherwise their order is random.
        scrambled: codes are masked with words that depend on their labels.
        codec: head codec; None leaves it to the packet format.
        medoid: a partition's codeword is the member nearest to the mean, as eq. (3) reads, not the mean.
    """

    name: str
    partitioning: Partitioning
    payload: Payload
    ranking: Ranking
    num_subvectors: int = 0
    num_cells: int = 1000
    spill: int = 1
    sequential: bool = False
    projection_dim: int = 0
    augmentation: int = 0
    expansion: int = 0
    probes: int = 0
    ordered: bool = True
    scrambled: bool = False
    codec: HeadCodec | None = None
    medoid: bool = False

    def __post_init__(self) -> None:
        if self.num_cells < 1:
            raise InvalidInputError(f"expected K (cells) from 1, got {self.num_cells}")
        if (
            self.partitioning is Partitioning.MULTI_INDEX
            and math.isqrt(self.num_cells) ** 2 != self.num_cells
        ):
            raise InvalidInputError(f"expected K (cells) of two halves to be a square, got {self.num_cells}")
        if not 1 <= self.spill <= MAX_SPILL:
            raise InvalidInputError(f"expected a spill from 1 to {MAX_SPILL}, got {self.spill}")
        if self.partitioning is Partitioning.GROUPED and self.spill > 1:
            raise InvalidInputError("expected spill 1 with grouped cells")
        if self.ranking is not Ranking.ESTIMATE and self.payload is not Payload.CODES:
            raise InvalidInputError(
                f"expected the ranking estimate with a {self.payload} payload, got {self.ranking}"
            )
        if self.scrambled and self.payload is not Payload.CODES:
            raise InvalidInputError(f"expected a codes payload to scramble, got {self.payload}")
        if self.sequential and self.payload is not Payload.CODES:
            raise InvalidInputError(f"expected a codes payload for sequential codes, got {self.payload}")

    @property
    def head_rule(self) -> HeadRule:
        """Rule by which a device chooses the labels of the head."""
        return HeadRule.LABELS if self.partitioning is Partitioning.LABEL else HeadRule.NEAREST

    def require_head(self, head_labels: int) -> None:
        """Raise InvalidInputError if a head of T labels exceeds the K of the scheme.

        A small database may have fewer partitions; that is checked after partitioning.
        """
        if self.partitioning not in (Partitioning.LABEL, Partitioning.NONE) and head_labels > self.num_cells:
            raise InvalidInputError(
                f"scheme {self.name}: expected T (labels in the head) from 1 to K = {self.num_cells}, "
                f"got {head_labels}"
            )

    @property
    def keeps_features(self) -> bool:
        """Whether the server ranks with the features of the database."""
        return self.ranking is Ranking.ESTIMATE

    def head_codec(self, requested: HeadCodec) -> HeadCodec:
        """The head codec; a scheme without a head has no check bits."""
        return HeadCodec.ZERO if self.partitioning is Partitioning.NONE else self.codec or requested


def _raw(name: str, partitioning: Partitioning, num_cells: int = 1000) -> SchemeSpec:
    return SchemeSpec(name, partitioning, Payload.FEATURE, Ranking.ESTIMATE, num_cells=num_cells)


def _uncoded(name: str, partitioning: Partitioning, projection_dim: int) -> SchemeSpec:
    """The projected feature as payload: for modes that send it uncoded."""
    return SchemeSpec(
        name, partitioning, Payload.FEATURE, Ranking.ESTIMATE, num_cells=1, projection_dim=projection_dim
    )


def _coded(
    name: str, partitioning: Partitioning, num_subvectors: int = 0, num_cells: int = 1000
) -> SchemeSpec:
    ranking = Ranking.SQUARED_DISTANCE
    return SchemeSpec(name, partitioning, Payload.CODES, ranking, num_subvectors, num_cells)


_SHARED = SchemeSpec(
    "dsc-shared", Partitioning.LABEL, Payload.CODE, Ranking.ESTIMATE, num_subvectors=40, projection_dim=200
)

_BEYOND: dict[str, Any] = {"spill": 5, "augmentation": 10, "expansion": 5, "probes": 20}
# The first is the default; `exhaustive` shows the limit of the feature.
SCHEMES = {
    spec.name: spec
    for spec in (
        replace(_SHARED, name="dsc", **_BEYOND),
        _SHARED,
        _coded("dsc-pq", Partitioning.LABEL),
        _raw("dsc-raw", Partitioning.LABEL),
        _coded("duc-ivf-pq", Partitioning.KMEANS),
        _raw("duc-ivf-raw", Partitioning.KMEANS),
        _coded("duc-imi-pq", Partitioning.MULTI_INDEX, num_cells=1024),
        _raw("duc-imi-raw", Partitioning.MULTI_INDEX, num_cells=1024),
        _raw("duc-gp-raw", Partitioning.GROUPED),
        _coded("duc-pq", Partitioning.NONE, num_subvectors=40, num_cells=1),
        _raw("exhaustive", Partitioning.NONE, num_cells=1),
        _uncoded("analog-pca", Partitioning.NONE, projection_dim=376),
        replace(_uncoded("hybrid", Partitioning.LABEL, projection_dim=160), **_BEYOND),
    )
}
DEFAULT_SCHEME = "dsc"
# Schemes with features for modes that send them uncoded; sent as bits, they are as long as raw features.
UNCODED = ("analog-pca", "hybrid")

_NUMBER = re.compile(r"(spill|M|K|D|expansion|augmentation|probes)=(\d{1,6})")
_SWITCHES: dict[str, dict[str, object]] = {
    "sequential": {"sequential": True},
    "scrambled": {"scrambled": True},
    "unordered": {"ordered": False},
    "medoid": {"medoid": True},
}
_FIELDS = {"M": "num_subvectors", "K": "num_cells", "D": "projection_dim"}
# Changes that would have no effect on a scheme.
_IDLE: dict[str, Callable[[SchemeSpec], bool]] = {
    "K": lambda spec: spec.partitioning in (Partitioning.LABEL, Partitioning.NONE),
    "M": lambda spec: spec.payload is Payload.FEATURE,
    "D": lambda spec: SCHEMES[spec.name.split("+")[0]].projection_dim == 0,
    "spill": lambda spec: spec.partitioning is Partitioning.NONE,
    "augmentation": lambda spec: not spec.keeps_features,
    "expansion": lambda spec: not spec.keeps_features,
    "probes": lambda spec: not spec.keeps_features,
    "unordered": lambda spec: spec.payload is Payload.FEATURE,
    "medoid": lambda spec: spec.partitioning is not Partitioning.LABEL or spec.payload is not Payload.CODES,
}


def _require_dim(dim: object, text: str) -> None:
    if not 1 <= int(str(dim)) <= MAX_DIM:
        raise InvalidInputError(f"expected D (dimensions) from 1 to {MAX_DIM} in scheme {text!r}, got {dim}")


def parse_scheme(text: str) -> SchemeSpec:
    """A scheme with changes, such as 'dsc-pq+spill=3+estimate+sequential' → its specification.

    After '+' come spill=a, M=m, K=k, D=d, augmentation=n, expansion=n, probes=n, sequential, unordered,
    scrambled, medoid, a head codec or a ranking by name.

    Raises:
        InvalidInputError: an unknown scheme or change, or a change that does not apply to the scheme.
    """
    name, *changes = text.split("+")
    named = {change.split("=")[0] for change in changes}
    if name not in SCHEMES:
        raise InvalidInputError(f"unknown scheme {name!r}; expected one of {', '.join(SCHEMES)}")
    spec = SCHEMES[name]
    fields: dict[str, object] = {}
    for change in changes:
        if match := _NUMBER.fullmatch(change):
            fields[_FIELDS.get(match[1], match[1])] = int(match[2])
        elif change in _SWITCHES:
            fields |= _SWITCHES[change]
        elif change in set(HeadCodec):
            fields["codec"] = HeadCodec(change)
        elif change in {*Ranking, FORMER_NAME}:
            fields["ranking"] = Ranking(change)
        else:
            raise InvalidInputError(f"unknown change {change!r} in scheme {text!r}")
    if fields.get("num_subvectors") == 0:  # in a spec, 0 leaves M to the packet format
        raise InvalidInputError(f"expected M (sub-vectors) from 1 in scheme {text!r}, got 0")
    _require_dim(fields.get("projection_dim", 1), text)
    changed = replace(spec, **fields, name=text)  # type: ignore[arg-type]
    for change, is_idle in _IDLE.items():
        if change in named and is_idle(changed):
            raise InvalidInputError(f"{change} changes nothing in scheme {text!r}")
    return changed
