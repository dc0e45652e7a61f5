"""What the database says of labels: β by sampling, the fit against a plain loop, and its edges."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.packet.format import PacketFormat
from dsc_server.building.indexing import build_index
from dsc_server.index.label_model import MAX_BETA, MIN_BETA, LabelModel, learn_label_model
from dsc_server.scheme_specs import parse_scheme
from helpers.examples import random_index


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("beta", [2.0, 9.0, 40.0])
def test_beta_of_features_that_the_model_makes(beta: float) -> None:
    # Partitions so large that leaving an image out changes nothing; those of twice the size count double.
    rng = np.random.default_rng(int(beta))
    means = unit(rng.standard_normal((7, 6))) * np.float32(0.7)
    sizes = np.array([1, 2, 1, 2, 4, 1, 1]) * 10**9
    features = unit(rng.standard_normal((3000, 6)))
    weights = sizes * np.exp(beta * features.astype(np.float64) @ means.T)
    totals = np.cumsum(weights, axis=1)
    labels = (rng.random((3000, 1)) * totals[:, -1:] > totals).sum(axis=1)
    assert learn_label_model(features, labels, means, sizes).beta == pytest.approx(beta, rel=0.1)


def database(seed: int, noise: float) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Images around centres; partitions of 0, 1 and more images."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 2, 3, 4], [1, 2, 5, 9])
    return unit(rng.standard_normal((5, 4))[labels] + noise * rng.standard_normal((17, 4))), labels


def log_likelihood_by_loop(features: NDArray[np.float32], labels: NDArray[np.int64], beta: float) -> float:
    """Mean of log P(k | q), q's own image taken out of the database before anything is made of it."""
    total = 0.0
    for i, (q, own) in enumerate(zip(features.astype(np.float64), labels.tolist(), strict=True)):
        scores = []
        for k in range(5):
            others = [j for j in range(len(labels)) if labels[j] == k and j != i]
            mean = np.mean(features[others], axis=0, dtype=np.float64) if others else np.zeros(4)
            scores.append(math.log(len(others) + 0.5) + beta * float(q @ mean))
        total += scores[own] - max(scores)
        total -= math.log(sum(math.exp(score - max(scores)) for score in scores))
    return total / len(labels)


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.floats(0.3, 2))
def test_no_other_beta_makes_the_database_likelier_with_each_image_left_out(seed: int, noise: float) -> None:
    features, labels = database(seed, noise)
    sizes = np.bincount(labels, minlength=5)
    means = np.zeros((5, 4), dtype=np.float32)
    for label in range(5):
        if sizes[label]:
            means[label] = features[labels == label].mean(axis=0)
    model = learn_label_model(features, labels, means, sizes)
    assert MIN_BETA <= model.beta <= MAX_BETA
    np.testing.assert_allclose(model.log_prior, np.log([1.5, 0.5, 2.5, 5.5, 9.5]))
    best = log_likelihood_by_loop(features, labels, model.beta)
    for beta in np.geomspace(MIN_BETA, 200, 40).tolist():
        assert log_likelihood_by_loop(features, labels, beta) <= best + 1e-6


def test_labels_that_features_do_not_tell_have_a_small_beta() -> None:
    rng = np.random.default_rng(0)
    features, labels = unit(rng.standard_normal((600, 8))), rng.integers(0, 3, 600)
    means = np.stack([features[labels == label].mean(axis=0) for label in range(3)])
    assert learn_label_model(features, labels, means, np.bincount(labels)).beta < 3


def test_nothing_to_learn_from() -> None:
    model = learn_label_model(
        np.zeros((0, 3), dtype=np.float32),
        np.zeros(0, dtype=np.int64),
        np.zeros((4, 3), dtype=np.float32),
        np.zeros(4, dtype=np.int64),
    )
    assert model.beta == MIN_BETA
    nowhere = model.similarities(np.ones(3, dtype=np.float32))
    assert model.log_evidence(nowhere, 20).tolist() == [0, 0, 0, 0]
    alone = random_index(np.random.default_rng(0), [5], PacketFormat(1, 1, 2), 2).summary.label_model
    assert (alone.sizes.tolist(), alone.means.tolist(), alone.beta) == ([5], [[0, 0, 0, 0]], 0)
    empty = random_index(np.random.default_rng(0), [0, 0, 0], PacketFormat(3, 1, 2), 2).summary.label_model
    assert empty.beta == MIN_BETA


def test_evidence_is_an_inner_product_and_no_more_than_any_model_is_sure_of() -> None:
    means = np.array([[1, 0], [0, 1], [-1, 0], [0, 0]], dtype=np.float32)
    sizes = np.zeros(4, dtype=np.int64)
    model = LabelModel(sizes, means, 8.0)
    q = np.array([[0.5, 0.25], [1, 0.5]], dtype=np.float32)
    assert model.similarities(q[0]).tolist() == [0.5, 0.25, -0.5, 0]
    assert model.log_evidence(model.similarities(q[0]), 20).tolist() == [4, 2, -4, 0]
    both = np.stack([model.similarities(one) for one in q])
    sure = LabelModel(sizes, means, 30.0).log_evidence(both, 20)
    assert sure.tolist() == [[15, 7.5, -5, 0], [30, 15, 10, 10]]


def test_the_prior_is_the_frequency_of_each_label_and_half_an_image() -> None:
    model = LabelModel(np.array([0, 1, 7]), np.zeros((3, 2), dtype=np.float32), 1.0)
    np.testing.assert_allclose(model.prior, np.array([0.5, 1.5, 7.5]) / 9.5)
    np.testing.assert_allclose(np.exp(model.log_prior), [0.5, 1.5, 7.5])


def test_the_model_of_an_index_is_that_of_its_features_or_of_its_codes() -> None:
    features, labels = database(3, 0.5)
    fmt = PacketFormat(5, 2, 2)
    by_features = build_index(features, labels, fmt, parse_scheme("dsc-raw"))
    by_codes = build_index(features, labels, fmt, parse_scheme("dsc-pq"))  # of as many words as images
    sizes = np.bincount(labels, minlength=5)
    means = np.stack([features[labels == k].sum(axis=0) / max(sizes[k], 1) for k in range(5)])
    expected = learn_label_model(features, labels, means.astype(np.float32), sizes)
    for index in (by_features, by_codes):
        model = index.summary.label_model
        np.testing.assert_allclose(model.means, means, atol=1e-6)
        np.testing.assert_allclose(model.log_prior, np.log(sizes + 0.5))
        assert model.beta == pytest.approx(expected.beta, rel=1e-2)
