"""Bounds on the work of one query: settings that trade accuracy for time, like nprobe or ef elsewhere."""

from dataclasses import dataclass, fields

from dsc_common.errors import InvalidInputError


@dataclass(frozen=True)
class SearchLimits:
    """Bounds on the work of one query; settings of a server, not part of an index.

    Attributes:
        max_candidates: images listed in the partitions that are read; the T most likely partitions are read
            whatever their size.
        min_candidates: images listed in the partitions that are read, at least; the partitions nearest to the
            estimate are read until then, if the scheme reads any of these.
        max_partitions: partitions read because the head may name them.
        rerank_depth: candidates of the first round that are re-ranked with their features.
        labels_per_slot: labels of each slot for which the code is estimated.
        scrambled_labels: labels of each slot whose masks are tried in a scrambled packet.
        likely_codewords: most likely codewords of a sub-vector that the soft minimum distinguishes.
    """

    max_candidates: int = 100_000
    min_candidates: int = 20_000
    max_partitions: int = 50
    rerank_depth: int = 1000
    labels_per_slot: int = 3
    scrambled_labels: int = 64
    likely_codewords: int = 64

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value < 1:
                raise InvalidInputError(f"expected {field.name} from 1, got {value}")


DEFAULT_LIMITS = SearchLimits()
