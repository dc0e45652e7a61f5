"""A packet between receiver and ranking: partitions with their probabilities, and estimates of q."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dsc_common.packet.format import PacketFormat


@dataclass(frozen=True, eq=False)
class Observation:
    """What arrived of a packet, after demodulation.

    Attributes:
        llrs: (bits,) float64, log P(0) / P(1) of each bit that travels digitally: head, then payload.
        feature: (D,) float32, the feature that arrived uncoded, as a posterior mean: the noisier, the
            shorter;
            None where the payload is digital.
    """

    llrs: NDArray[np.float64]
    feature: NDArray[np.float32] | None = None

    def head_llrs(self, fmt: PacketFormat) -> NDArray[np.float64]:
        """(8 · head_bytes,) float64: those of the head."""
        return self.llrs[: 8 * fmt.head_bytes]


@dataclass(frozen=True, eq=False)
class DecodedHead:
    """The head as a receiver decoded it.

    Attributes:
        labels: (T,) int64, the decision; noise can make them repeat or exceed K - 1.
        trusted: the check bits agree; or, with a posterior, the decision is right with probability above ½.
        corrected: message bits that the receiver changed.
        posterior: (T, K) float64, P(label of slot t is k); empty from receivers that only decide.
    """

    labels: NDArray[np.int64]
    trusted: bool
    corrected: int = 0
    posterior: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True, eq=False)
class DecodedPacket:
    """A packet as a receiver decoded it: what candidates are chosen and ranked by.

    Attributes:
        head: the head.
        partitions: (P,) int64, to be read, each once, the most probable first.
        weights: (P,) float32, the probability that the head names each.
        residuals: (F,) float32 each, the estimate of q - c in each of the partitions, or in the first of
            them, where there is a code per label; empty otherwise.
        posteriors: (M, n_i) float32 beside each residual, P(word | y) of each sub-codeword; empty from
            receivers that decide on codes.
        q: (D,) float32, the one estimate of q, a posterior mean: the noisier, the shorter; empty where
            nothing needs it.
        label_ratios: (T, P) float64, for each of the partitions P(label | bits of slot t) / P(label); (0, 0)
            from receivers that decide on the head.
        trust: from 0 to 1, the probability that the head as a whole is right.
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
