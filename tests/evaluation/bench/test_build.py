"""The building benchmark on a small data set: phases, words and errors; no time is judged."""

from types import ModuleType

import numpy as np
import pytest

from dsc_common.errors import InvalidInputError
from dsc_common.spans import OTHER, recorded, span
from dsc_eval.bench.build import ALL, INDEX, ONE_BY_ONE, SUBCODEBOOKS, BuildSettings, run
from dsc_eval.bench.build_phases import PHASES, WORDS, RecordedBuild, spans_around
from dsc_eval.bench.subcodebooks import Partitions, quantization_error, words_one_by_one
from dsc_eval.experiments.settings import validated
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.scheme import build_scheme
from dsc_eval.offline.simulate import with_simulated
from dsc_eval.output import Row
from dsc_server.building import indexing
from dsc_server.building.partitioning import InvertedLists, partition
from dsc_server.scheme_specs import parse_scheme
from helpers.small_benchmark import K, N

SIMULATED = 2000  # some of the K labels get more than 256 images
M = 8


@pytest.fixture(scope="module")
def rows(data: BenchmarkData) -> list[Row]:
    return list(run(data, BuildSettings(scheme="dsc+M=8", runs=2, simulate=[0, SIMULATED])))


def test_phases_make_up_the_whole(rows: list[Row]) -> None:
    for database in (N, N + SIMULATED):
        found = [row for row in rows if row["part"] == INDEX and row["database"] == database]
        assert found[0]["phase"] == ALL
        assert {row["phase"] for row in found[1:]} >= {
            *("partitioning", "rotation", WORDS, "projection", "augmentation", "encoding", "label model"),
            OTHER,
        }
        assert all(row["runs"] == 2 for row in found)
        shortest = sum(float(row["s_min"]) for row in found[1:])
        longest = sum(float(row["s_max"]) for row in found[1:])
        assert shortest <= float(found[0]["s_max"]) + 0.01
        assert longest >= float(found[0]["s_min"]) - 0.01


def test_subcodebooks_have_an_error_beside_that_of_faiss(rows: list[Row]) -> None:
    by_system = {
        row["system"]: float(row["error"])
        for row in rows
        if row["part"] == SUBCODEBOOKS and row["database"] == N + SIMULATED
    }
    assert set(by_system) == {"dsc-pq", ONE_BY_ONE}
    assert 0 < by_system["dsc-pq"] < 0.1  # of vectors of unit length
    assert by_system["dsc-pq"] == pytest.approx(by_system[ONE_BY_ONE], rel=0.1)
    small = [float(row["error"]) for row in rows if row["part"] == SUBCODEBOOKS and row["database"] == N]
    assert max(small) < 1e-5  # residuals are their words, but for float16


def test_one_of_the_parts_is_measured_alone(data: BenchmarkData) -> None:
    for part in (INDEX, SUBCODEBOOKS):
        settings = BuildSettings(scheme="dsc+M=8", runs=1, parts=[part])
        assert {row["part"] for row in run(data, settings)} == {part}


def _partitions(data: BenchmarkData, simulated: int) -> Partitions:
    features = with_simulated(data.features, simulated)
    spec = parse_scheme("dsc-pq")
    lists = partition(features.database, features.top_labels, K, spec, 0)
    return Partitions(features.database, lists, M, 256)


def test_words_are_those_of_the_index_where_residuals_are_words(data: BenchmarkData) -> None:
    partitions = _partitions(data, 0)
    words = words_one_by_one(partitions, seed=0)
    index = build_scheme(parse_scheme("dsc-pq+unordered"), data.features, 5).index
    for label, of_label in words.items():
        expected = index.codebook.subcodebooks(label)
        for m in range(M):  # the index has them in another order
            assert sorted(of_label[:, m].tolist()) == sorted(expected[:, m].tolist())


def test_large_partitions_have_256_words(data: BenchmarkData) -> None:
    partitions = _partitions(data, SIMULATED)
    words = words_one_by_one(partitions, seed=0)
    sizes = np.diff(partitions.lists.offsets)
    assert {label: len(of_label) for label, of_label in words.items()} == {
        label: min(256, int(size)) for label, size in enumerate(sizes) if size
    }
    assert (sizes > 256).any()


def test_the_error_is_that_of_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((30, 6)).astype(np.float32)
    codewords = rng.standard_normal((3, 6)).astype(np.float32)
    lists = InvertedLists(rng.permutation(30), np.array([0, 20, 20, 30]), lambda: codewords)
    partitions = Partitions(features, lists, 4, 5)  # 6 dimensions in 4 sub-vectors are padded to 8
    words = {label: rng.standard_normal((5, 4, 2)).astype(np.float32) for label in (0, 2)}
    total = 0.0
    for label in (0, 2):
        for image in lists.images[lists.offsets[label] : lists.offsets[label + 1]]:
            residual = np.append(features[image] - lists.codewords[label], [0, 0])
            for m in range(4):
                part = residual[2 * m : 2 * m + 2]
                total += min(float(((part - word) ** 2).sum()) for word in words[label][:, m])
    assert quantization_error(partitions, words.__getitem__) == pytest.approx(total / 30, rel=1e-4)


def test_functions_of_a_module_are_spans_inside_the_block_alone() -> None:
    module = ModuleType("made")
    exec("def inner(): return 7\ndef outer(): return inner()", vars(module))  # noqa: S102 - as in a file
    before = module.inner  # type: ignore[attr-defined]
    with recorded() as spans, spans_around(module, {"inner": "in", "outer": "out", "gone": "nothing"}):
        assert module.outer() == 7  # type: ignore[attr-defined]
    assert set(spans.seconds) == {"in", "out", OTHER}
    assert module.inner is before  # type: ignore[attr-defined]
    with pytest.raises(ZeroDivisionError), spans_around(module, {"inner": "in"}):
        _ = 1 / 0
    assert module.inner is before  # type: ignore[attr-defined]


def test_every_phase_is_of_a_function_of_the_building() -> None:
    assert [name for name in PHASES if not hasattr(indexing, name)] == []


def test_the_phases_of_each_call_are_kept_with_the_last_result() -> None:
    results = iter("ab")

    def build() -> str:
        with span(WORDS):
            return next(results)

    recording = RecordedBuild(build)
    recording(0)
    recording(0)
    assert recording.built() == "b"
    assert {name: len(seconds) for name, seconds in recording.seconds().items()} == {WORDS: 2, OTHER: 2}


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"parts": ["all"]}, "parts: expected index or sub-codebooks, got all"),
        ({"codes_scheme": "dsc"}, "codes_scheme: expected a scheme with a code for each partition"),
        ({"scheme": "best"}, "scheme: unknown scheme 'best'"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(given: dict[str, object], line: str) -> None:
    with pytest.raises(InvalidInputError, match=line) as raised:
        validated(BuildSettings, "bench build", given)
    assert "\n" not in str(raised.value)
