"""Each scheme's candidates and order against plain loops that share no code with it."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dsc_channel.transmission import transmit
from dsc_common.errors import InvalidInputError
from dsc_common.features.extraction import Extraction
from dsc_common.radio.link import LinkSettings
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_eval.offline.scheme import Scheme, build_scheme
from dsc_server.index.catalogue import CatalogueImage
from dsc_server.index.files import read_index, write_index
from dsc_server.ranking.rank import rank
from dsc_server.receiving.registry import receive
from dsc_server.scheme_specs import SCHEMES, parse_scheme

K, F, M, T = 12, 16, 8, 5
# Every scheme, with as many cells as so small a database can fill.
SMALL = [
    f"{name}+K={16 if 'imi' in name else 9}" if name.startswith(("duc-i", "duc-g")) else name
    for name in SCHEMES
]


def scheme_of(name: str, features: BenchmarkFeatures) -> Scheme:
    return build_scheme(SCHEMES[name], features, head_labels=T)


def with_labels(
    database: np.ndarray, labels: np.ndarray, queries: list[Extraction], num_labels: int
) -> BenchmarkFeatures:
    """Features of a benchmark of which only the first label of each image counts."""
    top_labels = labels.astype(np.int64)[:, None]
    return BenchmarkFeatures(database, top_labels, np.ones(top_labels.shape, np.float32), queries, num_labels)


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
    return with_labels(database, labels, queries, K)


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
    scheme = scheme_of("dsc-pq", features)
    for query in features.queries:
        assert scheme.rank(query).tolist() == dsc_pq_by_loops(features, query)


@pytest.mark.parametrize("seed", range(3))
def test_dsc_raw_ranks_the_candidates_by_the_feature_itself(seed: int) -> None:
    features = example(seed)
    scheme = scheme_of("dsc-raw", features)
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
    scheme = scheme_of("exhaustive", features)
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
        raw, coded = (
            sorted(scheme_of(name, features).rank(query).tolist()) for name in ("dsc-raw", "dsc-pq")
        )
        assert raw == coded


def test_a_head_of_empty_partitions_has_no_candidates() -> None:
    features = example(1)
    features.labels[:] = 11
    probabilities = np.linspace(1, 0, K, dtype=np.float32)
    query = Extraction(features.queries[0].feature, probabilities)
    for name in ("dsc-raw", "dsc-pq"):
        ranking = scheme_of(name, features).rank(query)
        assert ranking.tolist() == []
        assert ranking.dtype == np.int64


def test_bytes_on_the_air() -> None:
    features = with_labels(np.eye(40, 1280, dtype=np.float32), np.arange(40), [], 1000)
    sizes = {
        name: scheme_of(name, features).format.packet_bytes for name in ("dsc-pq", "dsc-raw", "exhaustive")
    }
    assert sizes == {"dsc-pq": 47, "dsc-raw": 7 + 4 * 1280, "exhaustive": 4 * 1280}
    assert scheme_of("dsc-shared", features).format.packet_bytes == 47
    assert scheme_of("duc-pq", features).format.packet_bytes == 40


def test_bytes_on_the_air_with_a_thousand_cells() -> None:
    database = np.random.default_rng(0).standard_normal((1030, 8)).astype(np.float32)
    features = with_labels(database, np.zeros(1030), [], 10)
    for name, size in {"duc-ivf-pq": 47, "duc-imi-pq": 47, "duc-ivf-raw": 7 + 4 * 8}.items():
        assert scheme_of(name, features).format.packet_bytes == size


def deep(features: BenchmarkFeatures) -> BenchmarkFeatures:
    """With ten labels an image: its own, then the others in some order."""
    rng = np.random.default_rng(0)
    top = [[own, *(i for i in rng.permutation(K).tolist() if i != own)][:10] for own in features.labels]
    labels = np.array(top, dtype=np.int64)
    return replace(features, top_labels=labels, top_probabilities=np.ones(labels.shape, np.float32))


@pytest.mark.parametrize("name", SMALL)
def test_offline_and_from_files_the_answers_are_identical(name: str, tmp_path: Path) -> None:
    features = deep(example(3))
    scheme = build_scheme(parse_scheme(name), features, head_labels=T)
    (tmp_path / "model.onnx").write_bytes(b"model")
    catalogue = [CatalogueImage(str(i), str(i), 0) for i in range(60)]
    write_index(tmp_path, scheme.index, catalogue, scheme.spec, "tiny", F)
    loaded = read_index(tmp_path).index
    for query in features.queries[:5]:
        data = scheme.pack(query)
        assert len(data) == scheme.format.packet_bytes
        for snr_db in (math.inf, 10.0, 3.0, -10.0):
            link = LinkSettings(snr_db=snr_db, seed=1)
            offline = scheme.answer(data, link, "r")
            decoded = receive(loaded.summary, [transmit(data, loaded.format, link, "r")])
            online = rank(loaded, decoded, loaded.ranking)
            assert offline.images.tolist() == online.images.tolist()
            assert offline.scores.tobytes() == online.scores.tobytes()


@pytest.mark.parametrize("name", SMALL)
def test_an_image_of_the_database_is_found_first(name: str) -> None:
    features = deep(example(5))
    scheme = build_scheme(parse_scheme(name), features, head_labels=T)
    for i in range(0, 60, 7):
        probabilities = np.zeros(K, dtype=np.float32)
        probabilities[features.top_labels[i]] = np.linspace(1, 0.1, 10)
        assert scheme.rank(Extraction(features.database[i], probabilities))[0] == i


def test_a_head_larger_than_the_cells_is_refused() -> None:
    line = r"^scheme duc-ivf-raw\+K=4: expected T \(labels in the head\) from 1 to 4, got 5$"
    with pytest.raises(InvalidInputError, match=line):
        build_scheme(parse_scheme("duc-ivf-raw+K=4"), example(0), head_labels=T)
