"""What a request may choose: number of results, ranking, receiver, policy."""

from dataclasses import dataclass
from enum import StrEnum

from dsc_common.errors import InvalidInputError

MAX_TOP = 10_000
DEFAULT_TOP = 10
FORMER_NAME = "fused"  # of the ranking "estimate"


class Ranking(StrEnum):
    """What candidates are ranked by."""

    SQUARED_DISTANCE = "squared-distance"  # eq. (14)
    COSINE = "cosine"  # eq. (15)
    ESTIMATE = "estimate"  # one estimate of q against the features that the server holds

    @classmethod
    def _missing_(cls, value: object) -> "Ranking | None":
        """The name that a ranking had before version 0.2."""
        return cls.ESTIMATE if value == FORMER_NAME else None


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
