"""The joint receiver: exact where heads can be enumerated, the packet at its word without noise."""

import itertools
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_channel.transmission import transmit
from dsc_common.packet.bits import bits_from_bytes
from dsc_common.packet.format import HeadCodec, PacketFormat, Payload
from dsc_common.packet.packing import Packet, pack, unpack
from dsc_common.packet.scrambling import mask_words
from dsc_common.radio.link import Fading, LinkSettings
from dsc_server.index.label_model import LabelModel
from dsc_server.index.search_limits import SearchLimits
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.rank import rank
from dsc_server.receiving.decoded_packet import Observation
from dsc_server.receiving.joint import read_joint
from dsc_server.receiving.registry import RECEIVERS, receive
from dsc_server.receiving.separate import packet_as_sent
from dsc_server.scheme_specs import SCHEMES
from helpers.clusters import EMPTY, SMALL, index_of, packed, queries
from helpers.examples import random_index, semantic_index

HEAD_ONLY = [size + ("+probes=0" if SCHEMES[name].probes else "") for name, size in SMALL.items()]
CHANGED = [
    *("dsc-pq+scrambled", "dsc-pq+set", "dsc-pq+scrambled+set", "dsc-pq+zero", "dsc-pq+unordered"),
    *("dsc-pq+fused+spill=3", "dsc-pq+cosine", "duc-ivf-pq+K=12+set", "dsc-shared+M=8+set", "dsc-raw+set"),
]


@pytest.mark.parametrize("scheme", [*HEAD_ONLY, *CHANGED])
def test_without_noise_every_receiver_takes_the_packet_at_its_word(scheme: str) -> None:
    index = index_of(scheme)
    for query in queries(8)[0]:
        data = packed(index, scheme, query)
        said = packet_as_sent(index.summary, unpack(data, index.format))
        expected = rank(index, said, index.ranking)
        signals = [transmit(data, index.format, LinkSettings(snr_db=math.inf), "r")]
        for name in RECEIVERS:
            found = receive(index.summary, signals, name)
            assert found.head.labels.tolist() == said.head.labels.tolist()
            assert (found.head.trusted, found.head.corrected) == (True, 0)
            assert found.trust == pytest.approx(1)
            np.testing.assert_allclose(found.q, said.q, atol=1e-6)
            filled = [label for label in said.partitions.tolist() if index.list_sizes[label]]
            assert [label for label in found.partitions.tolist() if index.list_sizes[label]] == filled
            ranked = rank(index, found, index.ranking)
            assert ranked.images.tolist() == expected.images.tolist()  # ties included
            np.testing.assert_allclose(ranked.scores, expected.scores, atol=1e-5)


TINY = {
    "plain": PacketFormat(5, 2, 2, 2),
    "scrambled": PacketFormat(5, 2, 2, 2, scrambled=True),
    "unchecked": PacketFormat(3, 3, 1, 3, head_codec=HeadCodec.ZERO),
    "padded": PacketFormat(4, 1, 3, 3, scrambled=True),
}
LISTS = {5: [0, 1, 2, 3, 9], 3: [2, 1, 8], 4: [6, 0, 2, 1]}


def tiny_index(fmt: PacketFormat) -> SemanticIndex:
    """With a model of labels that only knows how many images each has."""
    index = random_index(np.random.default_rng(3), LISTS[fmt.num_partitions], fmt, 2)
    means = np.zeros((fmt.num_partitions, index.codebook.dim), dtype=np.float32)
    counts = LabelModel(index.list_sizes, means, 0.0)
    return replace(index, summary=replace(index.summary, label_model=counts))


def log_probability(llrs: list[float], bits: list[int]) -> float:
    return -sum(math.log1p(math.exp(llr if bit else -llr)) for llr, bit in zip(llrs, bits, strict=True))


