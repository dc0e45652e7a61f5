"""Ranking by one estimate of q: both passes, clear codes and doubtful ones, and blocks that do not show."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dsc_channel.transmission import transmit
from dsc_common.codebook.codebook import reconstruct
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.packet.packing import Packet
from dsc_common.radio.link import LinkSettings
from dsc_common.retrieval.options import Ranking
from dsc_device.encoding import encode
from dsc_server.building.indexing import build_index
from dsc_server.index.receiver_model import DEFAULT_MODEL
from dsc_server.index.search_limits import SearchLimits
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.by_estimate import comparison_of, first_round, second_round
from dsc_server.ranking.rank import rank
from dsc_server.receiving.decoded_packet import DecodedHead, DecodedPacket
from dsc_server.receiving.registry import receive
from dsc_server.receiving.separate import packet_as_sent
from dsc_server.scheme_specs import parse_scheme
from helpers.at_its_word import rank_candidates
from helpers.clusters import index_of, packed, queries
from helpers.examples import random_codebook, semantic_index


@pytest.mark.parametrize("name", ["dsc-pq+fused", "dsc-raw", "dsc-shared+expansion=3"])
def test_features_are_compared_in_blocks_that_do_not_show(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    features = rng.standard_normal((60, 8)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    labels = rng.integers(0, 4, 60)
    index = build_index(features, labels, PacketFormat(4, 3, 4), parse_scheme(name))
    packet = encode(features[0], np.eye(4, dtype=np.float32)[labels[0]], index.codebook, index.format)
    whole = rank_candidates(index, packet, Ranking.ESTIMATE)
    monkeypatch.setattr("dsc_server.ranking.by_estimate.ROWS_AT_ONCE", 7)
    blocks = rank_candidates(index, packet, Ranking.ESTIMATE)
    np.testing.assert_allclose(blocks.scores, whole.scores, rtol=1e-6)
    assert blocks.images.tolist() == whole.images.tolist()


@pytest.mark.parametrize("refined", [1, 7, 1000])
def test_a_doubtful_code_ranks_by_how_likely_each_image_makes_it(refined: int) -> None:
    index = index_of("dsc-shared+M=8")
    doubtful = 0
    for number, query in enumerate(queries(10)[0]):
        data = packed(index, "dsc-shared+M=8", query)
        decoded = receive(index.summary, [transmit(data, index.format, LinkSettings(snr_db=0), str(number))])
        if decoded.confidence >= DEFAULT_MODEL.clear_confidence:
            continue
        doubtful += 1
        ranked = rank(index, decoded, Ranking.ESTIMATE, limits=SearchLimits(rerank_depth=refined))
        assert (np.diff(ranked.scores) <= 0).all()
        tables = index.summary.word_likelihood.tables(decoded.posteriors[0])
        images = np.sort(ranked.images)
        by_codes = dict(zip(images.tolist(), 1 + tables.at_words(index.codes[:, images]), strict=True))
        best = sorted(images.tolist(), key=lambda image: -by_codes[image])[:refined]
        own = tables.near_words(index.codes[:, best], index.features[best].astype(np.float32))
        near = dict(zip(best, (1 + own).tolist(), strict=True))
        behind = {image: min(score, *near.values(), 9) for image, score in by_codes.items()}
        expected = behind | near
        for image, score in zip(ranked.images.tolist(), ranked.scores.tolist(), strict=True):
            assert score == pytest.approx(expected[image], abs=1e-5)
    assert doubtful > 3


@pytest.mark.parametrize("expansion", [0, 3])
def test_of_many_candidates_codes_choose_whose_features_are_compared(expansion: int) -> None:
    index = replace(index_of("dsc-shared+M=8"), expansion=expansion)
    words = index.codebook.subcodebooks(0)
    for query in queries(5)[0]:
        packet = encode(query.feature, query.probabilities, index.codebook, index.format)
        decoded = packet_as_sent(index.summary, packet)
        exact = rank(index, decoded, Ranking.ESTIMATE, limits=SearchLimits(rerank_depth=10**6))
        found = rank(index, decoded, Ranking.ESTIMATE, limits=SearchLimits(rerank_depth=10))
        assert sorted(found.images.tolist()) == sorted(exact.images.tolist())
        q = decoded.q / np.linalg.norm(decoded.q)
        decoded = words[index.codes.T, np.arange(8)].reshape(index.num_images, -1)  # d̂ of every image
        by_codes = {image: float(decoded[image] @ q) for image in found.images.tolist()}
        tenth = sorted(by_codes.values())[-10]  # which of several equal codes is one of the ten is open
        assert all(by_codes[image] >= tenth - 1e-6 for image in found.images[:10].tolist())
        assert all(by_codes[image] <= tenth + 1e-6 for image in found.images[10:].tolist())
        if not expansion:  # otherwise the first results that q is averaged with may be others
            scores = dict(zip(exact.images.tolist(), exact.scores.tolist(), strict=True))
            for image, score in zip(found.images[:10].tolist(), found.scores.tolist(), strict=False):
                assert score == pytest.approx(scores[image], abs=1e-6)
        assert found.scores[10:].max() < found.scores[:10].min()


def test_with_a_code_per_partition_the_first_pass_is_eq_14() -> None:
    scheme = "dsc-pq+spill=3+fused"
    index = index_of(scheme)
    limits = SearchLimits(rerank_depth=12)
    for query in queries(5)[0]:
        packet = encode(query.feature, query.probabilities, index.codebook, index.format)
        decoded = packet_as_sent(index.summary, packet)
        q = (decoded.q / np.linalg.norm(decoded.q)).astype(np.float64)
        distances: dict[int, float] = {}
        for label in decoded.partitions.tolist():
            for entry in range(int(index.offsets[label]), int(index.offsets[label + 1])):
                image = int(index.images[entry])
                d = reconstruct(index.codebook, label, index.codes[:, entry])
                distances[image] = min(distances.get(image, 9.0), float(((q - d) ** 2).sum()))
        found = rank(index, decoded, Ranking.ESTIMATE, limits=limits)
        assert set(found.images.tolist()) == set(distances)
        assert len(distances) > 12
        limit = sorted(distances.values())[11]
        assert all(distances[image] <= limit + 1e-5 for image in found.images[:12].tolist())
        for image, score in zip(found.images[:12].tolist(), found.scores.tolist(), strict=False):
            assert score == pytest.approx(float(index.features[image].astype(np.float64) @ q), abs=1e-3)
        everything = rank(
            index, decoded, Ranking.ESTIMATE, everything=True, limits=limits
        )  # most have no code to compare with
        similarities = index.features.astype(np.float64) @ q
        np.testing.assert_allclose(everything.scores, np.sort(similarities)[::-1], atol=1e-3)


def by_hand() -> tuple[SemanticIndex, DecodedPacket]:
    """Four images that are alike to q, in lists of three partitions, and two in none of those read."""
    fmt = PacketFormat(4, 1, 2, 2, payload=Payload.CODE)
    codebook = random_codebook(np.random.default_rng(0), [4], 2, 2)
    images, offsets = np.array([0, 1, 2, 3, 0, 1, 2, 3]), np.array([0, 2, 4, 6, 8])
    codes = np.zeros((2, 4), dtype=np.uint8)
    features = np.eye(4, dtype=np.float32)
    index = semantic_index(
        fmt, codebook, codes, images, offsets, features, ranking=Ranking.ESTIMATE, probes=2
    )
    head = DecodedHead(np.array([0]), trusted=True)
    q = np.full(4, 0.5, dtype=np.float32)
    return index, DecodedPacket(head, np.array([1, 0, 2]), np.ones(3, dtype=np.float32), (), q, trust=0.0)


def scores_of(index: SemanticIndex, decoded: DecodedPacket, *, everything: bool = False) -> dict[int, float]:
    listed = first_round(index, decoded, comparison_of(index.summary, decoded), everything=everything)
    scores = second_round(index, comparison_of(index.summary, decoded), listed)
    return dict(zip(listed.images.tolist(), scores.tolist(), strict=True))


def test_what_the_head_says_counts_beside_what_the_code_says() -> None:
    index, decoded = by_hand()
    assert scores_of(index, decoded) == {0: 0.5, 1: 0.5, 2: 0.5, 3: 0.5}
    # Each image is in two lists. D = 4: a logarithm counts 0.4 / 4, and half of that for the head.
    odds = np.array([[8.0, 4.0, 0.0]])  # partitions 1, 0, 2; of 3, which is not read, nothing is known
    found = scores_of(index, replace(decoded, label_ratios=odds))
    ratios = {0: (4 + 0) / 2, 1: (4 + 0) / 2, 2: 8 / 2, 3: 8 / 2}
    for image, ratio in ratios.items():
        # An image in partitions 1 and 0 would have the largest ratio, (8 + 4) / 2.
        expected = 0.5 + 0.5 * 0.1 * float(np.log(1 + 0.5 * (ratio - 1)) - np.log(3.5))
        assert found[image] == pytest.approx(expected, abs=1e-6)
    twice = scores_of(index, replace(decoded, label_ratios=np.repeat(odds, 2, axis=0)))
    for image in ratios:
        assert twice[image] - 0.5 == pytest.approx(2 * (found[image] - 0.5), abs=1e-6)


def test_of_the_whole_database_images_of_no_partition_that_was_read_count_less() -> None:
    index, decoded = by_hand()
    one = np.ones(1, dtype=np.float32)
    alone = replace(decoded, partitions=np.array([1]), weights=one, label_ratios=np.array([[8.0]]))
    found = scores_of(index, alone, everything=True)
    less, more = 0.5 * 0.1 * np.log(0.5), 0.5 * 0.1 * np.log(1 + 0.5 * 3)
    expected = {0: 0.5 + less - more, 1: 0.5 + less - more, 2: 0.5, 3: 0.5}
    for image, score in expected.items():
        assert found[image] == pytest.approx(score, abs=1e-6)
    assert list(scores_of(index, alone)) == [2, 3]


def test_images_that_the_head_does_not_name_pay_a_toll() -> None:
    # D = 4: half a standard deviation of chance is 0.5 / √4. Partition 2 is named with odds of 0.2, 3 is not.
    index, decoded = by_hand()
    weights = np.array([0.5, 0.0, 0.2], dtype=np.float32)  # of partitions 1, 0, 2
    found = scores_of(index, replace(decoded, weights=weights, trust=0.8))
    toll = 0.8 * 0.5 / 2
    expected = {2: 0.5 - toll * 0.5, 3: 0.5 - toll * 0.5, 0: 0.5 - toll * 0.8, 1: 0.5 - toll * 0.8}
    for image, score in expected.items():
        assert found[image] == pytest.approx(score, abs=1e-6)
    assert set(scores_of(index, replace(decoded, weights=weights)).values()) == {0.5}
    only_named = replace(index, summary=replace(index.summary, probes=0))
    assert set(scores_of(only_named, replace(decoded, weights=weights, trust=0.8)).values()) == {0.5}


def test_candidates_come_in_the_heads_order_each_once() -> None:
    index, decoded = by_hand()
    assert list(scores_of(index, decoded)) == [
        2,
        3,
        0,
        1,
    ]  # partition 1 holds 2 and 3, 0 holds 0 and 1, so does 2
    nothing = replace(decoded, partitions=np.zeros(0, dtype=np.int64), label_ratios=np.zeros((1, 0)))
    assert scores_of(index, nothing) == {}


def test_a_packet_at_its_word_has_no_odds() -> None:
    index, _ = by_hand()
    packet: NDArray[np.uint8] = np.zeros((1, 2), dtype=np.uint8)
    assert packet_as_sent(index.summary, Packet(np.array([0]), packet)).label_ratios.size == 0


@pytest.mark.parametrize("weight", [0.1, 0.7])
def test_in_doubt_the_similarity_to_probable_matches_is_added(weight: float) -> None:
    index = replace(index_of("dsc-shared+M=8"), expansion=3)
    model = replace(index.summary.receiver_model, doubtful_expansion=weight)
    none = replace(model, doubtful_expansion=0.0)
    plain, index = (replace(index, summary=replace(index.summary, receiver_model=m)) for m in (none, model))
    doubtful, features = 0, index.features.astype(float)
    similarity = (features @ features.T).tolist()
    for number, query in enumerate(queries(10)[0]):
        data = packed(index, "dsc-shared+M=8", query)
        decoded = receive(index.summary, [transmit(data, index.format, LinkSettings(snr_db=-2), str(number))])
        if decoded.confidence >= model.clear_confidence:
            continue
        doubtful += 1
        before, after = (rank(held, decoded, Ranking.ESTIMATE) for held in (plain, index))
        scores = dict(zip(before.images.tolist(), before.scores.tolist(), strict=True))
        dim = features.shape[1]
        likelihood = {
            image: math.exp((score - max(scores.values())) * dim / model.match_distance)
            for image, score in scores.items()
        }
        total = sum(likelihood.values())
        for image, score in zip(after.images.tolist(), after.scores.tolist(), strict=True):
            expected = scores[image] + weight * sum(
                own / total * similarity[other][image] for other, own in likelihood.items()
            )
            assert score == pytest.approx(expected, abs=2e-4)
    assert doubtful > 3


@pytest.mark.parametrize("least", [1, 40, 10_000])
def test_near_partitions_are_read_until_there_are_enough_candidates(least: int) -> None:
    index = index_of("dsc+M=8+probes=1")
    sizes = index.list_sizes
    for number, query in enumerate(queries(5)[0]):
        signal = transmit(packed(index, "dsc+M=8+probes=1", query), index.format, LinkSettings(), str(number))
        limits = SearchLimits(min_candidates=least)
        found = receive(index.summary, [signal], limits=limits).partitions
        assert sizes[found].sum() >= min(least, sizes.sum())
        fewest = receive(index.summary, [signal], limits=SearchLimits(min_candidates=1)).partitions
        assert found[: len(fewest)].tolist() == fewest.tolist()
        if len(found) > len(fewest):  # the last one was needed
            assert sizes[found[:-1]].sum() < least
