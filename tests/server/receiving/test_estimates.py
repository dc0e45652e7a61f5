"""Estimates of q against plain loops: one code under a label, several fused, and how sure they are."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsc_common.codebook.codebook import reconstruct
from dsc_common.codebook.fusion import fuse
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.packet.packing import Packet, pack
from dsc_common.packet.scrambling import mask_words
from dsc_server.index.receiver_model import DEFAULT_MODEL
from dsc_server.receiving.decoded_packet import Observation
from dsc_server.receiving.estimates import (
    CodeEstimates,
    Estimate,
    confidence_of,
    feature_estimate,
    fuse_all_but_one,
    fuse_estimates,
    plausible,
)
from helpers.examples import random_codebook

WORDS = [3, 0, 8, 1]


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    sent=st.sampled_from([*((4, slot, label) for slot in range(2) for label in range(4)), (1, 0, 0)]),
    strength=st.sampled_from([0.3, 1.0, 4.0, 30.0]),
    scrambled=st.booleans(),
)
def test_an_estimate_is_the_mean_over_the_words_that_may_have_been_sent(
    seed: int, sent: tuple[int, int, int], strength: float, scrambled: bool
) -> None:
    rng = np.random.default_rng(seed)
    count, slot, label = sent
    # Six bits of a code and two of padding.
    fmt = PacketFormat(count, min(count, 2), 2, 3, scrambled=scrambled)
    sizes = WORDS if count > 1 else [8]  # several partitions, or one for all
    codebook = random_codebook(rng, sizes, 2, 3)
    llrs = rng.standard_normal(8 * fmt.packet_bytes) * strength
    estimates = CodeEstimates(codebook, fmt, llrs)
    found, whole = estimates.of(slot, label), estimates.residual(slot, label)
    c, words = codebook.codewords[label].astype(np.float64), codebook.subcodebooks(label)
    if not sizes[label]:
        assert found.vector.tolist() == c.tolist()
        assert (found.weight, found.square) == (0, pytest.approx(float(c @ c)))
        assert not whole.any()
        return
    mask = mask_words(np.array([label]), 2, 3)[0].tolist() if scrambled else [0, 0]
    start = 8 * fmt.head_bytes + 8 * slot
    mean, square, likeliest = [], 0.0, []
    for m in range(2):
        own = llrs[start + 3 * m : start + 3 * m + 3].tolist()
        shares = []
        for j in range(sizes[label]):
            word = f"{j ^ mask[m]:03b}"
            shares.append(
                math.prod(
                    1 / (1 + math.exp(llr * (2 * int(b) - 1))) for llr, b in zip(own, word, strict=True)
                )
            )
        shares = [share / sum(shares) for share in shares]
        np.testing.assert_allclose(found.posterior[m], shares, rtol=1e-5, atol=1e-30)
        likeliest.append((max(shares), words[int(np.argmax(shares)), m]))
        for d in range(3):
            mean.append(sum(share * float(words[j, m, d]) for j, share in enumerate(shares)))
        square += sum(share * float((words[j, m] ** 2).sum()) for j, share in enumerate(shares))
    residual = np.array(mean)
    np.testing.assert_allclose(found.mean, residual, rtol=1e-4, atol=1e-4)
    assert found.mean_square == pytest.approx(square, rel=1e-4)
    np.testing.assert_allclose(found.vector, c + residual, rtol=1e-4, atol=1e-4)
    spread = square - float(residual @ residual)
    assert found.square == pytest.approx(float(((c + residual) ** 2).sum()) + spread, rel=1e-4)
    assert found.weight == pytest.approx(math.sqrt(sizes[label]))
    if min(share for share, _ in likeliest) >= DEFAULT_MODEL.near_certain:
        assert whole.tolist() == np.concatenate([word for _, word in likeliest]).tolist()
        return
    # In the direction of the mean, and as long as the words are.
    assert float(whole @ whole) == pytest.approx(square if residual.any() else 0, rel=1e-3)
    assert float(whole @ residual) == pytest.approx(
        math.sqrt(square) * float(np.linalg.norm(residual)), rel=1e-3, abs=1e-3
    )


def estimate(vector: list[float], square: float, weight: float) -> Estimate:
    array = np.array(vector, dtype=np.float32)
    return Estimate(np.zeros((0, 0), dtype=np.float32), array, square, array, square, weight)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.integers(0, 2**32))
def test_all_slots_but_one_are_fused_as_if_it_were_not_there(counts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    slots = [
        [
            (estimate(rng.standard_normal(3).tolist(), 9 * rng.random(), rng.integers(0, 3)), rng.random())
            for _ in range(count)
        ]
        for count in counts
    ]
    for slot, (q, square) in enumerate(fuse_all_but_one(slots)):
        others = [pair for other, own in enumerate(slots) if other != slot for pair in own]
        expected, expected_square = np.zeros(3, dtype=np.float32), 0.0
        if others:
            expected, expected_square = fuse_estimates([one for one, _ in others], [p for _, p in others])
        assert square == pytest.approx(expected_square, rel=1e-6)
        if sum(counts):
            np.testing.assert_allclose(q, expected, rtol=1e-4, atol=1e-5)


def test_estimates_are_averaged_by_their_weights_and_shares() -> None:
    both = [estimate([1, 0], 2, 3), estimate([0, 1], 6, 1)]
    q, square = fuse_estimates(both, [1.0, 1.0])
    assert (q.tolist(), square) == ([0.75, 0.25], 3)
    q, square = fuse_estimates(both, [0.25, 0.75])
    assert (q.tolist(), square) == ([0.5, 0.5], 4)
    q, square = fuse_estimates([estimate([5, 5], 9, 0)], [1.0])
    assert (q.tolist(), square) == ([0, 0], 0)


@given(st.integers(0, 2**32))
def test_certain_codes_fuse_to_what_is_fused_of_codes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fmt = PacketFormat(4, 3, 2, 3)
    codebook = random_codebook(rng, WORDS, 2, 3)
    labels = rng.permutation(4)[:3]
    codes = np.stack([rng.integers(0, max(WORDS[label], 1), 2) for label in labels.tolist()]).astype(np.uint8)
    bits = np.unpackbits(np.frombuffer(pack(Packet(labels, codes), fmt), dtype=np.uint8)).astype(np.float64)
    estimates = CodeEstimates(codebook, fmt, 100 * (1 - 2 * bits))
    own = [estimates.of(slot, label) for slot, label in enumerate(labels.tolist())]
    for one, label, code in zip(own, labels.tolist(), codes, strict=True):
        np.testing.assert_allclose(one.vector, reconstruct(codebook, label, code), atol=1e-5)
        assert confidence_of(one.vector, one.square) == pytest.approx(1, abs=1e-5)
        assert one is estimates.of(own.index(one), label)  # made once
    np.testing.assert_allclose(
        fuse_estimates(own, [1.0] * 3)[0], fuse(codebook, labels.tolist(), codes), atol=1e-4
    )


def test_confidence_is_the_length_of_the_mean_among_what_may_have_been_sent() -> None:
    # Two unit vectors at right angles, as likely: the mean has length √½, the cosine to each.
    assert confidence_of(np.array([0.5, 0.5], dtype=np.float32), 1.0) == pytest.approx(math.sqrt(0.5))
    assert confidence_of(np.zeros(2, dtype=np.float32), 1.0) == 0
    assert confidence_of(np.zeros(2, dtype=np.float32), 0.0) == 0
    assert confidence_of(np.array([3, 4], dtype=np.float32), 24.999) == 1


def test_numbers_that_no_unit_vector_holds_say_nothing() -> None:
    feature = np.array([0.5, -1, 1, 1.0000001, -3e38, np.nan, np.inf, -np.inf, 1e-40], dtype=np.float32)
    found = plausible(feature)
    assert found[:3].tolist() == [0.5, -1, 1]
    assert found[3:8].tolist() == [0, 0, 0, 0, 0]
    assert found[8] == feature[8]


def test_a_feature_by_its_bits_or_as_it_arrived() -> None:
    fmt = PacketFormat(4, 2, 2, 3, payload=Payload.FEATURE, payload_dim=3)
    feature = np.array([0.25, -0.5, 2.0], dtype=np.float32)
    data = pack(Packet(np.array([1, 2]), np.zeros((0, 2), dtype=np.uint8), feature), fmt)
    llrs = 400 - 800 * np.unpackbits(np.frombuffer(data, dtype=np.uint8)).astype(np.float64)
    assert feature_estimate(Observation(llrs), fmt)[:2].tolist() == [0.25, -0.5]
    assert feature_estimate(Observation(llrs[:8], feature), fmt).tolist() == [0.25, -0.5, 2]
