"""Averages with neighbours, of the database and of a query, against plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.vectors import normalised
from dsc_server.building import augmentation, neighbours
from dsc_server.building.augmentation import augment
from dsc_server.ranking.expansion import expand


def unit_features(count: int, seed: int = 0, feature_dim: int = 6) -> NDArray[np.float32]:
    return normalised(np.random.default_rng(seed).standard_normal((count, feature_dim)).astype(np.float32))


def augment_by_loops(features: NDArray[np.float32], neighbours: int) -> NDArray[np.float64]:
    """Each image and its nearest neighbours, weighted by max(similarity, 0)³, of unit length."""
    exact = features.astype(np.float64)
    averaged = np.zeros_like(exact)
    for i, d in enumerate(exact):
        similar = sorted(range(len(exact)), key=lambda j: -float(exact[j] @ d))
        for j in similar[: neighbours + 1]:
            averaged[i] += max(float(exact[j] @ d), 0.0) ** 3 * exact[j]
        averaged[i] /= np.linalg.norm(averaged[i])
    return averaged


@given(st.integers(0, 2**32), st.integers(1, 30), st.integers(0, 40))
def test_a_database_is_that_of_plain_loops(seed: int, count: int, neighbours: int) -> None:
    features = unit_features(count, seed)
    found = augment(features, neighbours)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, augment_by_loops(features, neighbours), atol=1e-5)


@given(st.integers(0, 2**32), st.integers(0, 10))
def test_a_query_is_that_of_plain_loops(seed: int, count: int) -> None:
    [q], features = unit_features(1, seed), unit_features(count, seed + 1)
    similarities = features @ q
    expected = q.astype(np.float64)
    for d, similarity in zip(features, similarities, strict=True):
        expected = expected + max(float(similarity), 0.0) ** 3 * d.astype(np.float64)
    found = expand(q, features, similarities)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_without_neighbours_nothing_changes() -> None:
    features = unit_features(20)
    np.testing.assert_allclose(augment(features, 0), features, atol=1e-6)


def test_what_is_opposite_has_no_weight() -> None:
    features = np.array([[1, 0], [-1, 0]], dtype=np.float32)
    assert augment(features, 1).tolist() == features.tolist()
    [q] = features[:1]
    assert expand(q, features, features @ q).tolist() == [2.0, 0.0]


def test_zero_vectors_stay_zero_and_disturb_nobody() -> None:
    features = unit_features(9)
    features[4] = 0
    found = augment(features, 20)
    assert found[4].tolist() == [0.0] * 6
    others = [i for i in range(9) if i != 4]
    np.testing.assert_allclose(found[others], augment_by_loops(features[others], 20), atol=1e-5)
    assert augment(np.zeros((3, 6), dtype=np.float32), 2).tolist() == [[0.0] * 6] * 3


def test_of_unit_length_but_for_zeros() -> None:
    vectors = np.array([[3, 4], [0, 0], [1e-10, 0]], dtype=np.float32)
    np.testing.assert_allclose(normalised(vectors), [[0.6, 0.8], [0, 0], [1, 0]], rtol=1e-6)


def test_what_cells_do_not_hold_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # One cell of two probed: of the 6 wanted each image has 3, and the others must not be the last image.
    features = normalised(np.repeat(np.eye(2, dtype=np.float32), 3, axis=0))
    monkeypatch.setattr(neighbours, "EXACT_UP_TO", 0)
    monkeypatch.setattr(neighbours, "num_cells", lambda _: 2)
    monkeypatch.setattr(neighbours, "PROBES", 1)
    np.testing.assert_allclose(augment(features, 5), features, atol=1e-6)


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_blocks_do_not_show(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    features = unit_features(50)
    monkeypatch.setattr(augmentation, "ROWS_AT_ONCE", block)
    np.testing.assert_allclose(augment(features, 4), augment_by_loops(features, 4), atol=1e-5)
