"""DUC+PQ, a code without a head, against Faiss' own symmetric distances."""

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from dsc_common.codebook.manifest import HeadRule
from dsc_common.packet.format import PacketFormat
from dsc_common.packet.packing import pack, unpack
from dsc_common.retrieval.options import Ranking
from dsc_device.encoding import encode
from dsc_server.building.indexing import build_index
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.scheme_specs import parse_scheme
from helpers.at_its_word import rank_candidates

NO_PROBABILITIES = np.zeros(0, dtype=np.float32)
FMT = PacketFormat(num_partitions=1000, head_labels=5)


def unit_features(count: int, feature_dim: int, seed: int = 0) -> NDArray[np.float32]:
    features = np.random.default_rng(seed).standard_normal((count, feature_dim))
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32)


def padded(features: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    wide = np.zeros((len(features), width), dtype=np.float32)
    wide[:, : features.shape[1]] = features
    return wide


def faiss_sdc(index: SemanticIndex, database: NDArray[np.float32]) -> faiss.IndexPQ:
    """Faiss' product quantizer with the same words, comparing codes with codes."""
    words = index.codebook.subcodebooks(0)  # (256, M, F/M); Faiss has the sub-vector first
    oracle = faiss.IndexPQ(index.codebook.dim, words.shape[1], 8)
    centroids = np.ascontiguousarray(words.transpose(1, 0, 2)).reshape(-1)
    faiss.copy_array_to_vector(centroids, oracle.pq.centroids)
    oracle.is_trained = True
    oracle.pq.compute_sdc_table()
    oracle.search_type = faiss.IndexPQ.ST_SDC
    oracle.add(padded(database, index.codebook.dim))
    return oracle


# F = 10 is padded to 12 for M = 4.
@pytest.mark.parametrize(("feature_dim", "num_subvectors"), [(8, 4), (8, 2), (10, 4)])
def test_the_ranking_is_that_of_faiss(feature_dim: int, num_subvectors: int) -> None:
    database, spec = unit_features(400, feature_dim), parse_scheme(f"duc-pq+M={num_subvectors}")
    index = build_index(database, np.zeros(400, dtype=np.int64), FMT, spec)
    assert index.format.packet_bytes == num_subvectors
    assert index.codebook.num_words.tolist() == [256]
    oracle = faiss_sdc(index, database)
    codes = faiss.vector_to_array(oracle.codes).reshape(400, num_subvectors)
    assert codes[index.images].T.tolist() == index.codes.tolist()
    for q in unit_features(20, feature_dim, seed=1):
        packet = encode(q, NO_PROBABILITIES, index.codebook, index.format, spec.head_rule)
        arrived = unpack(pack(packet, index.format), index.format)
        ranked = rank_candidates(index, arrived, Ranking.SQUARED_DISTANCE)
        distances, images = oracle.search(padded(q[None], index.codebook.dim), 400)
        assert sorted(ranked.images.tolist()) == list(range(400))
        expected = dict(zip(images[0].tolist(), distances[0].tolist(), strict=True))
        own = [expected[image] for image in ranked.images.tolist()]
        np.testing.assert_allclose(2 - 2 * ranked.scores, own, atol=1e-5)
        assert (np.diff(own) > -1e-5).all()  # nearest first, ties aside


def test_forty_bytes_for_any_feature() -> None:
    for feature_dim in (16, 1280):
        database = unit_features(20, feature_dim)
        index = build_index(database, np.zeros(20, dtype=np.int64), FMT, parse_scheme("duc-pq"))
        assert (index.format.packet_bytes, index.format.head_bytes) == (40, 0)
        assert index.codebook.dim == -(-feature_dim // 40) * 40
        packet = encode(database[7], NO_PROBABILITIES, index.codebook, index.format, HeadRule.NEAREST)
        ranked = rank_candidates(index, packet, Ranking.SQUARED_DISTANCE)
        assert ranked.images[0] == 7
        assert ranked.scores[0] == 1
