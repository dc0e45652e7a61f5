"""Words of a partition: its residuals where they are few, k-means where they are many."""

import numpy as np
import pytest
from numpy.typing import NDArray

from dsc_server.building.subcodebooks import train_words


def residuals(count: int, feature_dim: int = 8) -> NDArray[np.float32]:
    return np.random.default_rng(count).standard_normal((count, feature_dim)).astype(np.float32)


def distortion(points: NDArray[np.float32], words: NDArray[np.float32]) -> float:
    """Mean squared distance of (J, w) points to the nearest of (n, w) words."""
    return float(((points[:, None] - words[None]) ** 2).sum(axis=2).min(axis=1).mean())


@pytest.mark.parametrize("count", [1, 2, 15, 16])
def test_up_to_the_number_of_words_the_residuals_are_the_words(count: int) -> None:
    points = residuals(count)
    words = train_words(points, 4, 16, seed=0)
    assert words.shape == (count, 4, 2)
    assert words.reshape(count, 8).tolist() == points.tolist()


@pytest.mark.parametrize("count", [17, 40, 500])
def test_beyond_it_k_means_finds_better_words_than_chance(count: int) -> None:
    points = residuals(count)
    words = train_words(points, 4, 16, seed=0)
    assert words.shape == (16, 4, 2)
    assert words.dtype == np.float32
    for m in range(4):
        part = points[:, 2 * m : 2 * m + 2]
        assert distortion(part, words[:, m]) < distortion(part, part[:16])


def test_each_word_is_the_mean_of_what_is_nearest_to_it() -> None:
    # Two clusters far apart: k-means has one answer.
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(5, 0.1, (20, 2)), rng.normal(-5, 0.1, (30, 2))]).astype(np.float32)
    words = train_words(points, 1, 2, seed=3)[:, 0]
    words = words[np.argsort(-words[:, 0])]
    np.testing.assert_allclose(words, [points[:20].mean(axis=0), points[20:].mean(axis=0)], rtol=1e-5)


def test_the_seed_decides() -> None:
    points = residuals(60)
    first, again, other = (train_words(points, 2, 8, seed) for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


@pytest.mark.parametrize("seed", [2**31 - 1, 2**31, 2**63, 2**64 - 1])
def test_any_seed_will_do(seed: int) -> None:
    assert np.isfinite(train_words(residuals(20), 4, 16, seed)).all()


def test_many_equal_residuals_are_no_trouble() -> None:
    words = train_words(np.zeros((300, 4), dtype=np.float32), 2, 256, seed=0)
    assert words.shape == (256, 2, 2)
    assert (np.abs(words) < 1e-3).all()
