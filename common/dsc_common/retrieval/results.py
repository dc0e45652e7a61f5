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
        head: the labels as the receiver decoded them.
        head_trusted: the receiver holds the head to be right: its check bits agree, or it is likelier
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
    head_trusted: bool
    notices: list[str] = field(default_factory=list)
    server_ms: float = 0.0
    confidence: float = 1.0
    low_confidence: bool = False
    receiver: str = ""
    head_errors_corrected: int = 0
    estimate_dim: int = 0
