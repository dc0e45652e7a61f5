"""The growth benchmark: an enlarged index is a whole index whose first images are the real ones."""

from math import inf

import numpy as np
import pytest

from dsc_common.radio.link import LinkSettings
from dsc_eval.bench.growth import BENCH, GrowthSettings, enlarged, run
from dsc_eval.experiments.decoding import signals_of
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.scheme import Scheme, build_scheme
from dsc_server.index.semantic_index import SemanticIndex
from dsc_server.ranking.rank import rank
from dsc_server.receiving.registry import receive
from dsc_server.scheme_specs import parse_scheme
from helpers.small_benchmark import QUERIES, N

SCHEME = "dsc+M=8+probes=1"


@pytest.fixture(scope="module")
def scheme(data: BenchmarkData) -> Scheme:
    return build_scheme(parse_scheme(SCHEME), data.features, 5)


def lists_of(index: SemanticIndex, row: int) -> list[int]:
    return (np.searchsorted(index.offsets, np.flatnonzero(index.images == row), side="right") - 1).tolist()


def test_simulated_images_have_lists_and_features_of_real_ones(scheme: Scheme) -> None:
    real = scheme.index
    index = enlarged(real, 500, np.random.default_rng(3))
    assert index.num_images == index.summary.num_images == N + 500
    assert index.summary.lists_per_image == real.summary.lists_per_image
    assert index.summary.list_sizes.tolist() == index.summary.label_model.sizes.tolist()
    assert index.features[:N].tobytes() == np.asarray(real.features).tobytes()
    assert index.code_rows[:N].tobytes() == real.code_rows.tobytes()
    assert all(lists_of(index, row) == lists_of(real, row) for row in range(N))
    changed = []
    for row in range(N, N + 50):
        parents = np.flatnonzero((real.features == index.features[row]).all(axis=1))
        assert any(lists_of(index, row) == lists_of(real, int(parent)) for parent in parents)
        changed.append(min((real.code_rows[parents] != index.code_rows[row]).mean(axis=1)))
    assert 0.1 < np.mean(changed) < 0.4


def test_nothing_added_is_the_real_index(scheme: Scheme) -> None:
    assert enlarged(scheme.index, 0, np.random.default_rng(3)) is scheme.index


def test_a_real_image_is_still_found(data: BenchmarkData, scheme: Scheme) -> None:
    index = enlarged(scheme.index, 300, np.random.default_rng(3))
    packets = [scheme.pack(query) for query in data.features.queries]
    for signal in signals_of(scheme, packets, inf, 0):
        best = rank(scheme.index, receive(scheme.index.summary, [signal]), scheme.spec.ranking).images[0]
        found = rank(index, receive(index.summary, [signal]), scheme.spec.ranking).images[:20]
        assert any((index.features[row] == scheme.index.features[best]).all() for row in found)


def test_there_is_a_row_for_each_database_and_snr(data: BenchmarkData) -> None:
    settings = GrowthSettings(scheme=SCHEME, simulate=[0, 200], runs=2)
    rows = list(run(data, settings))
    assert [(row["database"], row["snr_db"]) for row in rows] == [
        (N, inf), (N, 0.0), (N + 200, inf), (N + 200, 0.0),
    ]  # fmt: skip
    for row in rows:
        assert row["queries"] == QUERIES
        assert row["candidates"] == row["database"]  # a server reads at least 20,000
        assert 0 < float(row["ms_min"]) <= float(row["ms"]) <= float(row["ms_max"])
        assert set(BENCH.shown) <= set(row)


def test_the_link_of_the_points_is_checked() -> None:
    with pytest.raises(ValueError, match="snr_db"):
        GrowthSettings(snr_db=[LinkSettings().snr_db, -1000.0])
