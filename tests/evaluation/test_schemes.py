"""Each scheme's candidates and order against plain loops that share no code with it."""

import re

import numpy as np
import pytest

from dsc_common.errors import InvalidInputError
from dsc_common.extractor import Extraction
from dsc_common.packet import PacketFormat
from dsc_eval.features import BenchmarkFeatures
from dsc_eval.schemes import SCHEMES, dsc_pq, dsc_raw, exhaustive, require_schemes

K, F, M, T = 12, 16, 8, 5
FMT = PacketFormat(num_labels=K, head_labels=T, num_subvectors=M)


def unit(vector: np.ndarray) -> np.ndarray:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def example(seed: int, num_images: int = 60, num_queries: int = 20) -> BenchmarkFeatures:
    """Images around a centre of each label; labels 3 and 7 hold none."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((K, F))
    labels = rng.choice([label for label in range(K) if label not in (3, 7)], num_images)
    database = np.stack([unit(centres[label] + rng.standard_normal(F)) for label in labels])
    queries = [
        Extraction(unit(rng.standard_normal(F)), rng.dirichlet(np.ones(K)).astype(np.float32))
        for _ in range(num_queries)
    ]
    return BenchmarkFeatures(database, labels.astype(np.int64), queries, K)


def head_by_loop(query: Extraction) -> list[int]:
    return sorted(range(K), key=lambda label: -query.probabilities[label])[:T]


def order(scores: dict[int, float]) -> list[int]:
    return sorted(scores, key=lambda image: -scores[image])


def dsc_pq_by_loops(features: BenchmarkFeatures, query: Extraction) -> list[int]:
    """Eqs. (1)–(6), (11)–(14) in double precision; partitions are small: residuals are the words."""
    width, scores = F // M, {}
    for label in head_by_loop(query):
        members = [image for image in range(len(features.labels)) if features.labels[image] == label]
        if not members:
            continue
        c = [sum(float(features.database[i][d]) for i in members) / len(members) for d in range(F)]
        c = [float(np.float32(value)) for value in c]
        words = [
            [float(np.float16(np.float32(features.database[i][d]) - np.float32(c[d]))) for d in range(F)]
            for i in members
        ]

        def decode(vector: np.ndarray, c: list[float] = c, words: list[list[float]] = words) -> list[float]:
            residual = [float(vector[d]) - c[d] for d in range(F)]
            decoded = []
            for m in range(M):
                part = range(m * width, (m + 1) * width)
                nearest = min(words, key=lambda word: sum((word[d] - residual[d]) ** 2 for d in part))
                decoded += [nearest[d] for d in part]
            return decoded

        r_q = decode(query.feature)
        for image in members:
            r_d = decode(features.database[image])
            scores[image] = -sum((a - b) ** 2 for a, b in zip(r_q, r_d, strict=True))
    return order(scores)


@pytest.mark.parametrize("seed", range(3))
def test_dsc_pq_is_the_paper_in_loops(seed: int) -> None:
    features = example(seed)
    scheme = dsc_pq(features, FMT)
    for query in features.queries:
        assert scheme.rank(query).tolist() == dsc_pq_by_loops(features, query)


@pytest.mark.parametrize("seed", range(3))
def test_dsc_raw_ranks_the_candidates_by_the_feature_itself(seed: int) -> None:
    features = example(seed)
    scheme = dsc_raw(features, FMT)
    for query in features.queries:
        head = head_by_loop(query)
        scores = {
            image: sum(
                float(a) * float(b) for a, b in zip(features.database[image], query.feature, strict=True)
            )
            for image in range(len(features.labels))
            if features.labels[image] in head
        }
        assert scheme.rank(query).tolist() == order(scores)


@pytest.mark.parametrize("seed", range(3))
def test_exhaustive_ranks_everything(seed: int) -> None:
    features = example(seed)
    scheme = exhaustive(features, FMT)
    for query in features.queries:
        scores = {
            image: sum(
                float(a) * float(b) for a, b in zip(features.database[image], query.feature, strict=True)
            )
            for image in range(len(features.labels))
        }
        assert scheme.rank(query).tolist() == order(scores)


def test_both_dsc_schemes_have_the_same_candidates() -> None:
    features = example(9)
    for query in features.queries:
        raw, coded = (sorted(make(features, FMT).rank(query).tolist()) for make in (dsc_raw, dsc_pq))
        assert raw == coded


def test_a_head_of_empty_partitions_has_no_candidates() -> None:
    features = example(1)
    features.labels[:] = 11
    probabilities = np.linspace(1, 0, K, dtype=np.float32)
    query = Extraction(features.queries[0].feature, probabilities)
    for make in (dsc_raw, dsc_pq):
        ranking = make(features, FMT).rank(query)
        assert ranking.tolist() == []
        assert ranking.dtype == np.int64


def test_bytes_on_the_air() -> None:
    features = BenchmarkFeatures(np.zeros((1, 1280), dtype=np.float32), np.zeros(1, dtype=np.int64), [], 1000)
    sizes = {name: make(features, PacketFormat()).packet_bytes for name, make in SCHEMES.items()}
    assert sizes["dsc-pq"] == 47
    assert sizes["exhaustive"] == 4 * 1280
    assert sizes["dsc-raw"] == 7 + 4 * 1280


def test_an_unknown_scheme_is_refused() -> None:
    require_schemes(list(SCHEMES))
    line = f"unknown scheme 'dsc'; expected some of {', '.join(SCHEMES)}"
    with pytest.raises(InvalidInputError, match=f"^{re.escape(line)}$"):
        require_schemes(["dsc-pq", "dsc"])
