"""Heads by lists: every head of small formats, errors put in by hand, and what cannot be mended."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.packet.format import HeadCodec, PacketFormat
from dsc_common.packet.packing import (
    Packet,
    check_of,
    head_check_ok,
    labels_from_message,
    message_from_labels,
    pack,
)
from dsc_server.receiving.head_list import head_candidates, read_head_by_list, read_head_hard

LABELS = [3, 497, 512, 900, 999]


def head_bits(labels: list[int], fmt: PacketFormat) -> NDArray[np.uint8]:
    message = message_from_labels(np.array(labels), fmt)
    return np.concatenate([message, check_of(message, fmt)])


def llrs_of(labels: list[int], fmt: PacketFormat, strength: float = 4.0) -> NDArray[np.float64]:
    """(8 · head_bytes,) float64, padding included."""
    bits = head_bits(labels, fmt).astype(np.float64)
    return strength * (1 - 2 * np.pad(bits, (0, 8 * fmt.head_bytes - bits.size)))


@pytest.mark.parametrize("codec", [HeadCodec.CRC6, HeadCodec.SET])
@settings(max_examples=60)
@given(wrong=st.lists(st.integers(0, 55), min_size=1, max_size=3, unique=True))
def test_up_to_three_unreliable_bits_are_set_right(codec: HeadCodec, wrong: list[int]) -> None:
    fmt = PacketFormat(head_codec=codec)
    llrs = llrs_of(LABELS, fmt)
    llrs[wrong] *= -0.05
    hard = read_head_hard(llrs, fmt)
    if hard.trusted:  # six bits let one in 64 errors of three bits pass
        assert (len(wrong), codec) == (3, HeadCodec.CRC6)
        return
    found = read_head_by_list(llrs, fmt)
    assert found.labels.tolist() == LABELS
    assert found.trusted
    assert found.corrected == sum(place < fmt.message_bits for place in wrong)
    assert hard.labels.tolist() != LABELS or found.corrected == 0


def test_the_likeliest_of_two_ways_is_taken() -> None:
    fmt = PacketFormat(num_partitions=2, head_labels=1, num_subvectors=1)
    right = head_bits([1], fmt).tolist()
    assert right == [1, 1, 0, 0, 0, 0, 1]  # the other head is all zeros
    llrs = np.array([-1.0, -1, 1, 1, 1, 1, 2.5, 0])  # 0 costs 1 + 1, 1 costs 2.5
    assert [(c.labels.tolist(), c.cost, c.corrected) for c in head_candidates(llrs, fmt)] == [
        ([0], 2.0, 1),
        ([1], 2.5, 0),
    ]
    found = read_head_by_list(llrs, fmt)
    assert (found.labels.tolist(), found.trusted, found.corrected) == ([0], True, 1)
    assert read_head_hard(llrs, fmt).labels.tolist() == [1]


@given(st.integers(0, 2**32), st.sampled_from([(4, 2), (3, 2), (2, 1), (2, 2), (13, 2), (4, 3)]))
def test_where_all_bits_can_be_turned_the_list_is_every_head_by_its_cost(
    seed: int, shape: tuple[int, int]
) -> None:
    fmt = PacketFormat(*shape, num_subvectors=1)
    llrs = np.random.default_rng(seed).standard_normal(8 * fmt.head_bytes) * 3
    costs = {}
    for labels in itertools.permutations(range(fmt.num_partitions), fmt.head_labels):
        bits = head_bits(list(labels), fmt).tolist()
        costs[labels] = sum(
            abs(llr) for llr, bit in zip(llrs.tolist(), bits, strict=False) if (llr < 0) != (bit == 1)
        )
    found = list(head_candidates(llrs, fmt))
    assert len(found) == len(costs)
    assert {tuple(candidate.labels.tolist()) for candidate in found} == set(costs)
    assert [candidate.cost for candidate in found] == pytest.approx(sorted(costs.values()))
    for candidate in found:
        assert candidate.cost == pytest.approx(costs[tuple(candidate.labels.tolist())])
        message = message_from_labels(candidate.labels, fmt)
        assert candidate.corrected == int((message != (llrs[: fmt.message_bits] < 0)).sum())


def test_sets_by_their_cost_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsc_server.receiving.head_list.UNRELIABLE_BITS", 17)
    fmt = PacketFormat(5, 2, 1, head_codec=HeadCodec.SET)
    assert (fmt.message_bits, fmt.check_bits, math.comb(5, 2)) == (4, 13, 10)
    llrs = np.random.default_rng(1).standard_normal(24)
    costs = {}
    for labels in itertools.combinations(range(5), 2):
        bits = head_bits(list(labels), fmt).tolist()
        costs[labels] = sum(
            abs(llr) for llr, bit in zip(llrs.tolist(), bits, strict=False) if (llr < 0) != (bit == 1)
        )
    found = [(tuple(c.labels.tolist()), c.cost) for c in head_candidates(llrs, fmt)]
    assert [labels for labels, _ in found] == sorted(costs, key=lambda labels: costs[labels])
    assert [cost for _, cost in found] == pytest.approx(sorted(costs.values()))


def test_heads_that_cannot_be_are_no_candidates() -> None:
    fmt = PacketFormat(5, 2, 1)
    for labels in ([2, 2], [6, 1], [7, 7]):
        llrs = llrs_of(labels, fmt)
        assert read_head_hard(llrs, fmt).labels.tolist() == labels
        assert read_head_hard(llrs, fmt).trusted
        found = read_head_by_list(llrs, fmt)  # its check bits agree, but it is no head
        assert len(set(found.labels.tolist())) == 2
        assert max(found.labels.tolist()) < 5
        assert found.corrected > 0
    beyond = PacketFormat(head_codec=HeadCodec.SET)
    number = np.array([int(bit) for bit in f"{math.comb(1000, 5):043b}"], dtype=np.uint8)
    bits = np.concatenate([number, check_of(number, beyond)])
    assert labels_from_message(number, beyond).tolist() == [1000] * 5
    hard = read_head_hard(8.0 * (1 - 2.0 * bits), beyond)
    assert (hard.labels.tolist(), hard.trusted) == ([1000] * 5, False)


def test_errors_beyond_the_unreliable_bits_are_seen_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsc_server.receiving.head_list.UNRELIABLE_BITS", 6)
    fmt = PacketFormat(head_codec=HeadCodec.SET)
    llrs = llrs_of(LABELS, fmt)
    llrs[14:20] *= 0.1  # the least reliable ones, all right
    llrs[[0, 40]] *= -1  # and two wrong ones that look sure: no five bits or fewer look like them
    hard, found = read_head_hard(llrs, fmt), read_head_by_list(llrs, fmt)
    assert not hard.trusted
    assert list(head_candidates(llrs, fmt)) == []
    assert (found.labels.tolist(), found.trusted, found.corrected) == (hard.labels.tolist(), False, 0)


@given(st.binary(min_size=47, max_size=47), st.sampled_from(HeadCodec))
def test_hard_heads_say_what_the_packet_says(data: bytes, codec: HeadCodec) -> None:
    fmt = PacketFormat(head_codec=codec)
    bits = np.unpackbits(np.frombuffer(data[:7], dtype=np.uint8)).astype(np.float64)
    found = read_head_hard(1 - 2 * bits, fmt)
    assert found.trusted == head_check_ok(data, fmt)
    assert (
        found.labels.tolist() == labels_from_message(bits[: fmt.message_bits].astype(np.uint8), fmt).tolist()
    )
    assert found.corrected == 0


def test_padding_only_tells() -> None:
    fmt = PacketFormat(9, 3, 1)  # 12 + 6 bits in 24
    data = pack(Packet(np.array([8, 0, 4]), np.zeros((3, 1), dtype=np.uint8)), fmt)
    llrs = llrs_of([8, 0, 4], fmt)
    assert llrs.size == 24
    assert read_head_hard(llrs, fmt).trusted
    llrs[23] = -9
    assert not head_check_ok(data[:2] + bytes([data[2] | 1]) + data[3:], fmt)
    assert not read_head_hard(llrs, fmt).trusted
    found = read_head_by_list(llrs, fmt)
    assert (found.labels.tolist(), found.trusted, found.corrected) == ([8, 0, 4], True, 0)


def test_without_check_bits_there_is_nothing_to_go_by() -> None:
    for fmt in (PacketFormat(9, 3, 1, head_codec=HeadCodec.ZERO), PacketFormat(1, 1, 1)):
        llrs = np.random.default_rng(3).standard_normal(8 * fmt.head_bytes)
        hard, found = read_head_hard(llrs, fmt), read_head_by_list(llrs, fmt)
        assert found.labels.tolist() == hard.labels.tolist()
        assert (found.trusted, found.corrected) == (hard.trusted, 0)
