"""Places of the largest values, against sorting everything."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsc_server.receiving.largest import all_largest_first, largest

# Few different numbers, so that many are equal.
NUMBERS = st.one_of(st.sampled_from([0.0, -0.0, 0.5, -0.5, 1.0]), st.floats(-2, 2, width=32))


def by_sorting(values: list[float]) -> list[int]:
    return sorted(range(len(values)), key=lambda place: (-values[place], place))


@given(st.lists(NUMBERS, max_size=40), st.integers(0, 45))
def test_the_largest_come_first_and_of_equals_the_lowest_place(values: list[float], count: int) -> None:
    assert largest(np.array(values), count).tolist() == by_sorting(values)[:count]


@given(st.lists(st.one_of(NUMBERS, st.floats(allow_nan=False, width=32)), max_size=40))
def test_all_places_of_any_floats_in_order(values: list[float]) -> None:
    assert all_largest_first(np.array(values, dtype=np.float32)).tolist() == by_sorting(values)
