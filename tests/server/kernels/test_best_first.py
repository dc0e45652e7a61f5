"""The first k of an order are those of the whole order, ties included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsc_server.kernels.best_first import SAMPLED, all_best_first, best_first, best_places


@settings(max_examples=60)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.data())
def test_the_best_are_the_highest_and_of_equals_the_first(values: list[int], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(values) + 2))
    order = sorted(range(len(values)), key=lambda place: (-values[place], place))
    scores = np.array(values, dtype=np.float32)
    assert best_places(scores, count).tolist() == sorted(order[:count])
    assert best_first(scores).tolist() == order
    assert best_first(scores, count).tolist() == order[:count]


@pytest.mark.parametrize("kinds", [2, 50, 100_000])
@pytest.mark.parametrize("order", ["random", "ascending", "descending", "sample is high", "sample is low"])
def test_many_scores_have_the_same_best(kinds: int, order: str) -> None:
    scores = np.random.default_rng(0).integers(0, kinds, 20_000).astype(np.float32)
    if "cending" in order:
        scores = np.sort(scores)[:: 1 if order == "ascending" else -1]
    if "sample" in order:
        scores[::SAMPLED] = kinds if "high" in order else -1
    expected = np.argsort(-scores, kind="stable")
    for count in (1, 10, 1000, 1250, 4000, 19_999):
        assert best_places(scores, count).tolist() == np.sort(expected[:count]).tolist()
        assert best_first(scores, count).tolist() == expected[:count].tolist()


def test_nothing_has_no_best() -> None:
    nothing = np.zeros(0, dtype=np.float32)
    assert best_first(nothing).tolist() == best_first(nothing, 3).tolist() == []


# Few different numbers, so that many are equal.
NUMBERS = st.one_of(st.sampled_from([0.0, -0.0, 0.5, -0.5, 1.0]), st.floats(-2, 2, width=32))


def by_sorting(values: list[float]) -> list[int]:
    return sorted(range(len(values)), key=lambda place: (-values[place], place))


@given(st.lists(NUMBERS, max_size=40), st.integers(0, 45))
def test_of_any_numbers_the_largest_come_first_and_of_equals_the_lowest_place(
    values: list[float], count: int
) -> None:
    assert best_first(np.array(values), count).tolist() == by_sorting(values)[:count]


@given(st.lists(st.one_of(NUMBERS, st.floats(allow_nan=False, width=32)), max_size=40))
def test_all_places_of_any_floats_in_order(values: list[float]) -> None:
    assert all_best_first(np.array(values, dtype=np.float32)).tolist() == by_sorting(values)
