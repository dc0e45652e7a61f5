"""Every scheme from features to files and back to a ranking: exact oracles, tiny databases, noise."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dsc_common.codebook.file import codebook_from_bytes, codebook_to_bytes
from dsc_common.codebook.fusion import fuse
from dsc_common.errors import InvalidInputError
from dsc_common.features.extraction import Extraction
from dsc_common.packet.format import PacketFormat, Payload
from dsc_common.packet.packing import Packet, pack, unpack
from dsc_common.retrieval.options import Ranking
from dsc_device.encoding import encode
from dsc_server.building.indexing import build_index
from dsc_server.index.catalogue import CatalogueImage
from dsc_server.index.files import read_index, write_index
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.rank import RankedList
from dsc_server.scheme_specs import SCHEMES, SchemeSpec, parse_scheme
from helpers.at_its_word import rank_candidates

K, F = 12, 10
CHANGED = (
    *("dsc-pq+spill=3+fused", "dsc-pq+fused+sequential", "dsc-shared+spill=2", "dsc-pq+scrambled"),
    *("dsc-shared+unordered+set", "duc-pq+M=4+fused", "dsc-pq+medoid"),
)
UNSUPERVISED = ("duc-ivf-pq", "duc-ivf-raw", "duc-imi-pq", "duc-imi-raw", "duc-gp-raw")
ALL = [*SCHEMES, *CHANGED]


def spec_of(name: str) -> SchemeSpec:
    """The scheme with as many cells as this little database can fill."""
    return parse_scheme(f"{name}+K={16 if 'imi' in name else 9}" if name in UNSUPERVISED else name)


def database(count: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Unit features and the ten likeliest labels of each; no image has label 3 or 7."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((count, F))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    possible = [label for label in range(K) if label not in (3, 7)]
    return features.astype(np.float32), np.stack([rng.permutation(possible) for _ in range(count)])


def queries(count: int, seed: int = 1) -> list[Extraction]:
    features, _ = database(count, seed)
    rng = np.random.default_rng(seed)
    return [Extraction(q, rng.dirichlet(np.ones(K)).astype(np.float32)) for q in features]


def build(name: str, count: int = 60, head_labels: int = 4) -> SemanticIndex:
    """Built for each caller; `built` has the same, once."""
    features, labels = database(count)
    return build_index(features, labels, PacketFormat(K, head_labels, 5, 4), spec_of(name))


built = cache(build)


def packet_of(name: str, index: SemanticIndex, query: Extraction) -> Packet:
    """As it arrives without noise; the device has the codebook's bytes and nothing else."""
    spec = spec_of(name)
    codebook = codebook_from_bytes(codebook_to_bytes(index.codebook))
    packet = encode(
        query.feature, query.probabilities, codebook, index.format, spec.head_rule, sequential=spec.sequential
    )
    return unpack(pack(packet, index.format), index.format)


def ask(name: str, index: SemanticIndex, query: Extraction) -> RankedList:
    return rank_candidates(index, packet_of(name, index, query), index.ranking)


def listed(index: SemanticIndex, labels: list[int]) -> set[int]:
    return {
        int(image)
        for label in set(labels)
        if label < index.format.num_partitions
        for image in index.images[index.offsets[label] : index.offsets[label + 1]]
    }


@pytest.mark.parametrize("name", ALL)
def test_written_and_read_it_ranks_the_same(name: str, tmp_path: Path) -> None:
    index, spec = built(name), spec_of(name)
    (tmp_path / "model.onnx").write_bytes(b"model")
    catalogue = [CatalogueImage(str(i), f"file:///{i}", 0) for i in range(60)]
    manifest = write_index(tmp_path, index, catalogue, spec, "tiny", F)
    loaded = read_index(tmp_path)
    assert loaded.manifest == manifest
    assert loaded.manifest.packet_format == loaded.index.format == index.format
    assert loaded.manifest.spec == spec
    assert loaded.manifest.offer().head_rule is spec.head_rule
    assert loaded.manifest.offer().sequential == spec.sequential
    for part in ("ranking", "expansion"):
        assert getattr(loaded.index, part) == getattr(spec, part)
    assert loaded.index.summary.probes == spec.probes
    learned, stored = index.summary.label_model, loaded.index.summary.label_model
    assert (stored.beta, stored.sizes.tolist()) == (learned.beta, learned.sizes.tolist())
    assert stored.means.tobytes() == learned.means.tobytes()
    assert loaded.index.features.tobytes() == index.features.tobytes()
    for query in queries(10):
        before, after = ask(name, index, query), ask(name, loaded.index, query)
        assert before.images.tolist() == after.images.tolist()
        assert before.scores.tobytes() == after.scores.tobytes()


@pytest.mark.parametrize("name", ALL)
def test_built_twice_it_is_the_same(name: str) -> None:
    first, again = built(name), build(name)
    assert codebook_to_bytes(first.codebook) == codebook_to_bytes(again.codebook)
    for part in ("codes", "images", "offsets", "features"):
        assert getattr(first, part).tobytes() == getattr(again, part).tobytes()


