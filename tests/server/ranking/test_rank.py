"""Candidates and their order (eqs. 13–15) against plain loops over reconstructed features."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import Packet
from dsc_common.retrieval.options import Ranking
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.rank import rank
from dsc_server.receiving.decoded_packet import DecodedHead, DecodedPacket
from dsc_server.receiving.separate import candidate_slots
from helpers.at_its_word import rank_candidates
from helpers.examples import random_index

Case = tuple[SemanticIndex, Packet]
BY_CODES = [Ranking.SQUARED_DISTANCE, Ranking.COSINE]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """An index, and a packet as noise may leave it: labels repeat or do not exist, codes have no word."""
    num_labels = draw(st.integers(3, 7))
    fmt = PacketFormat(num_labels, draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    sizes = draw(st.lists(st.integers(0, 9), min_size=num_labels, max_size=num_labels))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    index = random_index(rng, sizes, fmt, draw(st.integers(1, 3)))
    labels = rng.integers(0, 8, fmt.head_labels)
    codes = rng.integers(0, 2**fmt.bits_per_subvector, (fmt.head_labels, fmt.num_subvectors), dtype=np.uint8)
    return index, Packet(labels, codes)


def reconstruct_by_loops(index: SemanticIndex, label: int, code: list[int]) -> list[float]:
    """q̂ = c + [r_1 … r_M] (eq. 13); a code without a word adds nothing."""
    codebook = index.codebook
    start, stop = int(codebook.offsets[label]), int(codebook.offsets[label + 1])
    width = codebook.words.shape[2]
    return [
        float(codebook.codewords[label, m * width + d])
        + (float(codebook.words[start + code[m], m, d]) if start + code[m] < stop else 0.0)
        for m in range(len(code))
        for d in range(width)
    ]


def score_by_loops(ranking: Ranking, q: list[float], d: list[float]) -> float:
    if ranking is Ranking.SQUARED_DISTANCE:
        return 1 - sum((a - b) ** 2 for a, b in zip(q, d, strict=True)) / 2
    norms = math.sqrt(sum(a * a for a in q)) * math.sqrt(sum(b * b for b in d))
    return sum(a * b for a, b in zip(q, d, strict=True)) / norms if norms else 0.0


def candidates_by_loops(index: SemanticIndex, packet: Packet, ranking: Ranking) -> list[tuple[int, float]]:
    """(image, score) of every candidate, in the head's order, then the database's."""
    found = []
    seen = []
    for t in range(len(packet.labels)):
        label = int(packet.labels[t])
        if label >= index.format.num_partitions or label in seen:
            continue
        seen.append(label)
        q = reconstruct_by_loops(index, label, packet.codes[t].tolist())
        for column in range(int(index.offsets[label]), int(index.offsets[label + 1])):
            d = reconstruct_by_loops(index, label, index.codes[:, column].tolist())
            found.append((int(index.images[column]), score_by_loops(ranking, q, d)))
    return found


@given(cases())
def test_by_squared_distance(case: Case) -> None:
    index, packet = case
    ranked = rank_candidates(index, packet, Ranking.SQUARED_DISTANCE)
    # The examples are whole numbers: scores are exact, so ties are ties, and sorted() is stable.
    expected = sorted(
        candidates_by_loops(index, packet, Ranking.SQUARED_DISTANCE), key=lambda found: -found[1]
    )
    assert list(zip(ranked.images.tolist(), ranked.scores.tolist(), strict=True)) == expected
    assert ranked.scores.dtype == np.float32


@given(cases())
def test_by_cosine(case: Case) -> None:
    index, packet = case
    ranked = rank_candidates(index, packet, Ranking.COSINE)
    expected = dict(candidates_by_loops(index, packet, Ranking.COSINE))
    assert sorted(ranked.images.tolist()) == sorted(expected)
    for image, score in zip(ranked.images.tolist(), ranked.scores.tolist(), strict=True):
        assert score == pytest.approx(expected[image], abs=2e-6)
        assert abs(score) <= 1 + 2e-6
    assert (np.diff(ranked.scores) <= 0).all()


def test_both_by_hand() -> None:
    # One partition, c = (1, 0), words (0, 1) and (-1, 2): the images are (1, 1), (0, 2) and (1, 1) again.
    fmt = PacketFormat(num_partitions=2, head_labels=1, num_subvectors=1, bits_per_subvector=1)
    index = random_index(np.random.default_rng(0), [0, 3], fmt, 2)
    index.codebook.codewords[1] = [1, 0]
    index.codebook.words[:] = [[[0, 1]], [[-1, 2]]]
    index.codes[:] = [[0, 1, 0]]
    index.images[:] = [0, 1, 2]
    packet = Packet(np.array([1]), np.array([[1]], dtype=np.uint8))  # q̂ = (0, 2)
    nearest = rank_candidates(index, packet, Ranking.SQUARED_DISTANCE)
    assert nearest.images.tolist() == [1, 0, 2]
    assert nearest.scores.tolist() == [1, 0, 0]  # d² = 0, 2, 2
    by_angle = rank_candidates(index, packet, Ranking.COSINE)
    assert by_angle.images.tolist() == [1, 0, 2]
    np.testing.assert_allclose(by_angle.scores, [1, math.sqrt(0.5), math.sqrt(0.5)], rtol=1e-6)
    # Eq. (15) as printed, without ‖c‖² = 1 in its numerator, would give (0 - 1 + 4) / 4 and (0 - 1 + 2) / √8.


def test_the_cosine_is_one_between_equals_and_does_not_depend_on_length() -> None:
    fmt = PacketFormat(num_partitions=1, head_labels=1, num_subvectors=2, bits_per_subvector=2)
    index = random_index(np.random.default_rng(4), [4], fmt, 3)
    index.codes[:] = [[0, 1, 2, 3], [0, 1, 2, 3]]
    for j in range(4):
        packet = Packet(np.array([0]), np.full((1, 2), j, dtype=np.uint8))
        before = rank_candidates(index, packet, Ranking.COSINE)
        assert before.images[0] == index.images[j]
        assert before.scores[0] == pytest.approx(1, abs=1e-6)
        index.codebook.codewords[:] *= 2
        index.codebook.words[:] *= 2
        after = rank_candidates(index, packet, Ranking.COSINE)
        np.testing.assert_allclose(after.scores, before.scores, atol=1e-6)


def test_a_feature_of_length_zero_has_cosine_zero() -> None:
    fmt = PacketFormat(num_partitions=1, head_labels=1, num_subvectors=1, bits_per_subvector=1)
    index = random_index(np.random.default_rng(0), [2], fmt, 2)
    index.codebook.codewords[:] = 0
    index.codebook.words[:] = [[[0, 0]], [[1, 0]]]
    index.codes[:] = [[0, 1]]
    for code in (0, 1):
        scores = rank_candidates(
            index, Packet(np.array([0]), np.array([[code]], dtype=np.uint8)), Ranking.COSINE
        )
        assert sorted(scores.scores.tolist()) == ([0, 0] if code == 0 else [0, 1])


@given(st.integers(0, 2**32), st.sampled_from(BY_CODES))
def test_equal_codes_score_exactly_one(seed: int, ranking: Ranking) -> None:
    rng = np.random.default_rng(seed)
    fmt = PacketFormat(num_partitions=1, head_labels=1, num_subvectors=3, bits_per_subvector=3)
    index = random_index(rng, [8], fmt, 5)
    index.codebook.words[:] = rng.standard_normal(index.codebook.words.shape)
    for column in range(8):
        ranked = rank_candidates(index, Packet(np.array([0]), index.codes[:, column][None]), ranking)
        assert ranked.scores[ranked.images == index.images[column]].tolist() == [1.0]
        assert ranked.scores.max() == 1.0


def test_equals_stay_in_the_heads_order_then_the_databases() -> None:
    fmt = PacketFormat(num_partitions=3, head_labels=3, num_subvectors=1, bits_per_subvector=1)
    index = random_index(np.random.default_rng(0), [2, 3, 2], fmt, 1)
    index.codebook.words[:] = 0
    index.codebook.codewords[:] = 1
    index.images[:] = [0, 1, 2, 3, 4, 5, 6]
    packet = Packet(np.array([2, 0, 1]), np.zeros((3, 1), dtype=np.uint8))
    for ranking in BY_CODES:
        assert rank_candidates(index, packet, ranking).images.tolist() == [5, 6, 0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("labels", "slots"),
    [
        ([3, 1, 2], [0, 1, 2]),
        ([1, 1, 2], [0, 2]),
        ([1, 2, 1], [0, 1]),
        ([7, 4, 3], [2]),
        ([5, 5, 5], []),
        ([-1, 0, 9], [1]),
    ],
)
def test_labels_that_repeat_or_do_not_exist_are_passed_over(labels: list[int], slots: list[int]) -> None:
    assert candidate_slots(np.array(labels), 4) == slots


def test_nothing_to_compare_is_an_empty_ranking() -> None:
    fmt = PacketFormat(num_partitions=3, head_labels=2, num_subvectors=2, bits_per_subvector=2)
    index = random_index(np.random.default_rng(0), [0, 0, 5], fmt, 2)
    for labels in ([0, 1], [3, 3]):
        for ranking in BY_CODES:
            ranked = rank_candidates(
                index, Packet(np.array(labels), np.zeros((2, 2), dtype=np.uint8)), ranking
            )
            assert ranked.images.tolist() == []
            assert ranked.scores.tolist() == []


def test_scores_by_codes_count_as_much_as_their_partitions_are_likely() -> None:
    fmt = PacketFormat(num_partitions=2, head_labels=1, num_subvectors=1, bits_per_subvector=1)
    index = random_index(np.random.default_rng(0), [1, 1], fmt, 2)
    index.images[:] = [0, 1]
    zero = np.zeros(2, dtype=np.float32)
    index.codebook.words[:] = 0
    head = DecodedHead(np.array([0]), trusted=True)
    for weight, score in ((0.5, 0.5), (0.96, 1.0), (1.0, 1.0)):  # what is nearly certain stays a tie
        weights = np.array([weight, 0.25], dtype=np.float32)
        decoded = DecodedPacket(head, np.array([0, 1]), weights, [zero, zero], np.zeros(2, dtype=np.float32))
        assert rank(index, decoded, Ranking.SQUARED_DISTANCE).scores.tolist() == [score, 0.25]
    beyond = DecodedPacket(head, np.array([0, 1]), weights, [zero], np.zeros(2, dtype=np.float32))
    assert rank(index, beyond, Ranking.SQUARED_DISTANCE).images.tolist() == [0]
