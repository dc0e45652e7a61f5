"""Simulated database images: features and top labels drawn from a model fitted on real ones.

A label k is drawn with a Zipf–Mandelbrot frequency; the feature is d = u_k + z, scaled to unit length, with
the label's prototype u_k and z ~ N(0, B^T B + diag(s²)), the covariance within labels, shared by all labels.
The further labels of an image are those that real images of label k are confused with. Simulated images fill
a database to a size; they do not show how hard it would be to distinguish real photos.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.vectors import normalised
from dsc_eval.features.benchmark_features import BenchmarkFeatures

CHUNK = 4096  # images; each chunk has a separate random stream
COVARIANCE_RANK = 96
MAX_FITTED_IMAGES = 20_000  # real images that the model is fitted on
# Zipf–Mandelbrot 1 / (r + q): at N = 105,000 and K = 1000 some 930 labels have fewer than 256 images.
FREQUENCY_OFFSET = 3.4 / 1000  # q / K
MIN_EVIDENCE = 0.25  # probability mass from which a label has a separate prototype
CONFUSION_SCALE = 0.05  # cosine: how fast confusion falls with the distance of prototypes
MAX_FLOAT32_BYTES = 1 << 30  # beyond, float16


@dataclass(frozen=True, eq=False)
class FeatureModel:
    """A model of database images.

    Attributes:
        prototypes: (K, F) float32, u_k.
        factors: (r, F) float32, B.
        deviations: (F,) float32, s.
        confusion: (K, K) float32, log-frequency of label j beside label k; -inf for j = k.
        frequencies: (K,) float64, frequencies of the labels; their sum is 1.
        labels_per_image: A, number of top labels of an image.
    """

    prototypes: NDArray[np.float32]
    factors: NDArray[np.float32]
    deviations: NDArray[np.float32]
    confusion: NDArray[np.float32]
    frequencies: NDArray[np.float64]
    labels_per_image: int


def label_frequencies(evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K,) evidence of each label → (K,) frequencies 1 / (r + q), r = 1 for the label seen most."""
    num_labels = evidence.size
    ranks = np.empty(num_labels)
    ranks[np.argsort(-evidence, kind="stable")] = np.arange(1, num_labels + 1)
    weights = 1.0 / (ranks + FREQUENCY_OFFSET * num_labels)
    return np.asarray(weights / weights.sum())


def fit(features: BenchmarkFeatures, seed: int = 0) -> FeatureModel:
    """Fit the model on the real images of a database.

    Labels that real images hardly show get prototypes drawn from the spread of the others'.

    Raises:
        InvalidInputError: the database is empty.
    """
    if not len(features.database):
        raise InvalidInputError("expected real images to fit a simulation on, got none")
    rng = np.random.default_rng([seed, 0])
    chosen = np.arange(len(features.database))
    if chosen.size > MAX_FITTED_IMAGES:
        chosen = np.sort(rng.choice(chosen.size, MAX_FITTED_IMAGES, replace=False))
    database = np.asarray(features.database[chosen], dtype=np.float32)
    top_labels = features.top_labels[chosen]
    weights = _dense(top_labels, features.top_probabilities[chosen], features.num_labels)
    evidence = weights.sum(axis=0)
    prototypes = _prototypes(database, weights, evidence, rng)
    factors, deviations = _within_labels(database, top_labels[:, 0])
    return FeatureModel(
        prototypes=prototypes,
        factors=factors,
        deviations=deviations,
        confusion=_confusion(weights, evidence, prototypes),
        frequencies=label_frequencies(evidence),
        labels_per_image=top_labels.shape[1],
    )


