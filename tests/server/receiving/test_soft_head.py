"""The soft bits of a head, bit by bit: likelihoods of labels, and what is computed once."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.packet.format import HeadCodec, PacketFormat
from dsc_common.radio.constellation import LLR_LIMIT
from dsc_server.receiving.head_list import head_candidates, read_head_hard
from dsc_server.receiving.soft_head import SoftHead

SHAPES = [(2, 1), (2, 2), (3, 2), (5, 3), (9, 3), (33, 2), (1000, 5)]


@given(st.sampled_from(SHAPES), st.sampled_from([HeadCodec.ZERO, HeadCodec.CRC6]), st.integers(0, 2**32))
def test_likelihoods_are_products_over_bits(shape: tuple[int, int], codec: HeadCodec, seed: int) -> None:
    fmt = PacketFormat(*shape, num_subvectors=1, head_codec=codec)
    llrs = np.random.default_rng(seed).standard_normal(8 * fmt.head_bytes) * 5
    soft = SoftHead(llrs, fmt)
    assert soft.likelihoods.shape == soft.log_likelihoods.shape == shape[::-1]
    for slot in range(fmt.head_labels):
        own = llrs[slot * fmt.label_bits : (slot + 1) * fmt.label_bits].tolist()
        for label in {0, 1, fmt.num_partitions // 2, fmt.num_partitions - 1}:
            word = f"{label:0{fmt.label_bits}b}"
            # A bit that agrees with its LLR costs nothing, another costs |LLR|.
            cost = sum(abs(llr) for llr, bit in zip(own, word, strict=True) if (llr < 0) != (bit == "1"))
            assert soft.likelihoods[slot, label] == pytest.approx(math.exp(-cost), rel=1e-9)
        logs = soft.log_likelihoods[slot]
        np.testing.assert_allclose(np.exp(logs - logs[0]), soft.likelihoods[slot] / soft.likelihoods[slot, 0])


@pytest.mark.parametrize("shape", SHAPES)
def test_some_label_is_likely_enough_whatever_sure_bits_say(shape: tuple[int, int]) -> None:
    fmt = PacketFormat(*shape, num_subvectors=1)
    for sign in (1.0, -1.0):  # all ones are no label unless K is a power of two
        found = SoftHead(np.full(8 * fmt.head_bytes, sign * LLR_LIMIT), fmt).likelihoods
        assert (found.max(axis=1) >= math.exp(-LLR_LIMIT) * (1 - 1e-9)).all()
        assert (found <= 1).all()


@pytest.mark.parametrize("codec", HeadCodec)
def test_decisions_are_made_once(codec: HeadCodec) -> None:
    fmt = PacketFormat(40, 3, 1, head_codec=codec)
    llrs = np.random.default_rng(2).standard_normal(8 * fmt.head_bytes)
    soft, hard = SoftHead(llrs, fmt), read_head_hard(llrs, fmt)
    assert soft.hard is soft.hard
    assert (soft.hard.labels.tolist(), soft.hard.trusted) == (hard.labels.tolist(), hard.trusted)
    assert soft.candidates is soft.candidates
    assert [c.cost for c in soft.candidates] == [c.cost for c in head_candidates(llrs, fmt)]
    start = fmt.message_bits
    assert soft.check_llrs.tolist() == llrs[start : start + fmt.check_bits].tolist()
