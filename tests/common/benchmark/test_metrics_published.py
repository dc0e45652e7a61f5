"""Metrics as the data sets' own tools define them, by hand, by walking down the list, and by scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve

from dsc_common.benchmark.metrics import (
    average_precision,
    average_precision_trapezoidal,
    hit_ranks,
    n_s_score,
    precision_at,
)


def walk(ranking: list[int], positives: set[int], junk: set[int]) -> float:
    """The area that the Oxford tool accumulates: one trapezoid for each image that isn't junk."""
    area, found, seen = 0.0, 0, 0
    recall, precision = 0.0, 1.0
    for image in ranking:
        if image in junk:
            continue
        seen += 1
        found += image in positives
        new_recall, new_precision = found / len(positives), found / seen
        area += (new_recall - recall) * (precision + new_precision) / 2
        recall, precision = new_recall, new_precision
    return area


cases = st.tuples(
    st.permutations(range(14)), st.sets(st.integers(0, 13), min_size=1), st.sets(st.integers(0, 13))
)


@given(cases, st.integers(0, 14))
def test_trapezoids_are_what_the_oxford_tool_adds_up(
    case: tuple[list[int], set[int], set[int]], length: int
) -> None:
    order, positives, junk = case
    ranking, junk = order[:length], junk - positives
    ranks = hit_ranks(np.array(ranking, dtype=np.int64), positives, junk)
    got = average_precision_trapezoidal(ranks, len(positives))
    assert got == pytest.approx(walk(ranking, positives, junk), abs=1e-12)
    assert 0 <= got <= 1


def test_trapezoids_by_hand() -> None:
    # Ranks 1, 3 and 6 of three: ((1 + 1/1) + (1/2 + 2/3) + (2/5 + 3/6)) / 2 / 3.
    expected = (2 + 7 / 6 + 9 / 10) / 6
    assert average_precision_trapezoidal([1, 3, 6], 3) == pytest.approx(expected)
    assert average_precision_trapezoidal([2], 1) == pytest.approx(0.25)
    assert average_precision_trapezoidal([], 4) == 0
    assert average_precision_trapezoidal([1, 2, 3], 3) == 1


@given(st.permutations([True] * 4 + [False] * 6))
def test_both_kinds_by_scikit_learn(right: list[bool]) -> None:
    scores = -np.arange(len(right))
    ranks = [rank for rank, is_right in enumerate(right, start=1) if is_right]
    assert average_precision(ranks, 4) == pytest.approx(average_precision_score(right, scores))
    precision, recall, _ = precision_recall_curve(right, scores)  # each threshold once, last one first
    area = sum(
        (recall[i] - recall[i + 1]) * (precision[i] + precision[i + 1]) / 2 for i in range(len(recall) - 1)
    )
    assert average_precision_trapezoidal(ranks, 4) == pytest.approx(area)


def test_precision_at_k_by_hand() -> None:
    ranks = [1, 3, 6]
    assert precision_at(ranks, 3, 1) == 1
    assert precision_at(ranks, 3, 5) == pytest.approx(2 / 5)
    assert precision_at(ranks, 3, 10) == pytest.approx(3 / 6)  # the last positive is at rank 6
    assert precision_at(ranks, 4, 10) == pytest.approx(3 / 10)  # one more is still to come
    assert precision_at([], 2, 10) == 0


def test_the_n_s_score_by_hand() -> None:
    positives = {4, 5, 6, 7}
    assert n_s_score(np.array([4, 5, 6, 7, 0]), positives) == 4
    assert n_s_score(np.array([4, 0, 7, 1, 5, 6]), positives) == 2
    assert n_s_score(np.array([4]), positives) == 1
    assert n_s_score(np.array([], dtype=np.int64), positives) == 0


@given(st.permutations(range(12)), st.sets(st.integers(0, 11), min_size=4, max_size=4))
def test_the_n_s_score_is_four_times_the_recall_at_four(order: list[int], positives: set[int]) -> None:
    ranking = np.array(order, dtype=np.int64)
    ranks = hit_ranks(ranking, positives, set())
    assert n_s_score(ranking, positives) == sum(rank <= 4 for rank in ranks)
