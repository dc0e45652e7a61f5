"""Images listed under several labels: each in its lists, and once in the answer, with its best score."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.codebook.codebook import reconstruct
from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import Packet
from dsc_common.retrieval.options import Ranking
from dsc_server.building.indexing import build_index
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.scheme_specs import SCHEMES, parse_scheme
from helpers.at_its_word import rank_candidates

K, F, T = 7, 8, 3
FMT = PacketFormat(K, T, 4, 3)


def database(seed: int, count: int, depth: int = K) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features, and the first `depth` of each image's labels in order."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((count, F))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    labels = np.stack([rng.permutation(K)[:depth] for _ in range(count)])
    return features.astype(np.float32), labels


def build(features: NDArray[np.float32], labels: NDArray[np.int64], spill: int) -> SemanticIndex:
    return build_index(features, labels, FMT, parse_scheme(f"dsc-pq+spill={spill}"))


@given(st.integers(0, 2**32), st.integers(1, 25), st.integers(1, 6))
def test_each_image_is_in_the_lists_of_its_first_labels(seed: int, count: int, spill: int) -> None:
    features, labels = database(seed, count)
    index = build(features, labels, spill)
    assert index.images.size == spill * count
    assert index.num_images == count
    for label in range(K):
        members = [i for i in range(count) if label in labels[i, :spill].tolist()]
        assert index.images[index.entries(label)].tolist() == members
        mean = sum((features[i].astype(np.float64) for i in members), np.zeros(F)) / max(1, len(members))
        np.testing.assert_allclose(index.codebook.codewords[label], mean, atol=1e-6)


@pytest.mark.parametrize("scheme", ["duc-ivf-pq+K=6", "duc-imi-pq+K=9"])
def test_cells_are_the_nearest_ones(scheme: str) -> None:
    features, labels = database(1, 40)
    index = build_index(features, labels, FMT, parse_scheme(f"{scheme}+spill=3"))
    listed: dict[int, set[int]] = {i: set() for i in range(40)}
    for cell in range(index.format.num_partitions):
        for image in index.images[index.entries(cell)].tolist():
            listed[image].add(cell)
    exact = index.codebook.codewords.astype(np.float64)
    for image, cells in listed.items():
        distances = ((exact - features[image]) ** 2).sum(axis=1)
        assert cells == set(np.argsort(distances)[:3].tolist())


def score_by_loops(ranking: Ranking, q: NDArray[np.float32], d: NDArray[np.float32]) -> float:
    a, b = q.astype(np.float64), d.astype(np.float64)
    if ranking is Ranking.SQUARED_DISTANCE:
        return float(1 - ((a - b) ** 2).sum() / 2)
    norms = math.sqrt(a @ a) * math.sqrt(b @ b)
    return float(a @ b / norms) if norms else 0.0


@pytest.mark.parametrize("ranking", [Ranking.SQUARED_DISTANCE, Ranking.COSINE])
@given(st.integers(0, 2**32), st.integers(1, 25), st.integers(1, 6))
def test_each_image_counts_once_with_its_best_score(
    ranking: Ranking, seed: int, count: int, spill: int
) -> None:
    index = build(*database(seed, count), spill)
    rng = np.random.default_rng(seed)
    packet = Packet(rng.permutation(K)[:T], rng.integers(0, 8, (T, 4), dtype=np.uint8))
    best: dict[int, float] = {}
    for t, label in enumerate(packet.labels.tolist()):
        q = reconstruct(index.codebook, label, packet.codes[t])
        entries = index.entries(label)
        for column in range(entries.start, entries.stop):
            d = reconstruct(index.codebook, label, index.codes[:, column])
            image, score = int(index.images[column]), score_by_loops(ranking, q, d)
            best[image] = max(best.get(image, -math.inf), score)
    ranked = rank_candidates(index, packet, ranking)
    assert sorted(ranked.images.tolist()) == sorted(best)
    for image, score in zip(ranked.images.tolist(), ranked.scores.tolist(), strict=True):
        assert score == pytest.approx(best[image], abs=1e-5)
    assert (np.diff(ranked.scores) <= 0).all()


def test_spill_1_is_the_paper_whatever_more_is_known() -> None:
    features, labels = database(3, 30)
    paper, known = build(features, labels[:, 0], 1), build(features, labels, 1)
    assert paper.codes.tolist() == known.codes.tolist()
    assert paper.images.tolist() == known.images.tolist()


@pytest.mark.parametrize(("scheme", "spill"), [("dsc-pq", 3), ("dsc-shared", 3), ("dsc-raw", 10)])
def test_more_spill_than_labels_is_refused(scheme: str, spill: int) -> None:
    features, labels = database(0, 5, depth=2)
    line = rf"^expected {spill} labels an image, got 2$"
    with pytest.raises(InvalidInputError, match=line):
        build_index(features, labels, FMT, parse_scheme(f"{scheme}+spill={spill}"))
    with pytest.raises(InvalidInputError, match=r"^expected 5 labels an image, got 1$"):
        build_index(features, labels[:, 0], FMT, SCHEMES["dsc"])