@pytest.mark.parametrize("name", ALL)
def test_candidates_are_the_images_of_the_heads_partitions(name: str) -> None:
    index = built(name)
    for query in queries(10):
        packet, ranked = packet_of(name, index, query), ask(name, index, query)
        candidates = listed(index, packet.labels.tolist())
        found = ranked.images.tolist()
        assert len(set(found)) == len(found)
        if index.subcells is None:
            assert set(found) == candidates
        else:
            assert set(found) <= candidates  # pruned
        assert np.isfinite(ranked.scores).all()
        assert (np.diff(ranked.scores) <= 0).all()


@pytest.mark.parametrize("name", [name for name in SCHEMES if name.endswith("-raw") or name == "exhaustive"])
def test_raw_schemes_rank_exactly_by_the_inner_product(name: str) -> None:
    index, (features, _) = built(name), database(60)
    for query in queries(20):
        ranked = ask(name, index, query)
        exact = {
            i: sum(float(a) * float(b) for a, b in zip(features[i], query.feature, strict=True))
            for i in ranked.images.tolist()
        }
        assert ranked.images.tolist() == sorted(exact, key=lambda i: -exact[i])
        np.testing.assert_allclose(ranked.scores, list(exact.values()), atol=1e-6)


@pytest.mark.parametrize("name", ["analog-pca", "hybrid+augmentation=0+expansion=0"])
def test_projected_features_rank_by_their_angle_around_the_mean_half_whitened(name: str) -> None:
    # 160 or 376 columns are more than 10 dimensions: nothing is lost, and with the covariance C of the
    # database the inner product is that of C^-1/4 (d - mean).
    index, (features, _) = built(name), database(60)
    variances, axes = np.linalg.eigh(np.cov(features.T.astype(np.float64), bias=True))
    centred = (features - features.mean(axis=0, dtype=np.float64)) @ axes / variances**0.25
    held = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    for query in queries(20):
        ranked = ask(name, index, query)
        assert np.linalg.norm(packet_of(name, index, query).feature) == pytest.approx(1, abs=1e-6)
        q = (query.feature - features.mean(axis=0, dtype=np.float64)) @ axes / variances**0.25
        exact = held[ranked.images] @ (q / np.linalg.norm(q))
        np.testing.assert_allclose(ranked.scores, exact, atol=1e-5)
        assert (np.diff(exact) < 1e-5).all()


@pytest.mark.parametrize("name", ["dsc", "dsc-shared", *(n for n in CHANGED if spec_of(n).keeps_features)])
def test_fused_rankings_compare_one_estimate_with_the_servers_features(name: str) -> None:
    index, spec = built(name), spec_of(name)
    assert index.features.dtype == np.float16
    held = index.features.astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(held, axis=1), 1, atol=2e-3)
    for query in queries(20):
        packet = packet_of(name, index, query)
        labels = packet.labels.tolist() if spec.payload is Payload.CODES else [0]
        q = fuse(index.codebook, labels, packet.codes).astype(np.float64)
        q /= np.linalg.norm(q)
        scores = {i: float(held[i] @ q) for i in listed(index, packet.labels.tolist())}
        if spec.expansion:
            for i in sorted(scores, key=lambda i: -scores[i])[: spec.expansion]:
                q = q + max(scores[i], 0.0) ** 3 * held[i]
            scores = {i: float(held[i] @ q / np.linalg.norm(q)) for i in scores}
        ranked = rank_candidates(index, packet, Ranking.ESTIMATE)
        assert set(ranked.images.tolist()) == set(scores)
        own = [scores[i] for i in ranked.images.tolist()]
        np.testing.assert_allclose(ranked.scores, own, atol=1e-5)
        assert (np.diff(own) < 1e-5).all()


@pytest.mark.parametrize("name", ALL)
def test_an_image_of_the_database_is_found_first(name: str) -> None:
    # 60 images are fewer than 2^L · partitions: little is lost, and whoever is asked for comes first.
    features, labels = database(60)
    index = build_index(features, labels, PacketFormat(K, 4, 5, 8), spec_of(name))
    first = 0
    for i in range(60):
        probabilities = np.zeros(K, dtype=np.float32)
        probabilities[labels[i]] = np.linspace(1, 0.1, labels.shape[1])
        first += ask(name, index, Extraction(features[i], probabilities)).images[0] == i
    assert first >= 57


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("name", ALL)
def test_the_smallest_databases_are_answered(name: str, count: int) -> None:
    index = build(name, count, head_labels=1)
    assert index.num_images == count
    found = set()
    for query in queries(30):
        ranked = ask(name, index, query)
        assert len(set(ranked.images.tolist())) == len(ranked.images)
        assert np.isfinite(ranked.scores).all()
        found |= set(ranked.images.tolist())
    assert found == set(range(count))


