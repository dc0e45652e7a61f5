"""Options of a retrieval request: number of results, ranking, receiver, policy."""

from dataclasses import dataclass
from enum import StrEnum

from dsc_common.errors import InvalidInputError
from dsc_common.valid_text import require_valid_text

MAX_TOP = 10_000
DEFAULT_TOP = 10
MAX_RECEIVER_CHARACTERS = 64
FORMER_NAME = "fused"  # former name of the ranking "estimate"


class Ranking(StrEnum):
    """Ranking method of the candidates."""

    SQUARED_DISTANCE = "squared-distance"  # eq. (14)
    COSINE = "cosine"  # eq. (15)
    ESTIMATE = "estimate"  # one estimate of q, compared with the features of the database

    @classmethod
    def _missing_(cls, value: object) -> "Ranking | None":
        """Accept the former name of a ranking, from before version 0.2."""
        return cls.ESTIMATE if value == FORMER_NAME else None


class Policy(StrEnum):
    """Action on an answer of low confidence."""

    RETURN = "return"  # mark the answer, nothing else
    RESEND = "resend"  # send the packet again; the receiver combines all received transmissions
    EXHAUSTIVE = "exhaustive"  # search the whole database, not only the head's partitions


@dataclass(frozen=True)
class RetrievalOptions:
    """Options of a retrieval request.

    Attributes:
        top: number of results.
        ranking: ranking method; None: the method that the index was built for.
        receiver: name of a receiver; None: the server's default.
        policy: action on an answer of low confidence.
        confidence_threshold: confidence below it is low; None: the server's default.
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
        if self.receiver is not None:
            require_valid_text("the name of a receiver", self.receiver, MAX_RECEIVER_CHARACTERS)
