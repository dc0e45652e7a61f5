"""Lists that several schemes share: made once, and the same as those a scheme makes for itself."""

import numpy as np
import pytest

import dsc_eval.offline.shared_lists
from dsc_common.codebook.file import codebook_to_bytes
from dsc_common.features.extraction import Extraction
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_eval.offline.scheme import build_scheme
from dsc_eval.offline.shared_lists import SharedLists
from dsc_server.building.partitioning import partition
from dsc_server.scheme_specs import SCHEMES, parse_scheme

K, F, N = 6, 8, 80


@pytest.fixture(scope="module")
def features() -> BenchmarkFeatures:
    rng = np.random.default_rng(0)
    database = rng.standard_normal((N, F)).astype(np.float32)
    database /= np.linalg.norm(database, axis=1, keepdims=True)
    top_labels = np.stack([rng.permutation(K) for _ in range(N)]).astype(np.int64)
    query = Extraction(database[0], np.full(K, 1 / K, dtype=np.float32))
    return BenchmarkFeatures(database, top_labels, np.ones((N, K), np.float32), [query], K)


def test_schemes_are_the_same_with_shared_lists(features: BenchmarkFeatures) -> None:
    shared = SharedLists(features, seed=3)
    for name in SCHEMES:
        alone = build_scheme(parse_scheme(name), features, 5, 3).index
        beside = build_scheme(parse_scheme(name), features, 5, 3, shared).index
        assert codebook_to_bytes(beside.codebook) == codebook_to_bytes(alone.codebook)
        assert beside.images.tolist() == alone.images.tolist()
        assert beside.codes.tolist() == alone.codes.tolist()
        assert beside.features.tolist() == alone.features.tolist()


def test_each_partitioning_is_made_once(features: BenchmarkFeatures, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counted(*arguments: object) -> object:
        made.append(arguments[3].name)  # type: ignore[attr-defined]
        return partition(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(dsc_eval.offline.shared_lists, "partition", counted)
    shared = SharedLists(features)
    names = ["duc-ivf-raw", "duc-ivf-pq", "duc-gp-raw", "duc-ivf-pq+K=7", "duc-imi-raw", "duc-imi-pq", "dsc"]
    for name in names:
        build_scheme(parse_scheme(name), features, shared=shared)
    assert made == ["duc-ivf-raw", "duc-ivf-pq+K=7", "duc-imi-raw", "dsc"]
    assert shared.of(parse_scheme("duc-gp-raw")) is shared.of(parse_scheme("duc-ivf-raw"))
    assert shared.of(parse_scheme("duc-gp-raw")).seconds > 0
