"""Ranked results, as plain values."""

from dataclasses import dataclass, field


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
        head: labels of the decoded head.
        head_trusted: the head is accepted as correct: its check bits agree or, with the joint receiver, it is
            correct with a probability of at least ½.
        notices: messages for a person, such as the reason for an empty result.
        server_ms: time that the server computed for this query, in milliseconds; without time in its queue.
        confidence: 0 to 1, the receiver's estimate of how well the packet was decoded.
        low_confidence: the confidence is below the threshold.
        receiver: name of the receiver that decoded the packet.
        head_errors_corrected: bits of the head that the receiver corrected.
        estimate_dim: dimension of the estimate of q that ranked the candidates; 0 if codes ranked them.
    """

    images: list[RankedImage]
    num_candidates: int
    head: list[int]
    head_trusted: bool
    notices: list[str] = field(default_factory=list)
    server_ms: float = 0.0
    confidence: float = 1.0
    low_confidence: bool = False
    receiver: str = ""
    head_errors_corrected: int = 0
    estimate_dim: int = 0
