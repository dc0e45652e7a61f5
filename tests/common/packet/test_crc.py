"""Check bits against hand-worked remainders, polynomial long division, and what they must detect."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.packet.crc import crc6, crc13

GENERATOR = 0b1100001  # x^6 + x^5 + 1

bit_lists = st.lists(st.integers(0, 1), max_size=120)


def crc(bits: list[int]) -> int:
    return crc6(np.array(bits, dtype=np.uint8))


def long_division(bits: list[int]) -> int:
    """Remainder of bits(x) · x^6 by the schoolbook: cancel the highest term until the degree is below 6."""
    dividend = int("".join(map(str, [0, *bits, 0, 0, 0, 0, 0, 0])), 2)
    while dividend.bit_length() >= GENERATOR.bit_length():
        dividend ^= GENERATOR << (dividend.bit_length() - GENERATOR.bit_length())
    return dividend


@pytest.mark.parametrize(
    ("bits", "remainder"),
    [
        ([], 0b000000),
        ([0, 0, 0, 0], 0b000000),
        ([1], 0b100001),  # x^6 = x^5 + 1
        ([1, 0], 0b100011),  # x^7 = x^6 + x = x^5 + x + 1
        ([1, 0, 0], 0b100111),  # x^8 = x^6 + x^2 + x = x^5 + x^2 + x + 1
        ([1, 1], 0b000010),  # x^7 + x^6 = x
        ([1, 1, 0, 0, 0, 0, 1], 0b000000),  # the generator itself
    ],
)
def test_hand_worked_remainders(bits: list[int], remainder: int) -> None:
    assert crc(bits) == remainder


@given(bit_lists)
def test_equals_long_division(bits: list[int]) -> None:
    assert crc(bits) == long_division(bits)


@given(bit_lists)
def test_bits_followed_by_their_remainder_leave_none(bits: list[int]) -> None:
    assert crc(bits + [int(bit) for bit in f"{crc(bits):06b}"]) == 0


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=80))
def test_is_linear(pairs: list[tuple[int, int]]) -> None:
    left, right = zip(*pairs, strict=True)
    assert crc([a ^ b for a, b in pairs]) == crc(list(left)) ^ crc(list(right))


@pytest.mark.parametrize("wrong", [1, 2])
def test_detects_every_error_of_one_or_two_bits_within_its_period(wrong: int) -> None:
    # By linearity an error goes unseen exactly when its own remainder is 0, whatever was sent.
    length = 63
    for places in itertools.combinations(range(length), wrong):
        assert crc([int(place in places) for place in range(length)]) != 0


def test_its_period_is_63() -> None:
    # x^63 = 1: two wrong bits 63 apart cancel out.
    assert crc([1, *[0] * 62, 1]) == 0


def test_detects_every_burst_of_up_to_six_bits() -> None:
    for burst in range(1, 64):
        bits = [int(bit) for bit in f"{burst:06b}"]
        for start in range(50):
            assert crc([*[0] * start, *bits, *[0] * (50 - start)]) != 0


GENERATOR_13 = (1 << 13) | 0x1CF5


def crc_13(bits: list[int]) -> int:
    return crc13(np.array(bits, dtype=np.uint8))


@pytest.mark.parametrize(
    ("bits", "remainder"),
    [
        ([], 0),
        ([0, 0], 0),
        ([1], 0b1110011110101),  # x^13 is the rest of the generator
        ([1, 0], 0b1110011110101 << 1 & 0x1FFF ^ 0b1110011110101),  # shifted left, its x^13 replaced likewise
        ([1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0, 1], 0),  # the generator itself
    ],
)
def test_hand_worked_remainders_of_thirteen_bits(bits: list[int], remainder: int) -> None:
    assert crc_13(bits) == remainder


@given(bit_lists)
def test_thirteen_bits_equal_long_division(bits: list[int]) -> None:
    dividend = int("".join(map(str, [0, *bits, *[0] * 13])), 2)
    while dividend.bit_length() > 13:
        dividend ^= GENERATOR_13 << (dividend.bit_length() - 14)
    assert crc_13(bits) == dividend


@given(bit_lists)
def test_a_word_with_its_own_thirteen_bits_leaves_nothing(bits: list[int]) -> None:
    own = crc_13(bits)
    assert 0 <= own < 8192
    assert crc_13([*bits, *(int(bit) for bit in f"{own:013b}")]) == 0


def test_thirteen_bits_see_every_error_of_up_to_three_bits_in_a_head() -> None:
    # The code is linear: an error is seen when its own remainder is not zero. 43 bits and 13 check bits.
    single = [crc_13([1] + [0] * place) for place in range(43)] + [1 << place for place in range(13)]
    for count in (1, 2, 3):
        for errors in itertools.combinations(single, count):
            total = 0
            for error in errors:
                total ^= error
            assert total != 0
