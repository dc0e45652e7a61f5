"""Ranked results, as plain values."""

from dataclasses import dataclass, field
from enum import StrEnum

from dsc_common.errors import InvalidInputError

MAX_TOP = 10_000
DEFAULT_TOP = 10


class Ranking(StrEnum):
    """What candidates are ranked by."""

    SQUARED_DISTANCE = "squared-distance"  # eq. (14)
    COSINE = "cosine"  # eq. (15)
    FUSED = "fused"  # one estimate of q against the features that the server holds


class Policy(StrEnum):
    """What to do with an answer of low confidence."""

    RETURN = "return"  # say so, and nothing else
    RESEND = "resend"  # send the packet again; the receiver combines all that arrived
    EXHAUSTIVE = "exhaustive"  # search the whole database, not only the head's partitions


@dataclass(frozen=True)
class RetrievalOptions:
    """What a query wants of the server.

    Attributes:
        top: number of results.
        ranking: what candidates are ranked by; None is what the index was built for.
        receiver: name of a receiver; None is the server's default.
        policy: what to do with an answer of low confidence.
        confidence_threshold: below it confidence is low; None is the server's default.
    """

    top: int = DEFAULT_TOP
    ranking: Ranking | None = None
    receiver: str | None = None
    policy: Policy = Policy.RETURN
    confidence_threshold: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.top <= MAX_TOP:
            raise InvalidInputError(f"expected top from 1 to {MAX_TOP}, got {self.top}")
        threshold = self.confidence_threshold
        if threshold is not None and not 0 <= threshold <= 1:
            raise InvalidInputError(f"expected a confidence threshold from 0 to 1, got {threshold:g}")


@dataclass(frozen=True)
class RankedImage:
    """One result; rank counts from 1, a higher score is better."""

    rank: int
    image_id: str
    uri: str
    label: int
    score: float


@dataclass(frozen=True)
class RankedResults:
    """Answer to one query.

    Attributes:
        images: best first.
        num_candidates: images compared.
        head: the labels as the receiver decoded them.
        head_check_ok: the receiver holds the head to be right: its check bits agree, or it is likelier
            right than not.
        notices: lines for a person, such as the reason of an empty result.
        server_ms: time spent in the server.
        confidence: the receiver's own estimate, 0 to 1, that it read the packet well enough.
        low_confidence: it is below the threshold.
        receiver: name of the receiver that read the packet.
        head_errors_corrected: bits of the head that the receiver changed.
        estimate_dim: numbers of the feature that the candidates were compared with; 0 when by codes.
    """

    images: list[RankedImage]
    num_candidates: int
    head: list[int]
    head_check_ok: bool
    notices: list[str] = field(default_factory=list)
    server_ms: float = 0.0
    confidence: float = 1.0
    low_confidence: bool = False
    receiver: str = ""
    head_errors_corrected: int = 0
    estimate_dim: int = 0
