"""The soft minimum against a plain loop, within its bounds, and a distance where one word is certain."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_server.index.receiver_model import DEFAULT_MODEL
from dsc_server.index.search_limits import DEFAULT_LIMITS
from dsc_server.kernels.arrays import squared_distances
from dsc_server.ranking.soft_minimum import Distances, soft_minimum

Case = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, width = draw(st.sampled_from([2, 3, 17, 64, 100])), draw(st.integers(1, 4))
    probabilities = rng.dirichlet(np.full(count, draw(st.sampled_from([0.05, 0.5, 5.0]))))
    words, points = rng.standard_normal((count, width)), rng.standard_normal((draw(st.integers(1, 9)), width))
    return probabilities.astype(np.float32), words.astype(np.float32), points.astype(np.float32)


def to(points: NDArray[np.float32], words: NDArray[np.float32]) -> Distances:
    """Distances of words to points."""
    return lambda likely: squared_distances(words[likely], points)


def distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return sum((float(a) - float(b)) ** 2 for a, b in zip(one, other, strict=True))


def likely(probabilities: NDArray[np.float32]) -> list[int]:
    order = sorted(range(len(probabilities)), key=lambda j: -probabilities[j])[
        : DEFAULT_LIMITS.likely_codewords
    ]
    return order[:1] if probabilities[order[0]] >= DEFAULT_MODEL.near_certain else order


def by_loop(case: Case) -> list[float]:
    """-s log Σ_j P(j) exp(-d_j / s), s a share of the mean distance from the likely words to all points."""
    probabilities, words, points = case
    chosen = likely(probabilities)
    if len(chosen) == 1:
        return [distance(words[chosen[0]], point) for point in points]
    table = [[distance(words[j], point) for j in chosen] for point in points]
    s = DEFAULT_MODEL.soft_bandwidth * sum(map(sum, table)) / (len(chosen) * len(points))
    shares = [float(probabilities[j]) / sum(float(probabilities[i]) for i in chosen) for j in chosen]
    return [
        min(row)
        - s * math.log(sum(p * math.exp((min(row) - d) / s) for p, d in zip(shares, row, strict=True)))
        for row in table
    ]


@given(cases())
def test_is_its_formula_and_lies_between_the_least_and_the_expected_distance(case: Case) -> None:
    probabilities, words, points = case
    found = soft_minimum(probabilities, to(points, words))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_loop(case), rtol=1e-4, atol=1e-5)
    chosen = likely(probabilities)
    shares = probabilities[chosen] / probabilities[chosen].sum()
    for value, point in zip(found.tolist(), points, strict=True):
        distances = [distance(words[j], point) for j in chosen]
        assert min(distances) - 1e-4 <= value <= float(shares @ distances) + 1e-4  # Jensen


@given(cases(), st.sampled_from([DEFAULT_MODEL.near_certain, 0.99, 1.0]), st.integers(0, 1))
def test_a_word_that_is_nearly_certain_is_taken_for_certain(case: Case, sure: float, j: int) -> None:
    _, words, points = case
    probabilities = np.full(len(words), (1 - sure) / (len(words) - 1), dtype=np.float32)
    probabilities[j] = np.float32(sure)
    if probabilities[j] < DEFAULT_MODEL.near_certain:  # rounded down
        probabilities[j] = np.nextafter(probabilities[j], np.float32(1))
    difference = points - words[j]
    assert soft_minimum(probabilities, to(points, words)).tolist() == pytest.approx(
        np.einsum("pd,pd->p", difference, difference).tolist(), rel=1e-6
    )
    assert soft_minimum(probabilities, to(words, words))[j] == 0


def test_by_hand_and_in_the_limits_of_its_bandwidth() -> None:
    # Words 0 and 1 with odds 3 : 1; the point 2 is at squared distances 4 and 1.
    odds, words = np.array([0.75, 0.25], dtype=np.float32), np.array([[0], [1]], dtype=np.float32)
    point = np.array([[2]], dtype=np.float32)
    s = 0.1 * 2.5
    expected = -s * math.log(0.75 * math.exp(-4 / s) + 0.25 * math.exp(-1 / s))
    assert soft_minimum(odds, to(point, words)).tolist() == pytest.approx([expected], rel=1e-6)
    wide = replace(DEFAULT_MODEL, soft_bandwidth=1e4)  # the expected distance
    assert soft_minimum(odds, to(point, words), wide).tolist() == pytest.approx([0.75 * 4 + 0.25], abs=1e-3)
    narrow = replace(DEFAULT_MODEL, soft_bandwidth=1e-4)  # the least distance
    assert soft_minimum(odds, to(point, words), narrow).tolist() == pytest.approx([1], abs=1e-3)


def test_words_and_points_that_are_all_the_same() -> None:
    words = np.full((5, 2), 0.3, dtype=np.float32)
    assert soft_minimum(np.full(5, 0.2, dtype=np.float32), to(words, words)).tolist() == pytest.approx(
        [0] * 5, abs=1e-9
    )


def test_the_likelier_word_draws_points_nearer() -> None:
    # The expected distance would put the point between the words first: it is what it is least at.
    words = np.array([[-1], [1]], dtype=np.float32)
    points = np.array([[-1], [0], [1]], dtype=np.float32)
    left, middle, right = soft_minimum(np.array([0.6, 0.4], dtype=np.float32), to(points, words)).tolist()
    assert left < right < middle


@pytest.mark.filterwarnings("error")
def test_no_points_have_no_distances() -> None:
    odds, words = np.full(2, 0.5, dtype=np.float32), np.eye(2, dtype=np.float32)
    nothing = soft_minimum(odds, to(words[:0], words))
    assert nothing.shape == (0,)
