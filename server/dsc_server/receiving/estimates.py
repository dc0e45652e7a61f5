"""Estimates of q from the payload, given which label each slot carries, or may carry."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import Codebook, decode_residual
from dsc_common.packet.format import FLOAT_BYTES, PacketFormat
from dsc_common.packet.scrambling import mask_words
from dsc_common.spans import span
from dsc_server.index.receiver_model import DEFAULT_MODEL, ReceiverModel
from dsc_server.receiving.code_posterior import (
    index_log_likelihoods,
    mean_square,
    posterior,
    posterior_mean,
    unmasked,
)
from dsc_server.receiving.decoded_packet import Observation


@dataclass(frozen=True, eq=False)
class Estimate:
    """A posterior mean of q or of what is left of it.

    Attributes:
        posterior: (M, n) float32, P(word | y).
        residual: (F,) float32, without the codeword: the words themselves when they are nearly certain,
            else the
            posterior mean, drawn out again (`_drawn_out`).
        vector: (F,) float32, with it.
        square: E‖·‖² of `vector` under the posterior.
        weight: what it counts beside others: √n_i, as `fuse` has it.
    """

    posterior: NDArray[np.float32]
    residual: NDArray[np.float32]
    vector: NDArray[np.float32]
    square: float
    weight: float


class CodeEstimates:
    """The codes of one packet, each estimated under any label that its slot may carry, when asked for."""

    @span("codes")
    def __init__(
        self,
        codebook: Codebook,
        fmt: PacketFormat,
        llrs: NDArray[np.float64],
        model: ReceiverModel = DEFAULT_MODEL,
    ) -> None:
        self._codebook, self._fmt, self._near_certain = codebook, fmt, model.near_certain
        own = llrs[8 * fmt.head_bytes :].reshape(fmt.num_codes, -1)
        used = own[:, : fmt.num_subvectors * fmt.bits_per_subvector]
        self.log_likelihoods = [index_log_likelihoods(row, fmt.bits_per_subvector) for row in used]
        self._known: dict[tuple[int, int], Estimate] = {}

    @span("codes")
    def of(self, slot: int, label: int) -> Estimate:
        """The estimate from the code of a slot, were `label` the slot's."""
        if (slot, label) not in self._known:
            self._known[slot, label] = self._estimate(slot, label)
        return self._known[slot, label]

    @span("codes")
    def fused(self, chosen: Sequence[tuple[Estimate, float]]) -> tuple[NDArray[np.float32], float]:
        """What `fuse_estimates` gives of estimates and their shares; of none, zeros and 0."""
        if not chosen:
            return np.zeros(self._codebook.dim, dtype=np.float32), 0.0
        return fuse_estimates([estimate for estimate, _ in chosen], [share for _, share in chosen])

    def _estimate(self, slot: int, label: int) -> Estimate:
        fmt, codebook = self._fmt, self._codebook
        log_likelihoods = self.log_likelihoods[slot]
        if fmt.scrambled:
            mask = mask_words(np.array([label]), fmt.num_subvectors, fmt.bits_per_subvector)[0]
            log_likelihoods = unmasked(log_likelihoods, mask)
        words, c = codebook.subcodebooks(label), codebook.codewords[label]
        if not len(words):
            nothing = np.zeros_like(c)
            return Estimate(
                np.zeros((fmt.num_subvectors, 0), dtype=np.float32), nothing, c, float(c @ c), 0.0
            )
        weight = float(np.sqrt(len(words)))
        probabilities = posterior(log_likelihoods, len(words))
        mean = posterior_mean(probabilities, words)
        vector = np.asarray(c + mean, dtype=np.float32)
        square = mean_square(probabilities, words)
        spread = max(square - float(mean @ mean), 0.0)
        if (
            probabilities.max(axis=1) >= self._near_certain
        ).all():  # to the last bit, so that equals stay equals
            residual = decode_residual(probabilities.argmax(axis=1).astype(np.uint8), words)
        else:
            residual = _drawn_out(mean, square)
        return Estimate(probabilities, residual, vector, float(vector @ vector) + spread, weight)


def _drawn_out(mean: NDArray[np.float32], square: float) -> NDArray[np.float32]:
    """A posterior mean, as long again as what it is the mean of.

    A noisy mean is short, so that the squared distance of eq. (14) would prefer images near the codeword,
    whatever was sent.
    """
    norm = float(np.linalg.norm(mean))
    return mean * np.float32(square**0.5 / norm) if norm > 0 else mean


def fuse_estimates(
    estimates: Sequence[Estimate], shares: Sequence[float]
) -> tuple[NDArray[np.float32], float]:
    """Weighted mean of estimates, and the mean of their E‖·‖²; a share is the probability that one is right.

    Returns:
        (F,) float32, and a number; with weights of zero alone, zeros and 0.
    """
    total, square, weights = np.zeros_like(estimates[0].vector), 0.0, 0.0
    for estimate, share in zip(estimates, shares, strict=True):
        weight = estimate.weight * share
        total += np.float32(weight) * estimate.vector
        square += weight * estimate.square
        weights += weight
    scale = max(weights, 1e-12)
    return total / np.float32(scale), square / scale


def fuse_all_but_one(
    slots: Sequence[Sequence[tuple[Estimate, float]]],
) -> Iterator[tuple[NDArray[np.float32], float]]:
    """What `fuse_estimates` gives of the estimates and shares of all other slots, for each slot; else 0."""
    width = next((len(estimate.vector) for own in slots for estimate, _ in own), 0)
    vectors, squares, weights = np.zeros((len(slots), width)), np.zeros(len(slots)), np.zeros(len(slots))
    for slot, own in enumerate(slots):
        for estimate, share in own:
            weight = estimate.weight * share
            vectors[slot] += weight * estimate.vector
            squares[slot] += weight * estimate.square
            weights[slot] += weight
    every = vectors.sum(axis=0)
    for slot in range(len(slots)):
        others = np.arange(len(slots)) != slot
        scale = max(float(weights[others].sum()), 1e-12)
        total = every - vectors[slot] if weights[others].any() else np.zeros(width)
        yield (total / scale).astype(np.float32), float(squares[others].sum()) / scale


@span("codes")
def feature_estimate(observation: Observation, fmt: PacketFormat) -> NDArray[np.float32]:
    """(D,) float32: the feature of a feature payload."""
    if observation.feature is not None:
        return observation.feature
    start = 8 * (fmt.packet_bytes - FLOAT_BYTES * fmt.payload_dim)
    data = np.packbits(observation.llrs[start:] < 0).tobytes()
    return plausible(np.frombuffer(data, dtype="<f4").astype(np.float32))


def plausible(feature: NDArray[np.float32]) -> NDArray[np.float32]:
    """(D,) → (D,) float32, with zeros for what noise in the bits of a float makes and a unit vector cannot
    hold.

    That is NaN, infinities and numbers beyond 1: they say nothing.
    """
    return np.where(np.abs(feature) <= 1.0, feature, np.float32(0))


def confidence_of(vector: NDArray[np.float32], square: float) -> float:
    """Expected cosine between q and its posterior mean: ‖E q‖ / √(E‖q‖²), from 0 to 1."""
    return min(1.0, float(np.linalg.norm(vector)) / square**0.5) if square > 0 else 0.0
