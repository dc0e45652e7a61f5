"""Estimates of q from the payload, given the labels that each slot carries or may carry."""

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
from dsc_server.receiving.float_posterior import float_posterior_mean


@dataclass(frozen=True, eq=False)
class Estimate:
    """Posterior means of q and of its residual q - c, from one code.

    Attributes:
        posterior: (M, n) float32, P(word | y).
        residual: (F,) float32, estimate of q - c: the words themselves if they are nearly certain, else the
            posterior mean, rescaled (`_rescaled`).
        vector: (F,) float32, posterior mean of q.
        square: E‖q‖² under the posterior.
        weight: weight in a fusion of estimates: √n_i, as in `fuse`.
    """

    posterior: NDArray[np.float32]
    residual: NDArray[np.float32]
    vector: NDArray[np.float32]
    square: float
    weight: float


class CodeEstimates:
    """Estimates from the codes of one packet, for any label that a slot may carry; computed on demand."""

    @span("codes")
    def __init__(
        self,
        codebook: Codebook,
        fmt: PacketFormat,
        llrs: NDArray[np.float64],
        model: ReceiverModel = DEFAULT_MODEL,
    ) -> None:
        self._codebook, self._fmt, self._near_certain = codebook, fmt, model.near_certain
        payload = llrs[8 * fmt.head_bytes :].reshape(fmt.num_codes, -1)
        used = payload[:, : fmt.num_subvectors * fmt.bits_per_subvector]
        self.log_likelihoods = [index_log_likelihoods(row, fmt.bits_per_subvector) for row in used]
        self._cache: dict[tuple[int, int], Estimate] = {}

    @span("codes")
    def of(self, slot: int, label: int) -> Estimate:
        """The estimate from the code of a slot, if the slot carries `label`."""
        if (slot, label) not in self._cache:
            self._cache[slot, label] = self._estimate(slot, label)
        return self._cache[slot, label]

    @span("codes")
    def fused(self, weighted: Sequence[tuple[Estimate, float]]) -> tuple[NDArray[np.float32], float]:
        """`fuse_estimates` of estimates with their probabilities; zeros and 0 if there are none."""
        if not weighted:
            return np.zeros(self._codebook.dim, dtype=np.float32), 0.0
        return fuse_estimates([estimate for estimate, _ in weighted], [weight for _, weight in weighted])

    def _estimate(self, slot: int, label: int) -> Estimate:
        fmt, codebook = self._fmt, self._codebook
        log_likelihoods = self.log_likelihoods[slot]
        if fmt.scrambled:
            mask = mask_words(np.array([label]), fmt.num_subvectors, fmt.bits_per_subvector)[0]
            log_likelihoods = unmasked(log_likelihoods, mask)
        words, c = codebook.subcodebooks(label), codebook.codewords[label]
        if not len(words):
            no_words = np.zeros((fmt.num_subvectors, 0), dtype=np.float32)
            return Estimate(no_words, np.zeros_like(c), c, float(c @ c), 0.0)
        weight = float(np.sqrt(len(words)))
        probabilities = posterior(log_likelihoods, len(words))
        mean = posterior_mean(probabilities, words)
        vector = np.asarray(c + mean, dtype=np.float32)
        square = mean_square(probabilities, words)
        spread = max(square - float(mean @ mean), 0.0)
        if (probabilities.max(axis=1) >= self._near_certain).all():  # exactly the words: ties stay ties
            residual = decode_residual(probabilities.argmax(axis=1).astype(np.uint8), words)
        else:
            residual = _rescaled(mean, square)
        return Estimate(probabilities, residual, vector, float(vector @ vector) + spread, weight)


def _rescaled(mean: NDArray[np.float32], square: float) -> NDArray[np.float32]:
    """Rescale a posterior mean to the root-mean-square norm of the vector that it estimates.

    A noisy mean is short: without this, the squared distance of eq. (14) would prefer images near the
    codeword.
    """
    norm = float(np.linalg.norm(mean))
    return mean * np.float32(square**0.5 / norm) if norm > 0 else mean


def fuse_estimates(
    estimates: Sequence[Estimate], probabilities: Sequence[float]
) -> tuple[NDArray[np.float32], float]:
    """Weighted mean of estimates of q, and of their E‖q‖².

    Args:
        estimates: at least one.
        probabilities: the probability that each estimate has the right label.

    Returns:
        (F,) float32, and a number; zeros and 0 if all weights are zero.
    """
    total, square, weights = np.zeros_like(estimates[0].vector), 0.0, 0.0
    for estimate, probability in zip(estimates, probabilities, strict=True):
        weight = estimate.weight * probability
        total += np.float32(weight) * estimate.vector
        square += weight * estimate.square
        weights += weight
    scale = max(weights, 1e-12)
    return total / np.float32(scale), square / scale


def fuse_all_but_one(
    slots: Sequence[Sequence[tuple[Estimate, float]]],
) -> Iterator[tuple[NDArray[np.float32], float]]:
    """For each slot, `fuse_estimates` of the estimates and probabilities of all other slots."""
    width = next((len(estimate.vector) for weighted in slots for estimate, _ in weighted), 0)
    vectors, squares, weights = np.zeros((len(slots), width)), np.zeros(len(slots)), np.zeros(len(slots))
    for slot, weighted in enumerate(slots):
        for estimate, probability in weighted:
            weight = estimate.weight * probability
            vectors[slot] += weight * estimate.vector
            squares[slot] += weight * estimate.square
            weights[slot] += weight
    vector_sum = vectors.sum(axis=0)
    for slot in range(len(slots)):
        other_slots = np.arange(len(slots)) != slot
        scale = max(float(weights[other_slots].sum()), 1e-12)
        total = vector_sum - vectors[slot] if weights[other_slots].any() else np.zeros(width)
        yield (total / scale).astype(np.float32), float(squares[other_slots].sum()) / scale


def feature_estimate(observation: Observation, fmt: PacketFormat) -> NDArray[np.float32]:
    """(D,) float32: posterior mean of a feature payload, received as it is or as the bits of its floats."""
    if observation.feature is not None:
        return observation.feature
    start = 8 * (fmt.packet_bytes - FLOAT_BYTES * fmt.payload_dim)
    return float_posterior_mean(observation.llrs[start:].reshape(fmt.payload_dim, -1))


def plausible(feature: NDArray[np.float32]) -> NDArray[np.float32]:
    """(D,) → (D,) float32, with zeros in place of NaN, infinities and numbers beyond 1.

    Bit errors in floats produce such numbers; a unit vector cannot have them.
    """
    return np.where(np.abs(feature) <= 1.0, feature, np.float32(0))


def confidence_of(vector: NDArray[np.float32], square: float) -> float:
    """Expected cosine between q and its posterior mean: ‖E q‖ / √(E‖q‖²), from 0 to 1."""
    return min(1.0, float(np.linalg.norm(vector)) / square**0.5) if square > 0 else 0.0
