"""Nearest neighbours of a database, exact and in cells, against plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.vectors import normalised
from dsc_server.building import neighbours
from dsc_server.building.neighbours import nearest_neighbours


def unit_features(count: int, seed: int = 0, feature_dim: int = 6) -> NDArray[np.float32]:
    return normalised(np.random.default_rng(seed).standard_normal((count, feature_dim)).astype(np.float32))


def clustered_features() -> NDArray[np.float32]:
    """600 around 20 centres."""
    centres = np.repeat(unit_features(20, seed=1), 30, axis=0)
    return normalised(centres + np.float32(0.2) * unit_features(600, seed=2))


def in_cells(monkeypatch: pytest.MonkeyPatch, cells: int, probes: int) -> None:
    monkeypatch.setattr(neighbours, "EXACT_UP_TO", 0)
    monkeypatch.setattr(neighbours, "num_cells", lambda _: cells)
    monkeypatch.setattr(neighbours, "PROBES", probes)


@given(st.integers(0, 2**32), st.integers(1, 30), st.data())
def test_they_are_those_of_a_plain_loop(seed: int, num_images: int, data: st.DataObject) -> None:
    features = unit_features(num_images, seed)
    count = data.draw(st.integers(1, num_images))
    similarities, nearest = nearest_neighbours(features, count)
    assert (similarities.dtype, nearest.dtype) == (np.float32, np.int32)
    assert similarities.shape == nearest.shape == (num_images, count)
    for x, images, found in zip(features, nearest.tolist(), similarities, strict=True):
        exact = [float(y.astype(np.float64) @ x.astype(np.float64)) for y in features]
        assert len(set(images)) == count
        np.testing.assert_allclose(found, [exact[image] for image in images], atol=1e-6)
        np.testing.assert_allclose(found, sorted(exact, reverse=True)[:count], atol=1e-6)


def test_with_all_cells_probed_they_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    features = clustered_features()
    similarities, nearest = nearest_neighbours(features, 6)
    in_cells(monkeypatch, cells=12, probes=12)
    monkeypatch.setattr(neighbours, "ROWS_AT_ONCE", 70)
    monkeypatch.setattr(neighbours, "IMAGES_AT_ONCE", 90)
    found_similarities, found = nearest_neighbours(features, 6)
    np.testing.assert_allclose(found_similarities, similarities, atol=1e-6)
    assert (found == nearest).mean() > 0.99  # but for rounding


def test_in_some_cells_almost_all_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    features = clustered_features()
    _, nearest = nearest_neighbours(features, 6)
    in_cells(monkeypatch, cells=12, probes=6)
    similarities, found = nearest_neighbours(features, 6)
    shared = [len({*a} & {*b}) for a, b in zip(found.tolist(), nearest.tolist(), strict=True)]
    assert np.mean(shared) > 0.95 * 6
    exact = np.einsum("nd,nkd->nk", features, features[found])
    np.testing.assert_allclose(similarities, exact, atol=1e-6)


def test_cells_with_fewer_images_than_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    features = normalised(np.repeat(np.eye(2, dtype=np.float32), 3, axis=0))
    in_cells(monkeypatch, cells=2, probes=1)
    _, found = nearest_neighbours(features, 5)
    for image, row in enumerate(found.tolist()):
        assert {*row} == ({0, 1, 2, -1} if image < 3 else {3, 4, 5, -1})


def test_there_are_never_more_cells_probed_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "EXACT_UP_TO", 0)
    monkeypatch.setattr(neighbours, "PROBES", 1000)
    features = unit_features(30)
    similarities, _ = nearest_neighbours(features, 30)
    np.testing.assert_allclose(similarities, -np.sort(-(features @ features.T), axis=1), atol=1e-6)
