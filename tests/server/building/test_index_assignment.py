"""The order of words: the same words, never worse than before, and no exchange of two that would help."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_server.building.index_assignment import ordered_words, shuffled_words

SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 64]


def random_words(seed: int, count: int, num_subvectors: int = 2, width: int = 2) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((count, num_subvectors, width)).astype(np.float32)


def cost_by_loop(points: NDArray[np.float32]) -> float:
    """Σ_j Σ_b ‖w_j - w_{j xor 2^b}‖² of one sub-vector, over the indices that exist."""
    total = 0.0
    for j in range(len(points)):
        for b in range(8):
            if j ^ 1 << b < len(points):
                difference = points[j].astype(np.float64) - points[j ^ 1 << b]
                total += float(difference @ difference)
    return total


def bit_error_cost(words: NDArray[np.float32]) -> float:
    """Mean over words and sub-vectors of what a wrong bit costs."""
    return sum(cost_by_loop(words[:, m]) for m in range(words.shape[1])) / max(words[..., 0].size, 1)


def sorted_rows(words: NDArray[np.float32], m: int) -> list[list[float]]:
    return sorted(words[:, m].tolist())


def test_the_cost_of_four_words_by_hand() -> None:
    # On a line, 0 1 2 3: a flip of the last bit moves by 1, of the first by 2; twice each, both ways.
    words = np.arange(4, dtype=np.float32).reshape(4, 1, 1)
    assert bit_error_cost(words) == (4 * 1 + 4 * 4) / 4
    # A flip of a bit of three words goes nowhere from 1 by the first, and from 2 by the last.
    assert bit_error_cost(words[:3]) == (2 * 1 + 2 * 4) / 3


@pytest.mark.parametrize("count", [*SIZES, 255, 256, 257])
def test_they_are_the_same_words_in_an_order_that_costs_no_more(count: int) -> None:
    words = random_words(count, count)
    before = words.copy()
    found = ordered_words(words)
    assert (found.shape, found.dtype) == (words.shape, np.float32)
    for m in range(2):
        assert sorted_rows(found, m) == sorted_rows(words, m)
        assert cost_by_loop(found[:, m]) <= cost_by_loop(words[:, m]) * (1 + 1e-6)
    assert words.tolist() == before.tolist()
    assert ordered_words(words).tobytes() == found.tobytes()


@pytest.mark.parametrize("count", [16, 100, 256])
def test_it_costs_far_less_than_chance(count: int) -> None:
    # Two random unit normals are 2 apart per dimension; neighbours in an order are much nearer.
    words = random_words(1, count, num_subvectors=3)
    chance = np.mean([bit_error_cost(shuffled_words(words, seed)) for seed in range(5)])
    assert bit_error_cost(ordered_words(words)) < 0.7 * chance


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(2, 9), st.integers(1, 3))
def test_no_exchange_of_two_words_helps(seed: int, count: int, width: int) -> None:
    found = ordered_words(random_words(seed, count, 1, width))[:, 0]
    least = cost_by_loop(found)
    for i, j in itertools.combinations(range(count), 2):
        order = list(range(count))
        order[i], order[j] = j, i
        assert cost_by_loop(found[order]) >= least - 1e-4


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_of_few_words_it_is_near_the_best_of_all_orders(count: int) -> None:
    ratios = []
    for seed in range(40):
        words = random_words(seed, count, 1)[:, 0]
        best = min(cost_by_loop(words[list(order)]) for order in itertools.permutations(range(count)))
        ratios.append(cost_by_loop(ordered_words(words[:, None])[:, 0]) / best)
    assert min(ratios) >= 1 - 1e-5
    assert np.mean(ratios) < 1.05
    assert np.median(ratios) == pytest.approx(1, abs=1e-5)


def test_words_on_a_line_are_the_best_there_is() -> None:
    # Of eight equidistant words the natural order is optimal (Crimmins et al. 1969): 8 · (1 + 4 + 16).
    line = np.random.default_rng(2).permutation(np.arange(8, dtype=np.float32))
    assert cost_by_loop(ordered_words(line.reshape(8, 1, 1))[:, 0]) == 8 * (1 + 4 + 16)


def test_words_that_are_all_the_same_or_come_several_times() -> None:
    same = np.full((6, 2, 3), 0.25, dtype=np.float32)
    assert ordered_words(same).tolist() == same.tolist()
    twice = np.repeat(random_words(0, 8, 1), 2, axis=0)
    found = ordered_words(twice)
    assert sorted_rows(found, 0) == sorted_rows(twice, 0)
    assert bit_error_cost(found) <= bit_error_cost(twice) + 1e-6


@pytest.mark.parametrize("count", [0, 1, 2, 17, 256])
def test_shuffled_words_are_the_same_words_by_their_seed(count: int) -> None:
    words = random_words(3, count, 4)
    found = shuffled_words(words, 5)
    for m in range(4):
        assert sorted_rows(found, m) == sorted_rows(words, m)
    assert found.tobytes() == shuffled_words(words, 5).tobytes()
    if count > 2:
        assert found.tobytes() != shuffled_words(words, 6).tobytes()
        orders = [[sorted_rows(words, m).index(row) for row in found[:, m].tolist()] for m in range(4)]
        assert len({tuple(order) for order in orders}) == 4  # each sub-vector in an order of its own
