"""Bits of numbers and bytes: round trips, and the order of bits by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.packet.bits import bits_from_bytes, bits_from_numbers, bytes_from_bits, numbers_from_bits


def test_the_most_significant_bit_comes_first() -> None:
    assert bits_from_numbers(np.array([6, 1]), 4).tolist() == [0, 1, 1, 0, 0, 0, 0, 1]
    assert bits_from_bytes(b"\x80\x03").tolist() == [1, *[0] * 7, 0, 0, 0, 0, 0, 0, 1, 1]


def test_bytes_are_padded_with_zeros_at_the_end() -> None:
    assert bytes_from_bits(np.array([1, 1, 1], dtype=np.uint8)) == b"\xe0"
    assert bytes_from_bits(np.array([0] * 8 + [1], dtype=np.uint8)) == b"\x00\x80"


def test_nothing_is_nothing() -> None:
    assert bits_from_bytes(b"").size == 0
    assert bytes_from_bits(np.zeros(0, dtype=np.uint8)) == b""
    assert bits_from_numbers(np.zeros(0, dtype=np.int64), 7).size == 0
    assert numbers_from_bits(np.zeros(0, dtype=np.uint8), 7).size == 0


@given(st.binary(max_size=64))
def test_bytes_round_trip(data: bytes) -> None:
    bits = bits_from_bytes(data)
    assert bits.tolist() == [int(bit) for byte in data for bit in f"{byte:08b}"]
    assert bytes_from_bits(bits) == data


@given(st.data())
def test_numbers_round_trip(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 24))
    numbers = data.draw(st.lists(st.integers(0, 2**width - 1), max_size=30))
    bits = bits_from_numbers(np.array(numbers, dtype=np.int64), width)
    assert bits.dtype == np.uint8
    assert bits.tolist() == [int(bit) for number in numbers for bit in f"{number:0{width}b}"]
    assert numbers_from_bits(bits, width).tolist() == numbers
