"""Model of labels given a feature: frequency of each label, and mean feature of its images.

P(k | q) ∝ (J_k + 1/2) · exp(β ⟨q, μ_k⟩), with μ_k the mean feature of partition k. β is fitted on the
database with maximum likelihood, with each image left out of the means of its partitions. J_k and μ_k are
counts and means, which are updated when images are added or removed; β stays until the next fit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError

SAMPLE = 1000  # entries that β is fitted on
MIN_BETA, MAX_BETA = 0.1, 1000.0
_STEPS = 24


@dataclass(frozen=True, eq=False)
class LabelModel:
    """A model of labels given a feature.

    Attributes:
        sizes: (K,) int64, J_k: images listed in each partition.
        means: (K, D) float32, μ_k; zeros where a partition is empty.
        beta: β, how fast the probability of a label falls with the distance from its mean.
    """

    sizes: NDArray[np.int64]
    means: NDArray[np.float32]
    beta: float

    @cached_property
    def log_prior(self) -> NDArray[np.float64]:
        """(K,): log (J_k + 1/2), not normalised."""
        return np.asarray(np.log(self.sizes + 0.5))

    @cached_property
    def prior(self) -> NDArray[np.float64]:
        """(K,): P(k), the frequencies of the labels."""
        counts = self.sizes + 0.5
        return np.asarray(counts / counts.sum())

    def log_evidence(self, similarities: NDArray[np.float32], limit: float) -> NDArray[np.float64]:
        """(…, K) ⟨q, μ_k⟩ → (…, K): β ⟨q, μ_k⟩, floored at `limit` below the largest.

        A noisier posterior mean of q is shorter, so its evidence is weaker.
        """
        evidence = self.beta * similarities.astype(np.float64)
        return np.asarray(np.maximum(evidence, evidence.max(axis=-1, keepdims=True) - limit))

    def similarities(self, q: NDArray[np.float32]) -> NDArray[np.float32]:
        """(D,) → (K,): ⟨q, μ_k⟩."""
        return np.asarray(self.means @ q)


def recounted(
    model: LabelModel, labels: NDArray[np.int64], features: NDArray[np.float32], change: int
) -> LabelModel:
    """The model after images were added (change 1) to its partitions, or removed from them (-1).

    Args:
        model: model before the change; β is kept.
        labels: (n,) int64, the partition of each entry; an image in several partitions has several entries.
        features: (n, D) float32, the feature of each entry.
        change: 1 or -1.

    Returns:
        A model with the sizes and means of the changed database, up to rounding.
    """
    sums = model.means.astype(np.float64) * model.sizes[:, None]
    np.add.at(sums, labels, change * features.astype(np.float64))
    sizes = model.sizes + change * np.bincount(labels, minlength=model.sizes.size)
    if (sizes < 0).any():
        raise InvalidInputError("expected to remove images that the partitions list, got more than they hold")
    means = sums / np.maximum(sizes, 1)[:, None]
    means[sizes == 0] = 0
    return LabelModel(sizes, means.astype(np.float32), model.beta)


def learn_label_model(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    means: NDArray[np.float32],
    sizes: NDArray[np.int64],
) -> LabelModel:
    """Fit β.

    Args:
        features: (n, D) float32, features of a sample of the entries.
        labels: (n,) int64, the partition of each entry.
        means: (K, D) float32, mean feature of each partition.
        sizes: (K,) int64, J_k.
    """
    similarities = np.asarray(features @ means.T, dtype=np.float64)
    rows = np.arange(len(labels))
    norms = np.einsum("nd,nd->n", features, features, dtype=np.float64)
    num_others = sizes[labels] - 1
    left_out = (sizes[labels] * similarities[rows, labels] - norms) / np.maximum(num_others, 1)
    similarities[rows, labels] = np.where(num_others > 0, left_out, 0.0)  # without the image itself
    prior = np.log(sizes + 0.5)
    priors = np.tile(prior, (len(labels), 1))
    priors[rows, labels] = np.log(np.maximum(num_others, 0) + 0.5)

    def mean_log_likelihood(log_beta: float) -> float:
        scores = np.exp(log_beta) * similarities + priors
        peak = scores.max(axis=1)
        totals = peak + np.log(np.exp(scores - peak[:, None]).sum(axis=1))
        return float((scores[rows, labels] - totals).mean())

    beta = MIN_BETA if not len(labels) else float(np.exp(_maximise(mean_log_likelihood)))
    return LabelModel(sizes, means, beta)


def _maximise(function: Callable[[float], float]) -> float:
    """Golden-section search for log β; the log-likelihood of an exponential family is concave in β."""
    low, high = np.log(MIN_BETA), np.log(MAX_BETA)
    ratio = (5**0.5 - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(_STEPS):
        if at_left >= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = function(right)
    return float((low + high) / 2)
