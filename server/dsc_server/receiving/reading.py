"""What a receiver makes of a packet: partitions with their probabilities, and estimates of q."""

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
class HeadReading:
    """What a receiver makes of the head.

    Attributes:
        labels: (T,) int64, the decision; noise can make them repeat or exceed K - 1.
        check_ok: the receiver holds it to be right: the check bits agree, or, with a posterior, it is
            likelier right than not.
        corrected: message bits that the receiver changed.
        posterior: (T, K) float64, P(label of slot t is k); empty for receivers that only decide.
    """

    labels: NDArray[np.int64]
    check_ok: bool
    corrected: int = 0
    posterior: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True, eq=False)
class Reading:
    """What is ranked.

    Attributes:
        head: the head.
        partitions: (P,) int64, to be read, each once, the likeliest first.
        weights: (P,) float32, the probability that the head names each.
        residuals: (F,) float32 each, the estimate of q - c in each of the partitions, or in the first of
            them, where
            there is a code per label; empty otherwise.
        posteriors: (M, n_i) float32 beside each residual, P(word | y) of each sub-codeword; empty from
            receivers that
            decide on codes.
        q: (D,) float32, the one estimate of q, a posterior mean: the noisier, the shorter. Empty where
            nothing needs
            it.
        label_ratios: (T, P) float64, for each of the partitions P(label | bits of slot t) / P(label);
            (0, 0) from receivers that decide on the head.
        trust: from 0 to 1, how sure the head is as a whole.
        confidence: from 0 to 1, the expected cosine between q and its estimate.
    """

    head: HeadReading
    partitions: NDArray[np.int64]
    weights: NDArray[np.float32]
    residuals: Sequence[NDArray[np.float32]]
    q: NDArray[np.float32]
    trust: float = 1.0
    confidence: float = 1.0
    posteriors: Sequence[NDArray[np.float32]] = ()
    label_ratios: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