@pytest.mark.parametrize("name", ALL)
def test_copies_of_one_image_are_answered(name: str) -> None:
    features, labels = (np.repeat(part, 5, axis=0) for part in database(1))
    index = build_index(features, labels, PacketFormat(K, 1, 5, 4), spec_of(name))
    for query in queries(5):
        assert np.isfinite(ask(name, index, query).scores).all()
    probabilities = np.eye(K, dtype=np.float32)[labels[0, 0]]
    ranked = ask(name, index, Extraction(features[0], probabilities))
    assert len(set(ranked.images.tolist())) == len(ranked.images) > 0


@pytest.mark.parametrize("name", ["dsc", "dsc-shared", "dsc-pq", "dsc-raw"])
def test_a_head_of_empty_partitions_has_no_candidates(name: str) -> None:
    index = build(name, head_labels=2)
    probabilities = np.zeros(K, dtype=np.float32)
    probabilities[[3, 7]] = 0.5
    ranked = ask(name, index, Extraction(queries(1)[0].feature, probabilities))
    assert (ranked.images.tolist(), ranked.scores.tolist()) == ([], [])


@pytest.mark.parametrize("name", UNSUPERVISED)
def test_more_labels_in_the_head_than_cells_are_refused(name: str) -> None:
    cells = 9 if "imi" in name else 3  # three images give three cells, or three halves each way
    line = rf"^expected T \(labels in the head\) from 1 to {cells}, got 10$"
    with pytest.raises(InvalidInputError, match=line):
        build(name, 3, head_labels=10)


@pytest.mark.parametrize("name", ["dsc", "dsc-pq", "dsc-raw"])
def test_more_labels_in_the_head_than_there_are_are_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^expected T \(labels in the head\) from 1 to 12, got 13$"):
        build(name, 3, head_labels=13)


@pytest.mark.parametrize("name", ["duc-pq", "exhaustive", "analog-pca"])
def test_without_partitions_there_is_no_head_whatever_is_asked_for(name: str) -> None:
    index = build(name, 3, head_labels=5)
    assert (index.format.num_partitions, index.format.head_labels, index.format.head_bytes) == (1, 1, 0)


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=20)
@given(data=st.data())
def test_any_bytes_that_arrive_are_answered(name: str, data: st.DataObject) -> None:
    index = built(name)
    size = index.format.packet_bytes
    packet = unpack(data.draw(st.binary(min_size=size, max_size=size)), index.format)
    ranked = rank_candidates(index, packet, index.ranking)
    assert set(ranked.images.tolist()) <= listed(index, packet.labels.tolist())
    assert len(set(ranked.images.tolist())) == len(ranked.images)
    assert np.isfinite(ranked.scores).all()


@pytest.mark.parametrize(
    "name", [name for name in ALL if name not in ("duc-pq", "exhaustive", "analog-pca", CHANGED[-1])]
)
def test_labels_that_repeat_or_do_not_exist_are_passed_over(name: str) -> None:
    index = built(name)
    packet = packet_of(name, index, queries(1)[0])
    first = int(packet.labels[0])
    noisy = Packet(
        np.array([first, first, index.format.num_partitions, 1 << 19]), packet.codes, packet.feature
    )
    alone = Packet(np.array([first] * 4), packet.codes, packet.feature)
    ranked, expected = (rank_candidates(index, received, index.ranking) for received in (noisy, alone))
    assert ranked.images.tolist() == expected.images.tolist()
    assert ranked.scores.tolist() == expected.scores.tolist()
    assert set(ranked.images.tolist()) <= listed(index, [first])
    nobody = Packet(np.full(4, index.format.num_partitions), packet.codes, packet.feature)
    assert rank_candidates(index, nobody, index.ranking).images.tolist() == []


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, 1.5])
def test_numbers_that_no_unit_vector_holds_count_for_nothing(value: float) -> None:
    index, [query] = built("exhaustive"), queries(1)
    packet = packet_of("exhaustive", index, query)
    hit, without = packet.feature.copy(), packet.feature.copy()
    hit[3], without[3] = value, 0
    found, expected = (
        rank_candidates(index, Packet(packet.labels, packet.codes, feature), Ranking.ESTIMATE)
        for feature in (hit, without)
    )
    assert found.scores.tolist() == expected.scores.tolist()


@pytest.mark.parametrize("name", ALL)
def test_a_ranking_that_the_index_cannot_give_is_refused(name: str) -> None:
    index = built(name)
    packet = packet_of(name, index, queries(1)[0])
    if index.ranking is not Ranking.ESTIMATE:
        with pytest.raises(
            InvalidInputError, match=r"^expected an index that was built for the ranking estimate$"
        ):
            rank_candidates(index, packet, Ranking.ESTIMATE)
    if index.format.payload is not Payload.CODES:
        line = r"^expected the ranking estimate, the only one of this index, got cosine$"
        with pytest.raises(InvalidInputError, match=line):
            rank_candidates(index, packet, Ranking.COSINE)
