"""A packet between receiver and ranking: partitions with their probabilities, and estimates of q."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dsc_common.packet.format import PacketFormat


@dataclass(frozen=True, eq=False)
class Observation:
    """A received packet after demodulation.

    Attributes:
        llrs: (bits,) float64, log P(0) / P(1) of each bit that is sent digitally: head, then payload.
        feature: (D,) float32, posterior mean of a feature that is sent uncoded: the noisier, the shorter;
            None for a digital payload.
    """

    llrs: NDArray[np.float64]
    feature: NDArray[np.float32] | None = None

    def head_llrs(self, fmt: PacketFormat) -> NDArray[np.float64]:
        """(8 · head_bytes,) float64: the LLRs of the head."""
        return self.llrs[: 8 * fmt.head_bytes]


@dataclass(frozen=True, eq=False)
class DecodedHead:
    """A decoded head.

    Attributes:
        labels: (T,) int64, the decided labels; noise can make them repeat or exceed K - 1.
        trusted: the check bits agree; or, with a posterior, the labels are right with a probability of at
            least ½.
        corrected: number of message bits that the receiver corrected.
        posterior: (T, K) float64, P(label of slot t is k); empty from receivers without a posterior.
    """

    labels: NDArray[np.int64]
    trusted: bool
    corrected: int = 0
    posterior: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True, eq=False)
class DecodedPacket:
    """A decoded packet, from which candidates are chosen and ranked.

    Attributes:
        head: the head.
        partitions: (P,) int64, the partitions to read, all different, most probable first.
        weights: (P,) float32, the probability that the head names each partition.
        residuals: (F,) float32 each, with a code per label: the estimate of q - c in each partition, or in
            the first of them; else empty.
        posteriors: (M, n_i) float32 for each code that is estimated, P(word | y) of each sub-codeword; empty
            from receivers with hard decisions on codes.
        q: (D,) float32, the estimate of q, a posterior mean: the noisier, the shorter; may be empty if no
            ranking uses it.
        label_ratios: (T, P) float64, P(label | bits of slot t) / P(label) for each partition; (0, 0) from
            receivers without a posterior of the head.
        trust: from 0 to 1, the probability that the whole head is right.
        confidence: from 0 to 1, the expected cosine between q and its estimate.
    """

    head: DecodedHead
    partitions: NDArray[np.int64]
    weights: NDArray[np.float32]
    residuals: Sequence[NDArray[np.float32]]
    q: NDArray[np.float32]
    trust: float = 1.0
    confidence: float = 1.0
    posteriors: Sequence[NDArray[np.float32]] = ()
    label_ratios: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
