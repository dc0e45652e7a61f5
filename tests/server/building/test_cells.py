"""Unsupervised cells against Faiss' own search: IndexIVFFlat and MultiIndexQuantizer."""

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.errors import InvalidInputError
from dsc_common.packet.format import PacketFormat
from dsc_device.encoding import encode, nearest_codewords
from dsc_server.building.cells import imi_codewords, ivf_codewords, nearest_cells, without_dead_centroids
from dsc_server.building.indexing import build_index
from dsc_server.building.kmeans import KMEANS_ITERATIONS, kmeans, training_rows
from dsc_server.building.partitioning import partition
from dsc_server.scheme_specs import parse_scheme
from helpers.at_its_word import rank_candidates

F = 8
NO_PROBABILITIES = np.zeros(0, dtype=np.float32)


def unit_features(count: int, seed: int = 0) -> NDArray[np.float32]:
    features = np.random.default_rng(seed).standard_normal((count, F))
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)


def faiss_ivf(database: NDArray[np.float32], codewords: NDArray[np.float32], probes: int) -> faiss.Index:
    """Faiss' inverted file over the same centroids; ranks by the exact inner product."""
    quantizer = faiss.IndexFlatL2(F)
    quantizer.add(codewords)
    index = faiss.IndexIVFFlat(quantizer, F, len(codewords), faiss.METRIC_INNER_PRODUCT)
    index.is_trained = True
    index.nprobe = probes
    index.add(database)
    return index


