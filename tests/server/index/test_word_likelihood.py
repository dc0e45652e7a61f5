"""The likelihood of a noisy code by plain loops, and its slopes by differences."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_server.index.receiver_model import DEFAULT_MODEL
from dsc_server.index.word_likelihood import WordLikelihood

M, WORDS, WIDTH = 3, 5, 2
SCALE = (
    2 * DEFAULT_MODEL.match_distance / (M * WIDTH)
)  # the Gaussian exp(-d²/s) has variance s/2 in each of D dimensions


def log_likelihood_by_loops(
    posteriors: NDArray[np.float32], words: NDArray[np.float32], x: NDArray[np.float64]
) -> float:
    """Σ_m log Σ_j P(y_m | j) P(j | x_m), times s/2."""
    total = 0.0
    for m in range(M):
        near = [math.exp(-float(((words[j, m] - x[m]) ** 2).sum()) / SCALE) for j in range(len(words))]
        shares = [weight / sum(near) for weight in near]
        total += math.log(sum(float(posteriors[m, j]) * share for j, share in enumerate(shares)))
    return SCALE / 2 * total


def case(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]:
    rng = np.random.default_rng(seed)
    words = (0.4 * rng.standard_normal((WORDS, M, WIDTH))).astype(np.float32)
    posteriors = rng.dirichlet(np.ones(WORDS), M).astype(np.float32)
    return words, posteriors, rng.integers(0, WORDS, (M, 4), dtype=np.uint8)


@settings(max_examples=25)
@given(st.integers(0, 2**32))
def test_at_a_word_it_is_that_of_the_word(seed: int) -> None:
    words, posteriors, codes = case(seed)
    found = WordLikelihood(words).tables(posteriors).at_words(codes)
    for score, code in zip(found.tolist(), codes.T, strict=True):
        x = words[code, np.arange(M)].astype(np.float64)
        assert score == pytest.approx(log_likelihood_by_loops(posteriors, words, x), abs=1e-4)


@settings(max_examples=25)
@given(st.integers(0, 2**32))
def test_beside_a_word_it_changes_as_the_likelihood_does(seed: int) -> None:
    words, posteriors, codes = case(seed)
    tables = WordLikelihood(words).tables(posteriors)
    rng = np.random.default_rng(seed)
    at = words[codes.T, np.arange(M)].astype(np.float64)
    step = 1e-3 * rng.standard_normal(at.shape)
    found = tables.near_words(codes, (at + step).reshape(4, -1).astype(np.float32)) - tables.at_words(codes)
    for change, x, dx in zip(found.tolist(), at, step, strict=True):
        here, there = (log_likelihood_by_loops(posteriors, words, p) for p in (x, x + dx))
        assert change == pytest.approx(there - here, abs=3e-5)


def test_of_a_certain_word_the_nearest_image_is_the_likeliest() -> None:
    # Two words one unit apart: P(0 | 0) = 1 / (1 + exp(-1/s)), and exp(-1/s) times that for the other.
    words = np.array([[[0.0]], [[1.0]]], dtype=np.float32)
    tables = WordLikelihood(words).tables(np.array([[1.0, 0.0]], dtype=np.float32))
    scale = 2 * DEFAULT_MODEL.match_distance
    sure = -scale / 2 * math.log1p(math.exp(-1 / scale))
    codes = np.array([[0, 1]], dtype=np.uint8)
    assert tables.at_words(codes).tolist() == pytest.approx([sure, sure - 0.5], abs=1e-6)


def test_a_word_that_cannot_have_been_sent_is_far_but_not_infinitely_far() -> None:
    words = np.array([[[0.0]], [[100.0]]], dtype=np.float32)
    tables = WordLikelihood(words).tables(np.array([[1.0, 0.0]], dtype=np.float32))
    codes = np.array([[0, 1]], dtype=np.uint8)
    near, far = tables.at_words(codes).tolist()
    assert near == 0
    assert math.isfinite(far)
    assert far < -10
    assert np.isfinite(tables.near_words(codes, np.array([[0.0], [100.0]], dtype=np.float32))).all()


def test_no_images() -> None:
    words, posteriors, _ = case(0)
    nothing = np.zeros((M, 0), dtype=np.uint8)
    tables = WordLikelihood(words).tables(posteriors)
    assert tables.at_words(nothing).tolist() == []
    assert tables.near_words(nothing, np.zeros((0, M * WIDTH), dtype=np.float32)).tolist() == []
