"""Estimates of q from the payload, given the labels that each slot carries or may carry."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dsc_common.codebook.codebook import Codebook
from dsc_common.packet.format import FLOAT_BYTES, PacketFormat
from dsc_common.packet.scrambling import mask_words
from dsc_common.spans import span
from dsc_server.index.receiver_model import DEFAULT_MODEL, ReceiverModel
from dsc_server.receiving.code_posterior import (
    full_posterior,
    index_log_likelihoods,
    mean_square,
    posterior,
    posterior_mean,
    unmasked,
)
from dsc_server.receiving.decoded_packet import Observation
from dsc_server.receiving.float_posterior import float_posterior_mean

NEGLIGIBLE = 1e-10  # probability; 256 words below it move a mean by less than float32 resolves


@dataclass(frozen=True, eq=False)
class Estimate:
    """Posterior means of q and of its residual q - c, from one code.

    Attributes:
        posterior: (M, n) float32, P(word | y).
        mean: (F,) float32, posterior mean of q - c.
        mean_square: E‖q - c‖² under the posterior.
        vector: (F,) float32, posterior mean of q.
        square: E‖q‖² under the posterior.
        weight: weight in a fusion of estimates: √n_i, as in `fuse`.
    """

    posterior: NDArray[np.float32]
    mean: NDArray[np.float32]
    mean_square: float
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
        self._llrs = payload[:, : fmt.num_subvectors * fmt.bits_per_subvector]
        self._cache: dict[tuple[int, int], Estimate] = {}

    @cached_property
    def log_likelihoods(self) -> NDArray[np.float64]:
        """(codes, M, 2^L): log P(y | index), up to a constant in each row."""
        fmt = self._fmt
        rows = index_log_likelihoods(self._llrs.reshape(-1), fmt.bits_per_subvector)
        return rows.reshape(fmt.num_codes, fmt.num_subvectors, -1)

    @span("codes")
    def of(self, slot: int, label: int) -> Estimate:
        """The estimate from the code of a slot, if the slot carries `label`."""
        if (slot, label) not in self._cache:
            self._cache[slot, label] = self._estimate(slot, label)
        return self._cache[slot, label]

    @span("codes")
    def residual(self, slot: int, label: int) -> NDArray[np.float32]:
        """(F,) float32, estimate of q - c for distances of eq. (14), if the slot carries `label`.

        The words themselves if they are nearly certain: ties stay ties. Else the posterior mean, rescaled.
        """
        estimate = self.of(slot, label)
        probabilities = estimate.posterior
        if probabilities.size and (probabilities.max(axis=1) >= self._near_certain).all():
            return self._words(label, probabilities.argmax(axis=1))
        return _rescaled(estimate.mean, estimate.mean_square)

    @span("codes")
    def fused(self, weighted: Sequence[tuple[Estimate, float]]) -> tuple[NDArray[np.float32], float]:
        """`fuse_estimates` of estimates with their probabilities; zeros and 0 if there are none."""
        if not weighted:
            return np.zeros(self._codebook.dim, dtype=np.float32), 0.0
        return fuse_estimates([estimate for estimate, _ in weighted], [weight for _, weight in weighted])

    def _estimate(self, slot: int, label: int) -> Estimate:
        offsets, c = self._codebook.offsets, self._codebook.codewords[label]
        num_words = int(offsets[label + 1] - offsets[label])
        if not num_words:
            no_words = np.zeros((self._fmt.num_subvectors, 0), dtype=np.float32)
            return Estimate(no_words, np.zeros_like(c), 0.0, c, float(c @ c), 0.0)
        probabilities = self._posterior(slot, label, num_words)
        mean, square = self._moments(label, probabilities)
        vector = np.asarray(c + mean, dtype=np.float32)
        spread = max(square - float(mean @ mean), 0.0)
        weight = float(np.sqrt(num_words))
        return Estimate(probabilities, mean, square, vector, float(vector @ vector) + spread, weight)

    def _posterior(self, slot: int, label: int, num_words: int) -> NDArray[np.float32]:
        """(M, n) float32: P(word | y)."""
        fmt = self._fmt
        if num_words == 1 << fmt.bits_per_subvector and not fmt.scrambled:
            return full_posterior(self._llrs[slot], fmt.bits_per_subvector)
        log_likelihoods = self.log_likelihoods[slot]
        if fmt.scrambled:
            mask = mask_words(np.array([label]), fmt.num_subvectors, fmt.bits_per_subvector)[0]
            log_likelihoods = unmasked(log_likelihoods, mask)
        return posterior(log_likelihoods, num_words)

    def _moments(self, label: int, probabilities: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
        """(M, n) P(word | y) → (F,) float32 E[r | y] and E‖r‖²; words without a chance are left out."""
        codebook = self._codebook
        if codebook.num_partitions == 1:
            mean = posterior_mean(probabilities, codebook.shared_words)
            return mean, float(np.vdot(probabilities, codebook.shared_squares))
        likely = np.flatnonzero(probabilities.max(axis=0) >= NEGLIGIBLE)
        rows = codebook.words[codebook.offsets[label] + likely]
        words, probabilities = codebook.restored(rows, label), probabilities[:, likely]
        return posterior_mean(probabilities, words), mean_square(probabilities, words)

    def _words(self, label: int, code: NDArray[np.int64]) -> NDArray[np.float32]:
        """(M,) indices below n → (F,) float32: [r_1 … r_M]."""
        words = self._codebook.words[self._codebook.offsets[label] + code, np.arange(code.size)]
        return self._codebook.restored(words, label).reshape(-1)


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
    return min(1.0, math.sqrt(float(vector @ vector) / square)) if square > 0 else 0.0