def faiss_imi(codewords: NDArray[np.float32], bits: int) -> faiss.MultiIndexQuantizer:
    """Faiss' inverted multi-index over the halves of the same codewords."""
    side = 1 << bits
    halves = np.stack([codewords[:side, : F // 2], codewords[::side, F // 2 :]])
    quantizer = faiss.MultiIndexQuantizer(F, 2, bits)
    faiss.copy_array_to_vector(np.ascontiguousarray(halves).reshape(-1), quantizer.pq.centroids)
    quantizer.is_trained, quantizer.ntotal = True, side * side
    return quantizer


@pytest.mark.parametrize("head_labels", [1, 3, 5, 12])
@pytest.mark.parametrize("scheme", ["duc-ivf-raw+K=12", "duc-imi-raw+K=16"])
def test_candidates_and_exact_ranking_are_those_of_faiss(scheme: str, head_labels: int) -> None:
    database, spec = unit_features(200), parse_scheme(scheme)
    index = build_index(database, np.zeros(200, dtype=np.int64), PacketFormat(1000, head_labels), spec)
    oracle = faiss_ivf(database, index.codebook.codewords, head_labels)
    for q in unit_features(20, seed=1):
        packet = encode(q, NO_PROBABILITIES, index.codebook, index.format, spec.head_rule)
        ranked = rank_candidates(index, packet, spec.ranking)
        scores, images = oracle.search(q[None], 200)
        found = images[0] >= 0
        assert ranked.images.tolist() == images[0][found].tolist()
        np.testing.assert_allclose(ranked.scores, scores[0][found], atol=1e-6)


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_cells_of_the_multi_index_and_their_order_are_those_of_faiss(bits: int) -> None:
    # Cell a + s·b of ours is Faiss' too: it keeps the first half's number in the low bits.
    database, cells = unit_features(100), 1 << 2 * bits
    codewords = imi_codewords(database, cells, seed=0)
    assert codewords.shape == (cells, F)
    oracle = faiss_imi(codewords, bits)
    _, assigned = oracle.search(database, 1)
    assert nearest_cells(database, codewords, 1).tolist() == assigned.tolist()
    for q in unit_features(20, seed=1):
        for head_labels in {1, min(5, cells), cells}:
            distances, expected = oracle.search(q[None], head_labels)
            found = nearest_codewords(q, codewords, head_labels)
            assert found.tolist() == expected[0].tolist()
            own = ((codewords[found].astype(np.float64) - q) ** 2).sum(axis=1)
            np.testing.assert_allclose(own, distances[0], atol=1e-5)


def test_all_pairs_of_the_halves_in_the_order_a_plus_s_b() -> None:
    codewords = imi_codewords(unit_features(60), 9, seed=0)
    u, v = codewords[:3, : F // 2], codewords[::3, F // 2 :]
    for a in range(3):
        for b in range(3):
            assert codewords[a + 3 * b].tolist() == [*u[a].tolist(), *v[b].tolist()]
    assert len({tuple(row) for row in codewords.tolist()}) == 9


@pytest.mark.parametrize("spill", [1, 3, 20])
def test_the_nearest_cells_are_those_of_a_loop(spill: int) -> None:
    database, codewords = unit_features(30), unit_features(7, seed=2)
    cells = nearest_cells(database, codewords, spill)
    assert cells.shape == (30, min(spill, 7))
    assert cells.dtype == np.int64
    for own, d in zip(cells.tolist(), database, strict=True):
        order = sorted(range(7), key=lambda i: float(((codewords[i].astype(np.float64) - d) ** 2).sum()))
        assert own == order[: len(own)]


def test_a_centroid_is_the_mean_of_its_cell() -> None:
    points = np.concatenate([np.full((5, 2), 3.0), np.full((9, 2), -4.0)]).astype(np.float32)
    points[:, 1] += np.linspace(-0.5, 0.5, 14, dtype=np.float32)
    centroids = kmeans(points, 2, seed=0)
    expected = np.stack([points[5:].mean(axis=0), points[:5].mean(axis=0)])
    np.testing.assert_allclose(centroids[np.argsort(centroids[:, 0])], expected, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_database_smaller_than_k_gets_a_cell_per_image(count: int) -> None:
    database = unit_features(count)
    codewords = ivf_codewords(database, 1000, seed=0)
    assert sorted(codewords.tolist()) == sorted(database.tolist())
    assert sorted(nearest_cells(database, codewords, 1)[:, 0].tolist()) == list(range(count))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_small_multi_index_has_the_pairs_of_its_images(count: int) -> None:
    database = unit_features(count)
    codewords = imi_codewords(database, 1024, seed=0)
    assert codewords.shape == (count**2, F)
    distances = ((codewords[None] - database[:, None]) ** 2).sum(axis=2)
    assert distances.min(axis=1).tolist() == [0.0] * count


def test_copies_of_one_image_are_no_trouble() -> None:
    database = np.repeat(unit_features(1), 6, axis=0)
    for codewords in (ivf_codewords(database, 4, seed=0), imi_codewords(database, 4, seed=0)):
        assert np.isfinite(codewords).all()
        assert codewords.shape == (4, F)


@pytest.mark.parametrize(
    ("cells", "feature_dim", "line"),
    [
        (1000, 8, "expected K to be a square and F to be even, got K = 1000, F = 8"),
        (2, 8, "expected K to be a square and F to be even, got K = 2, F = 8"),
        (16, 7, "expected K to be a square and F to be even, got K = 16, F = 7"),
    ],
)
def test_what_has_no_halves_is_refused(cells: int, feature_dim: int, line: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{line}$"):
        imi_codewords(unit_features(20)[:, :feature_dim], cells, seed=0)


def test_the_seed_decides() -> None:
    database = unit_features(100)
    first, again, other = (ivf_codewords(database, 9, seed) for seed in (3, 3, 4))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


@pytest.mark.parametrize("seed", [0, 7, 2**31 + 5])
@pytest.mark.parametrize("count", [2048, 2049, 5000])
def test_k_means_of_many_points_is_that_of_faiss_which_takes_a_sample(count: int, seed: int) -> None:
    points = np.random.default_rng(count).standard_normal((count, F)).astype(np.float32)
    oracle = faiss.Kmeans(F, 8, niter=KMEANS_ITERATIONS, seed=seed % 2**31)
    oracle.train(points)
    np.testing.assert_allclose(kmeans(points, 8, seed), oracle.centroids, atol=1e-5)
    sample = points[training_rows(count, 8, seed)]
    assert len(sample) == 2048
    assert len(np.unique(sample, axis=0)) == 2048


def test_cells_are_found_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    database = unit_features(101)
    codewords = ivf_codewords(database, 9, seed=0)
    whole = nearest_cells(database, codewords, 2)
    monkeypatch.setattr("dsc_server.building.cells.ROWS_AT_ONCE", 25)
    assert nearest_cells(database, codewords, 2).tolist() == whole.tolist()


@pytest.mark.parametrize(
    "scheme", ["duc-imi-raw+K=64", "duc-imi-pq+K=64", "duc-ivf-raw+K=40", "duc-gp-raw+K=40"]
)
def test_an_image_with_hundreds_of_copies_is_found(scheme: str) -> None:
    photos = unit_features(20, seed=2)
    features = np.vstack([np.repeat(photos[:1], 300, axis=0), photos[1:]])
    lists = partition(features, np.zeros(len(features), dtype=np.int64), 1, parse_scheme(scheme), seed=0)
    for row in (0, *range(300, 319)):
        first = nearest_codewords(features[row], lists.codewords, 5)[0]
        assert row in lists.images[lists.offsets[first] : lists.offsets[first + 1]]


@given(st.integers(0, 1000), st.sampled_from([1, 2]))
def test_centroids_without_an_image_are_farther_than_all_others(seed: int, halves: int) -> None:
    side = 6
    codewords = unit_features(side**halves, seed) / 2
    nearest = np.random.default_rng(seed).integers(side**halves, size=4)
    moved = without_dead_centroids(codewords, nearest, halves)
    distances = np.linalg.norm(moved - unit_features(1, seed + 1), axis=1)
    for cell in range(side**halves):
        live = all(
            any(cell // side**half % side == other // side**half % side for other in nearest.tolist())
            for half in range(halves)
        )
        if live:
            np.testing.assert_array_equal(moved[cell], codewords[cell])
            assert distances[cell] <= 2
        else:
            assert distances[cell] >= 2.9
