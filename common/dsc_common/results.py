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


@dataclass(frozen=True)
class RetrievalOptions:
    """Number of results wanted, and what candidates are ranked by; None is what the index was built for."""

    top: int = DEFAULT_TOP
    ranking: Ranking | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.top <= MAX_TOP:
            raise InvalidInputError(f"expected top from 1 to {MAX_TOP}, got {self.top}")


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
        head_check_ok: the head's check bits agree with its labels.
        notices: lines for a person, such as the reason of an empty result.
        server_ms: time spent in the server.
    """

    images: list[RankedImage]
    num_candidates: int
    head: list[int]
    head_check_ok: bool
    notices: list[str] = field(default_factory=list)
    server_ms: float = 0.0
