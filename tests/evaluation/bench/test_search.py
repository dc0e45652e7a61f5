"""The search benchmark on a small data set: points, accuracies and counts; no time is judged."""

from math import inf

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from dsc_channel.transmission import transmit
from dsc_common.errors import InvalidInputError
from dsc_common.radio.link import LinkSettings
from dsc_eval.bench.faiss_search import build, faiss_contenders, refined
from dsc_eval.bench.own_search import points
from dsc_eval.bench.same_accuracy import NEVER, with_rival
from dsc_eval.bench.search import BENCH, SearchSettings, queries_to_ask, run
from dsc_eval.experiments.settings import validated
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.scheme import Scheme, build_scheme
from dsc_eval.output import Row
from dsc_server.index.search_limits import DEFAULT_LIMITS
from dsc_server.receiving.registry import receive
from dsc_server.scheme_specs import parse_scheme
from helpers.small_benchmark import QUERIES, K, N, mean_average_precision

SCHEME = "dsc+M=8+probes=1"  # a small database has few partitions
SETTINGS = SearchSettings(
    scheme=SCHEME, snr_db=[inf, 0.0], candidates=[20, 300, 100_000], rerank=[10], nprobe=[1, 6, 99],
    nlist=6, runs=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def rows(data: BenchmarkData) -> list[Row]:
    return list(run(data, SETTINGS))


@pytest.fixture(scope="module")
def scheme(data: BenchmarkData) -> Scheme:
    return build_scheme(parse_scheme(SCHEME), data.features, 5)


def test_there_is_a_row_for_each_point_of_each_curve(rows: list[Row]) -> None:
    points_of_one = [
        (SCHEME, "default"),
        (SCHEME, "20 listed"),
        (SCHEME, "300 listed"),  # 100,000 are more than all lists hold
        (SCHEME, "10 re-ranked"),
        ("faiss IVFPQ", "nprobe 1"),
        ("faiss IVFPQ", "nprobe 6"),  # there are no 99 lists
        ("faiss PQ", "all codes"),
    ]
    assert [(row["snr_db"], row["system"], row["setting"]) for row in rows] == [
        (snr_db, *point) for snr_db in (inf, 0.0) for point in points_of_one
    ]
    for row in rows:
        assert (row["database"], row["simulated"], row["queries"], row["runs"]) == (N, 0, QUERIES, 2)
        assert set(BENCH.shown) <= set(row)


def test_accuracy_is_that_of_the_scheme(data: BenchmarkData, rows: list[Row]) -> None:
    default = rows[0]
    assert default["mAP"] == pytest.approx(mean_average_precision(data, SCHEME, 5), abs=1e-6)
    assert default["candidates"] == N  # it lists at least 20,000


def test_more_listed_images_are_more_candidates(rows: list[Row]) -> None:
    counts = {row["setting"]: float(row["candidates"]) for row in rows if row["snr_db"] == inf}
    assert counts["20 listed"] < counts["300 listed"] <= counts["default"]
    assert counts["nprobe 1"] < counts["nprobe 6"] == counts["all codes"] == N


def test_times_are_in_order(rows: list[Row]) -> None:
    for row in rows:
        assert 0 < float(row["ms_min"]) <= float(row["ms"]) <= float(row["ms_p90"])
        assert float(row["ms"]) <= float(row["ms_max"])


def test_another_database_is_measured_for_each_number_of_simulated_images(data: BenchmarkData) -> None:
    settings = SETTINGS.model_copy(update={"simulate": [0, 300], "snr_db": [inf], "runs": 1})
    sizes = [(row["database"], row["simulated"]) for row in run(data, settings)]
    assert list(dict.fromkeys(sizes)) == [(N, 0), (N + 300, 300)]


def test_points_change_one_limit_each() -> None:
    by_name = points(30_000, [1000, 20_000, 50_000], [100])
    assert list(by_name) == ["default", "1,000 listed", "20,000 listed", "100 re-ranked"]
    assert by_name["default"] == DEFAULT_LIMITS
    listed = by_name["1,000 listed"]
    assert (listed.max_candidates, listed.min_candidates, listed.rerank_depth) == (1000, 1000, 1000)
    assert by_name["100 re-ranked"].max_candidates == DEFAULT_LIMITS.max_candidates


def _estimates(scheme: Scheme, data: BenchmarkData) -> list[NDArray[np.float32]]:
    link = LinkSettings(snr_db=inf)
    return [
        receive(scheme.index.summary, [transmit(scheme.pack(query), scheme.format, link, "x")]).q
        for query in data.features.queries
    ]


def test_faiss_with_all_lists_and_all_images_refined_ranks_by_features(
    scheme: Scheme, data: BenchmarkData
) -> None:
    estimates = _estimates(scheme, data)
    made = build(scheme.index, 6, seed=0)
    features = scheme.index.features.astype(np.float32)
    for contender in faiss_contenders(made, estimates, [6], depth=N):
        for number, estimate in enumerate(estimates):
            q = estimate / np.linalg.norm(estimate)
            expected = refined(q, np.arange(N), features, scheme.index.expansion)
            found = contender.answer(number)
            assert sorted(found.tolist()) == list(range(N))
            np.testing.assert_allclose((features @ q)[found], (features @ q)[expected], atol=1e-5)


def test_faiss_compares_the_images_of_the_lists_that_it_probes(scheme: Scheme, data: BenchmarkData) -> None:
    made = build(scheme.index, 6, seed=0)
    (probing, _) = faiss_contenders(made, _estimates(scheme, data), [2], depth=N)
    for number in range(QUERIES):
        images = probing.answer(number)
        assert probing.candidates(number, images) == images.size


def test_faiss_has_codes_of_as_many_bytes() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((600, 16)).astype(np.float32)
    labels = rng.integers(0, K, (600, 5))
    data = build_scheme_of(features, labels)
    made = build(data.index, 6, seed=0)
    assert made.cells.code_size == made.flat.code_size == data.format.num_subvectors == 8
    assert made.cells.metric_type == faiss.METRIC_INNER_PRODUCT


def build_scheme_of(features: NDArray[np.float32], labels: NDArray[np.int64]) -> Scheme:
    from dsc_common.packet.format import PacketFormat
    from dsc_server.building.indexing import build_index

    spec = parse_scheme("dsc+M=8+spill=1")
    return Scheme(spec, build_index(features, labels, PacketFormat(K, 5), spec))


def test_refined_results_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(3)
    features = rng.standard_normal((40, 6)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    q, images = features[7], np.array([3, 7, 9, 20, 31])
    first = sorted(images.tolist(), key=lambda image: -float(features[image] @ q))[:2]
    expanded = q + sum(max(float(features[image] @ q), 0.0) ** 3 * features[image] for image in first)
    expected = sorted(images.tolist(), key=lambda image: -float(features[image] @ expanded))
    assert refined(q, images, features, expansion=2).tolist() == expected
    assert refined(q, images[:0], features, expansion=2).tolist() == []


def test_a_rival_is_the_fastest_that_is_as_accurate() -> None:
    def point(system: str, accuracy: float, per_second: float) -> Row:
        return {"system": system, "mAP": accuracy, "per_second": per_second}

    compared = with_rival(
        [
            point("dsc", 0.9, 100.0),
            point("dsc", 0.95, 50.0),
            point("faiss IVFPQ", 0.9003, 80.0),
            point("faiss IVFPQ", 0.5, 1000.0),
            point("faiss PQ", 0.92, 20.0),
        ],
        "dsc",
    )
    assert [(row["rival"], row["ahead"]) for row in compared] == [
        (80.0, 1.25),
        (NEVER, ""),
        (100.0, 0.8),
        (100.0, 10.0),
        (50.0, 0.4),
    ]


def test_queries_are_evenly_spread() -> None:
    assert queries_to_ask(5, 200) == [0, 1, 2, 3, 4]
    assert queries_to_ask(101, 5) == [0, 25, 50, 75, 100]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"scheme": "dsc-pq"}, "bench search: scheme: expected a scheme with one code"),
        ({"scheme": "dsc-xyz"}, "unknown scheme 'dsc-xyz'"),
        ({"nprobe": [0, 1]}, "nprobe: expected numbers from 1, got 0"),
        ({"simulate": [-1]}, "at least 0 simulated images, got -1"),
        ({"runs": 0}, "runs: "),
        ({"snr_db": [500.0]}, "snr_db"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(given: dict[str, object], line: str) -> None:
    with pytest.raises(InvalidInputError, match=line) as raised:
        validated(SearchSettings, "bench search", given)
    assert "\n" not in str(raised.value)
