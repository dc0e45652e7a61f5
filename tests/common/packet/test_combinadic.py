"""Sets and their numbers: exhaustively on small K and T, by the known order, and at the packet's own size."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.errors import InvalidInputError
from dsc_common.packet.combinadic import number_to_set, set_bits, set_to_number


@pytest.mark.parametrize(
    ("num_labels", "head_labels"), [(k, t) for k in range(1, 11) for t in range(1, k + 1)]
)
def test_numbers_count_the_sets_by_their_largest_labels(num_labels: int, head_labels: int) -> None:
    # Colexicographic order: sets that differ are compared by their largest labels first.
    sets = sorted(itertools.combinations(range(num_labels), head_labels), key=lambda one: one[::-1])
    assert [set_to_number(one) for one in sets] == list(range(math.comb(num_labels, head_labels)))
    assert [number_to_set(i, num_labels, head_labels) for i in range(len(sets))] == [
        list(one) for one in sets
    ]
    for number in (-1, len(sets)):
        line = f"^expected the number of a set, below {len(sets)}, got {number}$"
        with pytest.raises(InvalidInputError, match=line):
            number_to_set(number, num_labels, head_labels)


def test_by_hand() -> None:
    # Knuth's example: 8 > 6 > 3 > 1 > 0 is C(8,5) + C(6,4) + C(3,3) + C(1,2) + C(0,1) = 56 + 15 + 1 = 72.
    assert set_to_number([8, 6, 3, 1, 0]) == 72
    assert set_to_number([0, 3, 8, 1, 6]) == 72
    assert number_to_set(72, 1000, 5) == [0, 1, 3, 6, 8]
    last = 1000 * 999 * 998 * 997 * 996 // 120 - 1
    assert number_to_set(last, 1000, 5) == [995, 996, 997, 998, 999]
    assert set_to_number([995, 996, 997, 998, 999]) == last


@given(st.sets(st.integers(0, 999), min_size=5, max_size=5))
def test_from_a_set_to_its_number_and_back(labels: set[int]) -> None:
    number = set_to_number(list(labels))
    assert 0 <= number < math.comb(1000, 5)
    assert number_to_set(number, 1000, 5) == sorted(labels)


@given(st.integers(0, math.comb(1000, 5) - 1))
def test_from_a_number_to_its_set_and_back(number: int) -> None:
    labels = number_to_set(number, 1000, 5)
    assert labels == sorted(set(labels))
    assert 0 <= labels[0] <= labels[-1] < 1000
    assert set_to_number(labels) == number


@pytest.mark.parametrize(
    ("num_labels", "head_labels", "bits"),
    [(1000, 5, 43), (1, 1, 0), (2, 1, 1), (4, 4, 0), (5, 2, 4), (10, 5, 8)],
)
def test_bits_that_hold_every_number(num_labels: int, head_labels: int, bits: int) -> None:
    assert set_bits(num_labels, head_labels) == bits
    assert math.comb(num_labels, head_labels) <= 2**bits
    assert bits == 0 or math.comb(num_labels, head_labels) > 2 ** (bits - 1)
