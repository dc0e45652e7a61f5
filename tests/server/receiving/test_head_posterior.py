"""Posteriors of the head's labels and their ratios to the prior: every head that there is, one by one."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.packet.bits import bits_from_numbers
from dsc_common.packet.format import HeadCodec, PacketFormat
from dsc_common.packet.packing import check_of
from dsc_server.index.label_model import LabelModel
from dsc_server.index.summary import DatabaseSummary
from dsc_server.receiving.head_posterior import decode_head, label_ratios
from dsc_server.receiving.soft_head import SoftHead
from helpers.examples import random_index

SIZES = [3, 0, 8, 1, 40]


def summary_of(codec: HeadCodec, probes: int = 2) -> DatabaseSummary:
    fmt = PacketFormat(len(SIZES), 3, 2, head_codec=codec)
    summary = random_index(np.random.default_rng(1), SIZES, fmt, 2).summary
    means = np.zeros_like(summary.label_model.means)
    return replace(summary, probes=probes, label_model=LabelModel(np.array(SIZES), means, 1.0))


def posterior_by_enumeration(soft: SoftHead, log_weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, K), over all heads, with the weight of each label in each slot besides its bits."""
    fmt = soft.format
    found = np.zeros((fmt.head_labels, fmt.num_partitions))
    for labels in itertools.product(range(fmt.num_partitions), repeat=fmt.head_labels):
        message = bits_from_numbers(np.array(labels), fmt.label_bits)
        bits = np.concatenate([message, check_of(message, fmt)]).tolist()
        cost = sum(abs(llr) for llr, bit in zip(soft.llrs.tolist(), bits, strict=False) if (llr < 0) != bit)
        weight = math.exp(sum(log_weights[slot, label] for slot, label in enumerate(labels)) - cost)
        for slot, label in enumerate(labels):
            found[slot, label] += weight
    return found / found.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("codec", [HeadCodec.ZERO, HeadCodec.CRC6])
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), strength=st.sampled_from([0.5, 3.0, 10.0]))
def test_posteriors_and_ratios_are_those_of_every_head(codec: HeadCodec, seed: int, strength: float) -> None:
    summary, rng = summary_of(codec), np.random.default_rng(seed)
    soft = SoftHead(rng.standard_normal(8 * summary.format.head_bytes) * strength, summary.format)
    prior = np.log(np.array(SIZES) + 0.5)
    evidence = rng.standard_normal((3, len(SIZES))) * 2
    for own in (evidence, evidence[0]):  # of each slot, or the same for all
        expected = posterior_by_enumeration(soft, np.broadcast_to(own, (3, len(SIZES))) + prior)
        np.testing.assert_allclose(decode_head(soft, summary, own).posterior, expected, rtol=1e-9)
    labels = np.array([4, 0, 1])
    of_bits = posterior_by_enumeration(soft, np.tile(prior, (3, 1)))
    frequencies = np.exp(prior) / np.exp(prior).sum()
    ratios = label_ratios(soft, summary, labels)
    np.testing.assert_allclose(ratios, (of_bits / frequencies)[:, labels], rtol=1e-9)
    assert label_ratios(soft, summary_of(codec, probes=0), labels).shape == (0, 3)


@given(st.integers(0, 2**32))
def test_evidence_for_all_slots_of_a_set_is_that_of_each(seed: int) -> None:
    summary, rng = summary_of(HeadCodec.SET), np.random.default_rng(seed)
    soft = SoftHead(rng.standard_normal(8 * summary.format.head_bytes) * 3, summary.format)
    evidence = rng.standard_normal(len(SIZES))
    one, each = (decode_head(soft, summary, own) for own in (evidence, np.tile(evidence, (3, 1))))
    np.testing.assert_allclose(one.posterior, each.posterior, rtol=1e-12)
    assert one.labels.tolist() == each.labels.tolist()
    frequencies = (np.array(SIZES) + 0.5) / (np.array(SIZES) + 0.5).sum()
    expected = decode_head(soft, summary, np.zeros(len(SIZES))).posterior / frequencies
    np.testing.assert_allclose(label_ratios(soft, summary, np.arange(5)), expected, rtol=1e-12)


def test_slots_with_the_same_likeliest_label_get_different_ones() -> None:
    summary = summary_of(HeadCodec.ZERO)
    soft = SoftHead(np.zeros(8 * summary.format.head_bytes), summary.format)
    evidence = np.zeros((3, 5))
    evidence[:, 2] = [5, 9, 7]  # the second slot is the most certain
    evidence[0, 3], evidence[2, 0] = 4, 5
    found = decode_head(soft, summary, evidence)
    assert found.posterior.argmax(axis=1).tolist() == [2, 2, 2]
    assert found.labels.tolist() == [3, 2, 0]