def code_probabilities(
    index: SemanticIndex, llrs: NDArray[np.float64], slot: int, label: int
) -> list[list[float]]:
    """P(y_m | word) of each sub-vector and each word that exists; one zero where none does."""
    fmt = index.format
    width = fmt.bits_per_subvector
    start = 8 * (fmt.head_bytes + slot * fmt.code_bytes)
    mask = mask_words(np.array([label]), fmt.num_subvectors, width)[0].tolist() if fmt.scrambled else [0] * 9
    found = []
    for m in range(fmt.num_subvectors):
        own = llrs[start + m * width : start + (m + 1) * width].tolist()
        words = [f"{j ^ mask[m]:0{width}b}" for j in range(max(int(index.codebook.num_words[label]), 1))]
        found.append([math.exp(log_probability(own, [int(bit) for bit in word])) for word in words])
    return found


def marginals_by_enumeration(index: SemanticIndex, llrs: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(label of slot t | all soft bits): every combination of labels and of words of their codes."""
    fmt = index.format
    count, size = fmt.head_labels, fmt.num_partitions
    marginals = np.zeros((count, size))
    of_code = [
        [math.prod(sum(row) / len(row) for row in code_probabilities(index, llrs, t, k)) for k in range(size)]
        for t in range(count)
    ]
    for labels in itertools.product(range(size), repeat=count):
        packet = PacketFormat(size, count, 1, 1, fmt.head_codec)
        bits = bits_of_head(labels, packet)
        weight = math.exp(log_probability(llrs[: len(bits)].tolist(), bits))
        for t, k in enumerate(labels):
            weight *= of_code[t][k] * (float(index.list_sizes[k]) + 0.5)
        for t, k in enumerate(labels):
            marginals[t, k] += weight
    return marginals / marginals.sum(axis=1, keepdims=True)


@cache
def bits_of_head(labels: tuple[int, ...], fmt: PacketFormat) -> list[int]:
    """Labels, which may repeat here, and x^6 times them modulo x^6 + x^5 + 1."""
    message = "".join(f"{label:0{fmt.label_bits}b}" for label in labels)
    if fmt.head_codec is HeadCodec.ZERO:
        return [int(bit) for bit in message]
    rest = int(message, 2) << 6
    while rest.bit_length() > 6:
        rest ^= 0b1100001 << (rest.bit_length() - 7)
    return [int(bit) for bit in f"{message}{rest:06b}"]


@pytest.mark.parametrize("name", TINY)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), strength=st.sampled_from([0.5, 2.0, 5.0]))
def test_posteriors_of_labels_are_those_of_every_packet_there_is(
    name: str, seed: int, strength: float
) -> None:
    fmt = TINY[name]
    index = tiny_index(fmt)
    llrs = np.random.default_rng(seed).standard_normal(8 * fmt.packet_bytes) * strength
    decoded = read_joint(index.summary, Observation(llrs))
    expected = marginals_by_enumeration(index, llrs)
    np.testing.assert_allclose(decoded.head.posterior, expected, rtol=1e-6, atol=1e-12)
    included = 1 - np.prod(1 - expected, axis=0)
    for label, weight in zip(decoded.partitions.tolist(), decoded.weights.tolist(), strict=True):
        assert weight == pytest.approx(included[label], rel=1e-4)
    assert set(decoded.partitions.tolist()) <= set(np.flatnonzero(index.list_sizes).tolist())


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), strength=st.sampled_from([0.5, 2.0, 5.0]))
def test_the_estimate_is_the_weighted_mean_over_labels_and_words(seed: int, strength: float) -> None:
    fmt = TINY["unchecked"]  # with no more labels than are looked at in each slot
    index = tiny_index(fmt)
    llrs = np.random.default_rng(seed).standard_normal(8 * fmt.packet_bytes) * strength
    decoded = read_joint(index.summary, Observation(llrs))
    shares = marginals_by_enumeration(index, llrs)
    total, weights = np.zeros(index.codebook.dim), 0.0
    for t, k in itertools.product(range(3), range(3)):
        if shares[t, k] < 1e-3:
            continue
        [row] = code_probabilities(index, llrs, t, k)
        words = index.codebook.subcodebooks(k)[:, 0]
        mean = sum(p * word for p, word in zip(row, words, strict=True)) / sum(row)
        weight = shares[t, k] * math.sqrt(len(words))
        total += weight * (index.codebook.codewords[k] + mean)
        weights += weight
    np.testing.assert_allclose(decoded.q, total / weights, rtol=1e-4, atol=1e-4)
    assert 0 <= decoded.confidence <= 1


ANY = {
    name: PacketFormat(6, 3, 2, 3, codec, payload, 4 if payload is Payload.FEATURE else 0, scrambled)
    for codec in HeadCodec
    for payload in Payload
    for scrambled in (False, True)
    if not scrambled or payload is Payload.CODES
    for name in [f"{codec}-{payload}{'-scrambled' * scrambled}"]
}


@cache
def any_index(name: str) -> SemanticIndex:
    """Some partitions are empty; features are of unit length where the payload needs them."""
    fmt, rng = ANY[name], np.random.default_rng(0)
    index = random_index(rng, [0, 1, 4, 0, 9, 30], PacketFormat(6, 3, 2, 3), 2)
    if fmt.payload is Payload.CODES:
        return semantic_index(fmt, index.codebook, index.codes, index.images, index.offsets)
    features = rng.standard_normal((44, 4))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    codebook = random_index(rng, [8], PacketFormat(1, 1, 2, 3), 2).codebook
    codes = rng.integers(0, 8, (2, 44 if fmt.payload is Payload.CODE else 0), dtype=np.uint8)
    kept = features.astype(np.float32)
    parts = (fmt, codebook, codes, index.images, index.offsets, kept)
    return semantic_index(*parts, probes=2, ranking=SCHEMES["dsc"].ranking, expansion=2)


@pytest.mark.parametrize("name", ANY)
@settings(max_examples=25)
@given(data=st.data())
def test_whatever_arrives_is_answered(name: str, data: st.DataObject) -> None:
    index, fmt = any_index(name), ANY[name]
    ratio = st.one_of(st.sampled_from([0.0, -100.0, 100.0]), st.floats(-100, 100))
    bits = 8 * fmt.packet_bytes
    llrs = np.array(data.draw(st.lists(ratio, min_size=bits, max_size=bits)))
    feature = None
    if fmt.payload is Payload.FEATURE and data.draw(st.booleans()):
        feature = np.array(
            data.draw(st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4)), np.float32
        )
        llrs = llrs[: 8 * fmt.head_bytes]
    for receiver in RECEIVERS.values():
        decoded = receiver(index.summary, Observation(llrs, feature), SearchLimits())
        assert 0 <= decoded.confidence <= 1
        assert 0 <= decoded.trust <= 1
        assert np.isfinite(decoded.q).all()
        assert len(set(decoded.partitions.tolist())) == len(decoded.partitions) == len(decoded.weights)
        ranked = rank(index, decoded, index.ranking)
        assert len(set(ranked.images.tolist())) == len(ranked.images)
        assert np.isfinite(ranked.scores).all()
    head = read_joint(index.summary, Observation(llrs, feature)).head
    np.testing.assert_allclose(head.posterior.sum(axis=1), 1)
    assert (head.posterior >= 0).all()
    if fmt.head_codec is not HeadCodec.SET:
        assert len(set(head.labels.tolist())) == 3
        assert 0 <= head.labels.min() <= head.labels.max() < 6


def signals_of(labels: list[int], fmt: PacketFormat, strength: float) -> NDArray[np.float64]:
    """(bits,) soft bits of a packet with any labels at all, codes of zero and check bits to match."""
    bits = bits_of_head(tuple(labels), fmt)
    whole = np.zeros(8 * fmt.packet_bytes)
    whole[: len(bits)] = bits
    return strength * (1 - 2 * whole)


@pytest.mark.parametrize("labels", [[2, 2, 2], [6, 7, 4], [7, 7, 7], [5, 5, 4]])
def test_labels_that_repeat_or_do_not_exist_are_taken_for_errors(labels: list[int]) -> None:
    index, fmt = any_index("crc6-codes"), ANY["crc6-codes"]
    llrs = signals_of(labels, fmt, 6.0)
    hard, joint = (
        RECEIVERS["hard"](index.summary, Observation(llrs)),
        read_joint(index.summary, Observation(llrs)),
    )
    assert hard.head.labels.tolist() == labels
    assert len(set(joint.head.labels.tolist())) == 3
    assert joint.head.labels.max() < 6
    assert joint.head.corrected > 0
    for slot, label in enumerate(labels):
        if label < 6 and labels.index(label) == slot:
            assert label in joint.head.labels.tolist()


def test_empty_partitions_are_passed_over() -> None:
    index = index_of("dsc-pq")
    data = pack(Packet(np.array([EMPTY[0], 2, EMPTY[1]]), np.zeros((3, 4), dtype=np.uint8)), index.format)
    for snr_db in (math.inf, 0.0):
        decoded = receive(
            index.summary, [transmit(data, index.format, LinkSettings(snr_db=snr_db, seed=1), "r")]
        )
        assert not set(EMPTY) & set(decoded.partitions.tolist())
    clean = receive(index.summary, [transmit(data, index.format, LinkSettings(snr_db=math.inf), "r")])
    assert clean.partitions.tolist() == [2]
    nobody = PacketFormat(24, 2, 4, 8)
    both = random_index(np.random.default_rng(0), [0] * 5 + [0, 3, 0] + [0] * 16, nobody, 1)
    data = pack(Packet(np.array([5, 7]), np.zeros((2, 4), dtype=np.uint8)), nobody)
    assert (
        receive(both.summary, [transmit(data, nobody, LinkSettings(snr_db=math.inf), "r")]).partitions.size
        == 0
    )


def test_a_set_of_many_labels_is_shorter_than_its_slots_would_be() -> None:
    fmt = PacketFormat(100, 9, 2, 3, HeadCodec.SET, scrambled=True)
    assert 8 * fmt.head_bytes < fmt.head_labels * fmt.label_bits
    index = random_index(np.random.default_rng(0), [3] * 100, fmt, 2)
    labels = np.arange(3, 93, 10)
    data = pack(Packet(labels, np.full((9, 2), 2, dtype=np.uint8)), fmt)
    llrs = 9 * (1 - 2 * bits_from_bytes(data).astype(np.float64))
    llrs[[0, 7, 20]] *= -0.1
    decoded = read_joint(index.summary, Observation(llrs))
    assert decoded.head.labels.tolist() == labels.tolist()
    assert decoded.head.corrected == 3
    for receiver in RECEIVERS.values():
        noise = np.random.default_rng(1).standard_normal(llrs.size)
        assert np.isfinite(
            rank(index, receiver(index.summary, Observation(noise)), index.ranking).scores
        ).all()


@pytest.mark.parametrize("codec", ["crc6", "set"])
@pytest.mark.parametrize("scrambled", ["", "+scrambled"])
def test_a_few_unreliable_bits_of_the_head_are_set_right(codec: str, scrambled: str) -> None:
    scheme = f"dsc-pq+{codec}{scrambled}"
    index = index_of(scheme)
    rng = np.random.default_rng(0)
    for query in queries(10)[0]:
        data = packed(index, scheme, query)
        llrs = 12 * (1 - 2 * bits_from_bytes(data).astype(np.float64))
        wrong = rng.choice(index.format.message_bits, 2, replace=False)
        llrs[wrong] *= -0.1
        decoded = read_joint(index.summary, Observation(llrs))
        assert decoded.head.labels.tolist() == unpack(data, index.format).labels.tolist()
        assert decoded.head.trusted
        assert decoded.head.corrected == 2


@pytest.mark.parametrize("scheme", [SMALL["dsc"], SMALL["hybrid"]])
def test_probes_add_partitions_and_lose_none(scheme: str) -> None:
    index, head_only = index_of(scheme), index_of(f"{scheme}+probes=0")
    for query in queries(5)[0]:
        data = packed(index, scheme, query)
        for snr_db in (math.inf, 1.0):
            signals = [transmit(data, index.format, LinkSettings(snr_db=snr_db), "r")]
            more, fewer = receive(index.summary, signals), receive(head_only.summary, signals)
            assert more.partitions[: len(fewer.partitions)].tolist() == fewer.partitions.tolist()
            assert len(set(more.partitions.tolist())) == len(more.partitions)
            assert set(more.partitions.tolist()) == set(
                np.flatnonzero(index.list_sizes).tolist()
            )  # 22 ≤ 20 + 3


@pytest.mark.parametrize("scheme", ["dsc-pq", "dsc-pq+scrambled", "duc-ivf-pq+K=12"])
def test_confidence_follows_the_cosine_between_the_query_and_its_estimate(scheme: str) -> None:
    index, asked = index_of(scheme), queries(40)[0]
    for snr_db in (8.0, 0.0, -4.0, -12.0):
        confidences, cosines = [], []
        for number, query in enumerate(asked):
            data = packed(index, scheme, query)
            decoded = receive(
                index.summary, [transmit(data, index.format, LinkSettings(snr_db=snr_db), str(number))]
            )
            confidences.append(decoded.confidence)
            cosines.append(float(decoded.q @ query.feature / np.linalg.norm(decoded.q)))
        assert np.mean(confidences) == pytest.approx(np.mean(cosines), abs=0.2)


# One image of a group is wanted, which augmentation makes like the others.
COMPARED = [
    *("dsc+M=8+augmentation=0", "dsc-pq", "dsc-pq+scrambled", "dsc-pq+set"),
    *("duc-ivf-pq+K=12", "duc-pq+M=8"),
]


def reciprocal_rank(scheme: str, receiver: str, link: LinkSettings) -> float:
    """Mean over queries of 1 / rank of the image that each is made from; 0 where it is no candidate."""
    index, (asked, wanted) = index_of(scheme), queries(40)
    found = []
    for number, (query, image) in enumerate(zip(asked, wanted, strict=True)):
        signals = [transmit(packed(index, scheme, query), index.format, link, f"query {number}")]
        images = rank(index, receive(index.summary, signals, receiver), index.ranking).images.tolist()
        found.append(1 / (1 + images.index(image)) if image in images else 0.0)
    return float(np.mean(found))


@pytest.mark.parametrize("scheme", COMPARED)
def test_in_noise_it_finds_more_than_hard_decisions(scheme: str) -> None:
    for snr_db in (0.0, 2.0):
        link = LinkSettings(snr_db=snr_db, seed=5)
        assert reciprocal_rank(scheme, "joint", link) > reciprocal_rank(scheme, "hard", link) + 0.05
    for link in (LinkSettings(snr_db=4.0), LinkSettings(snr_db=8.0)):
        assert reciprocal_rank(scheme, "joint", link) >= reciprocal_rank(scheme, "hard", link) - 0.01


@pytest.mark.parametrize("scheme", ["dsc-pq", "dsc+M=8"])
@pytest.mark.parametrize("knows", [True, False])
def test_in_fading_it_finds_no_less_than_hard_decisions(scheme: str, knows: bool) -> None:
    link = LinkSettings(snr_db=6.0, fading=Fading.RAYLEIGH, fading_block_uses=20, channel_knowledge=knows)
    assert reciprocal_rank(scheme, "joint", link) >= reciprocal_rank(scheme, "hard", link)
