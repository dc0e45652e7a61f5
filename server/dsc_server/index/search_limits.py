"""Bounds on the work of one query: settings that trade accuracy for time, like nprobe or ef elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from dsc_common.errors import InvalidInputError
from dsc_common.radio.demodulation import MAX_SIGNALS


@dataclass(frozen=True)
class SearchLimits:
    """Bounds on the work of one query; settings of a server, not part of an index.

    Attributes:
        max_signals: received signals of a packet, one for each transmission.
        max_samples: samples of all its signals.
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

    max_signals: int = MAX_SIGNALS
    max_samples: int = 2_000_000
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

    def require_signals(self, samples: Sequence[int]) -> None:
        """Raise InvalidInputError unless a request may have signals of so many samples each."""
        if not 1 <= len(samples) <= self.max_signals:
            raise InvalidInputError(f"expected 1 to {self.max_signals} received signals, got {len(samples)}")
        if sum(samples) > self.max_samples:
            raise InvalidInputError(f"expected up to {self.max_samples} samples in all, got {sum(samples)}")


DEFAULT_LIMITS = SearchLimits()