def draw(
    model: FeatureModel, count: int, seed: int = 0
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """`count` images in chunks: (n, F) float32 of unit length, (n, A) int64 top labels.

    The first images of a longer draw are those of a shorter one.
    """
    for number, start in enumerate(range(0, count, CHUNK)):
        rng = np.random.default_rng([seed, 1, number])
        features, labels = _draw_chunk(model, rng)
        yield features[: count - start], labels[: count - start]


def with_simulated(features: BenchmarkFeatures, count: int, seed: int = 0) -> BenchmarkFeatures:
    """The real images, followed by `count` simulated ones; float16 where there are many."""
    if count < 0:
        raise InvalidInputError(f"expected at least 0 simulated images, got {count}")
    if not count:
        return features
    real, feature_dim = features.database.shape
    database = _room(real + count, feature_dim)
    top_labels = np.zeros((real + count, features.top_labels.shape[1]), dtype=np.int64)
    database[:real], top_labels[:real] = features.database, features.top_labels
    start = real
    for drawn, labels in draw(fit(features, seed), count, seed):
        rows = slice(start, start + len(drawn))
        database[rows], top_labels[rows] = drawn, labels
        start = rows.stop
    probabilities = np.zeros(top_labels.shape, dtype=np.float32)
    probabilities[:real] = features.top_probabilities
    return replace(features, database=database, top_labels=top_labels, top_probabilities=probabilities)


def _room(num_images: int, feature_dim: int) -> NDArray[Any]:
    if 4 * num_images * feature_dim <= MAX_FLOAT32_BYTES:
        return np.zeros((num_images, feature_dim), dtype=np.float32)
    return np.zeros((num_images, feature_dim), dtype=np.float16)


def _dense(
    top_labels: NDArray[np.int64], top_probabilities: NDArray[np.float32], num_labels: int
) -> NDArray[np.float64]:
    """(N, A), (N, A) → (N, K) float64: probabilities, 0 where a label is not among the top."""
    weights = np.zeros((len(top_labels), num_labels))
    np.put_along_axis(weights, top_labels, top_probabilities.astype(np.float64), axis=1)
    return weights


def _prototypes(
    database: NDArray[np.float32],
    weights: NDArray[np.float64],
    evidence: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """(K, F) float32: means of the images, weighted by their probability of the label.

    Labels that are often confused thus come nearer to each other. With sharper weights (squares), simulated
    images lie farther from real queries than real distractors do.
    """
    seen = evidence >= min(MIN_EVIDENCE, float(evidence.max()))
    means = weights[:, seen].T @ database / evidence[seen, None]
    centre = means.mean(axis=0)
    mixes = rng.standard_normal((int((~seen).sum()), len(means))) / np.sqrt(len(means))
    prototypes = np.empty((evidence.size, database.shape[1]))
    prototypes[seen] = means
    prototypes[~seen] = centre + mixes @ (means - centre)
    return prototypes.astype(np.float32)


def _within_labels(
    database: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """B (r, F) and s (F,) of the covariance within labels: its first directions, and what they leave over."""
    residuals = _residuals(database, labels)
    covariance = residuals.T @ residuals / max(len(residuals), 1)
    variances, vectors = np.linalg.eigh(covariance)
    first = np.argsort(-variances, kind="stable")[:COVARIANCE_RANK]
    factors = np.sqrt(np.maximum(variances[first], 0))[:, None] * vectors[:, first].T
    left = np.maximum(np.diag(covariance) - (factors**2).sum(axis=0), 0)
    return factors.astype(np.float32), np.sqrt(left).astype(np.float32)


def _residuals(database: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n, F): images of labels with J > 1 images less their label's mean, times √(J / (J - 1))."""
    parts = []
    for label in np.flatnonzero(np.bincount(labels) > 1):
        members = database[labels == label].astype(np.float64)
        scale = np.sqrt(len(members) / (len(members) - 1))
        parts.append(scale * (members - members.mean(axis=0)))
    return np.concatenate(parts) if parts else database - database.mean(axis=0, dtype=np.float64)


def _confusion(
    weights: NDArray[np.float64], evidence: NDArray[np.float64], prototypes: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(K, K) float32 logarithms: seen in real probabilities, made up to one image by near prototypes."""
    unit = normalised(prototypes)
    near = np.exp((unit @ unit.T - 1.0) / CONFUSION_SCALE)
    np.fill_diagonal(near, 0.0)
    near /= np.maximum(near.sum(axis=1, keepdims=True), 1e-300)
    mixed = (weights.T @ weights + near) / (evidence[:, None] + 1.0)
    np.fill_diagonal(mixed, 0.0)
    with np.errstate(divide="ignore"):
        logarithms: NDArray[np.float32] = np.log(mixed).astype(np.float32)
    return logarithms


def _draw_chunk(
    model: FeatureModel, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    labels = rng.choice(model.frequencies.size, size=CHUNK, p=model.frequencies)
    drawn = rng.standard_normal((CHUNK, len(model.factors)), dtype=np.float32) @ model.factors
    drawn += rng.standard_normal((CHUNK, model.deviations.size), dtype=np.float32) * model.deviations
    drawn += model.prototypes[labels]
    # The most likely first, then others without repetition: Gumbel noise on the logarithms, and sort.
    wanted = model.labels_per_image - 1
    noise = rng.gumbel(size=(CHUNK, model.frequencies.size)).astype(np.float32)
    keys = model.confusion[labels] + noise
    further = np.argpartition(-keys, min(wanted, keys.shape[1] - 1), axis=1)[:, :wanted]
    order = np.argsort(-np.take_along_axis(keys, further, axis=1), axis=1, kind="stable")
    further = np.take_along_axis(further, order, axis=1)
    return normalised(drawn), np.column_stack([labels, further]).astype(np.int64)
