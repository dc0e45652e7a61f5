"""Posteriors of labels under their check bits: every head that there is, one by one."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.packet.bits import bits_from_numbers
from dsc_common.packet.format import HeadCodec, PacketFormat
from dsc_common.packet.packing import check_of
from dsc_server.receiving.head_check import bit_syndromes, syndrome, syndromes, with_check

SHAPES = [(2, 1), (5, 1), (2, 2), (3, 2), (5, 3), (8, 2), (9, 3), (4, 4)]


def format_of(num_labels: int, head_labels: int) -> PacketFormat:
    return PacketFormat(num_labels, head_labels, 1, head_codec=HeadCodec.CRC6)


def check_number(labels: list[int], fmt: PacketFormat) -> int:
    check = check_of(bits_from_numbers(np.array(labels), fmt.label_bits), fmt)
    return int("".join(map(str, check.tolist())), 2)


@pytest.mark.parametrize(("num_labels", "head_labels"), [*SHAPES, (1000, 5)])
def test_what_each_label_adds_to_the_check_bits(num_labels: int, head_labels: int) -> None:
    fmt = format_of(num_labels, head_labels)
    table = syndromes(fmt)
    assert table.shape == (head_labels, 2**fmt.label_bits)
    for slot in range(head_labels):
        for label in {*range(0, num_labels, 1 + num_labels // 50), num_labels - 1}:
            alone = [0] * head_labels
            alone[slot] = label
            assert table[slot, label] == check_number(alone, fmt)
    whole = [(37 * slot + 1) % num_labels for slot in range(head_labels)]
    total = 0
    for slot, label in enumerate(whole):
        total ^= int(table[slot, label])
    assert total == check_number(whole, fmt)


@pytest.mark.parametrize("codec", HeadCodec)
@given(seed=st.integers(0, 2**32))
def test_the_syndrome_is_what_check_bits_differ_in(codec: HeadCodec, seed: int) -> None:
    fmt = PacketFormat(40, 3, 1, head_codec=codec)
    bits = np.random.default_rng(seed).integers(0, 2, fmt.message_bits + fmt.check_bits, dtype=np.uint8)
    differing = check_of(bits[: fmt.message_bits], fmt) ^ bits[fmt.message_bits :]
    assert syndrome(bits, fmt) == int("0" + "".join(map(str, differing.tolist())), 2)
    assert bit_syndromes(fmt).shape == bits.shape


def marginals_by_enumeration(
    slots: NDArray[np.float64], llrs: list[float], fmt: PacketFormat
) -> NDArray[np.float64]:
    marginals = np.zeros_like(slots)
    for labels in itertools.product(range(slots.shape[1]), repeat=slots.shape[0]):
        weight = math.prod(float(slots[slot, label]) for slot, label in enumerate(labels))
        for bit, llr in zip(f"{check_number(list(labels), fmt):06b}", llrs, strict=True):
            weight *= 1 / (1 + math.exp(llr if bit == "1" else -llr))
        for slot, label in enumerate(labels):
            marginals[slot, label] += weight
    return marginals / marginals.sum(axis=1, keepdims=True)


@settings(max_examples=30)
@given(
    st.sampled_from(SHAPES),
    st.integers(0, 2**32),
    st.floats(0.1, 6),
    st.lists(st.floats(-8, 8), min_size=6, max_size=6),
)
@example((2, 1), 0, 1.0, [-40.0, -40.0, 40.0, 40.0, 40.0, -40.0])  # of no head
def test_marginals_are_those_of_all_heads(
    shape: tuple[int, int], seed: int, spread: float, llrs: list[float]
) -> None:
    fmt = format_of(*shape)
    weights = np.exp(spread * np.random.default_rng(seed).standard_normal(shape[::-1]))
    slots = weights / weights.sum(axis=1, keepdims=True)
    expected = marginals_by_enumeration(slots, llrs, fmt)
    np.testing.assert_allclose(with_check(slots, np.array(llrs), fmt), expected, rtol=1e-9)
    factors = np.exp(-180 * np.arange(len(slots)))[:, None]  # as small as a prior and a bit can make a row
    np.testing.assert_allclose(with_check(factors * slots, np.array(llrs), fmt), expected, rtol=1e-9)


def test_check_bits_that_say_nothing_change_nothing() -> None:
    slots = np.random.default_rng(0).dirichlet(np.ones(9), 3)
    np.testing.assert_allclose(with_check(slots, np.zeros(6), format_of(9, 3)), slots, atol=1e-12)


def test_check_bits_settle_what_two_slots_leave_open() -> None:
    # Each slot is 3 or 5 with even odds; the sure check bits are those of (3, 5).
    fmt = format_of(8, 2)
    slots = np.zeros((2, 8))
    slots[:, [3, 5]] = 0.5
    llrs = 100 * (
        1 - 2 * np.array([int(bit) for bit in f"{check_number([3, 5], fmt):06b}"], dtype=np.float64)
    )
    found = with_check(slots, llrs, fmt)
    assert found[0].round(9).tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    assert found[1].round(9).tolist() == [0, 0, 0, 0, 0, 1, 0, 0]


@pytest.mark.parametrize("strength", [8.0, 40.0, 100.0])
def test_sure_labels_stay_where_one_check_bit_is_wrong(strength: float) -> None:
    fmt = format_of(8, 2)
    slots = np.full((2, 8), math.exp(-2 * strength))
    slots[[0, 1], [3, 5]] = 1
    llrs = strength * (
        1 - 2 * np.array([int(bit) for bit in f"{check_number([3, 5], fmt):06b}"], dtype=np.float64)
    )
    llrs[2] *= -1
    found = with_check(slots / slots.sum(axis=1, keepdims=True), llrs, fmt)
    assert found.argmax(axis=1).tolist() == [3, 5]
    assert (found.max(axis=1) > 0.999).all()
