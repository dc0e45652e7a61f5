"""Lloyd's k-means that leaves out comparisons, against plain steps and Faiss."""

import faiss
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_server.building import lloyd as module
from dsc_server.building.lloyd import lloyd


def normal(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def plain_steps(points: NDArray[np.float32], words: NDArray[np.float32], steps: int) -> NDArray[np.float64]:
    """Every point to its nearest word, every word to the mean of its points; NaN where it has none."""
    exact, found = points.astype(np.float64), words.astype(np.float64)
    for _ in range(steps):
        nearest = [int(((x - found) ** 2).sum(axis=1).argmin()) for x in exact]
        members = [exact[np.array(nearest) == j] for j in range(len(found))]
        found = np.stack(
            [part.mean(axis=0) if len(part) else np.full(points.shape[1], np.nan) for part in members]
        )
    return found


def distortion(points: NDArray[np.float32], words: NDArray[np.float32]) -> float:
    """Mean squared distance to the nearest word."""
    return float(np.square(points[:, None] - words).sum(axis=2, dtype=np.float64).min(axis=1).mean())


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(0, 60), st.integers(1, 5), st.integers(0, 15))
def test_words_are_those_of_plain_steps(
    seed: int, num_words: int, further: int, width: int, steps: int
) -> None:
    points = normal(seed, num_words + further, width)
    expected = plain_steps(points, points[:num_words], steps)
    assume(np.isfinite(expected).all())  # words without points have tests of their own
    found = lloyd(points, points[:num_words], steps)
    assert (found.dtype, found.shape) == (np.float32, (num_words, width))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("at_once", [1, 100, 10**6])
def test_blocks_do_not_show(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    points = normal(0, 300, 3)
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    np.testing.assert_allclose(lloyd(points, points[:20], 9), plain_steps(points, points[:20], 9), atol=1e-4)


def test_after_enough_steps_nothing_moves_any_more() -> None:
    points = normal(1, 400, 4)
    words = lloyd(points, points[:30], 1000)
    np.testing.assert_allclose(lloyd(points, words, 1), words, atol=1e-5)
    assert distortion(points, words) < distortion(points, lloyd(points, points[:30], 2))


def test_the_start_is_left_alone() -> None:
    points, start = normal(2, 50, 2), normal(3, 5, 2)
    before = start.copy()
    lloyd(points, start, 3)
    assert start.tolist() == before.tolist()


def test_words_without_points_move_to_the_farthest_points() -> None:
    # Word 1 is far from all points: in the first step it moves to the point that is farthest from word 0.
    points = np.array([[0.0], [1.0], [2.0], [9.0]], dtype=np.float32)
    start = np.array([[3.0], [1e3]], dtype=np.float32)
    assert lloyd(points, start, 1).tolist() == [[3.0], [9.0]]
    assert lloyd(points, start, 10).tolist() == [[1.0], [9.0]]


@pytest.mark.parametrize("num_words", [1, 2, 7, 40])
def test_few_different_points_have_a_word_each(num_words: int) -> None:
    points = np.repeat(normal(4, 7, 3), 20, axis=0)
    words = lloyd(points, points[:num_words], 25)
    assert np.isfinite(words).all()
    if num_words >= 7:
        assert distortion(points, words) == pytest.approx(0, abs=1e-10)


@pytest.mark.parametrize("value", [0.0, 1.0, 1e-20, 1e15])
def test_points_that_are_all_the_same(value: float) -> None:
    points = np.full((300, 2), value, dtype=np.float32)
    np.testing.assert_allclose(lloyd(points, points[:9], 25), points[:9], rtol=1e-6)


@pytest.mark.parametrize(("num_points", "width"), [(270, 32), (600, 16), (3000, 4)])
def test_their_error_is_that_of_faiss_from_the_same_start(num_points: int, width: int) -> None:
    points = normal(5, num_points, width)
    start = points[:256]
    theirs = faiss.Kmeans(width, 256, niter=25, min_points_per_centroid=1)
    theirs.train(points, init_centroids=start)
    ours = lloyd(points, start, 25)
    assert distortion(points, ours) < 1.02 * distortion(points, theirs.centroids)
