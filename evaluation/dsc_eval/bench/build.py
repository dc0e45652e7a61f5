"""Seconds to build an index, by phase; and to train the sub-codebooks of its partitions, beside Faiss."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any

from pydantic import Field, field_validator

from dsc_common.packet.format import PacketFormat, Payload
from dsc_eval.bench.bench import Bench, BenchSettings
from dsc_eval.bench.build_phases import WORDS, RecordedBuild
from dsc_eval.bench.subcodebooks import Partitions, quantization_error, words_one_by_one
from dsc_eval.bench.threads import limited_threads
from dsc_eval.experiments.databases import databases
from dsc_eval.features.benchmark_features import BenchmarkFeatures
from dsc_eval.offline.benchmark_data import BenchmarkData
from dsc_eval.offline.scheme import build_scheme, head_labels_for
from dsc_eval.offline.shared_lists import SharedLists
from dsc_eval.offline.timing import Times, interleaved
from dsc_eval.output import Row
from dsc_eval.scheme_names import SchemeName
from dsc_server.building.scheme_format import scheme_format
from dsc_server.scheme_specs import DEFAULT_SCHEME, parse_scheme

INDEX, SUBCODEBOOKS = "index", "sub-codebooks"
PARTS = (INDEX, SUBCODEBOOKS)
ALL = "all"
ONE_BY_ONE = "faiss.Kmeans, one by one"
DIGITS = 4  # of seconds
Builds = Mapping[str, RecordedBuild[Any]]


class BuildSettings(BenchSettings):
    """Settings of the benchmark.

    Attributes:
        parts: what is measured.
        scheme: of the index.
        codes_scheme: with a code for each partition, of the sub-codebooks.
        runs: fewer than elsewhere, as one takes long.
    """

    parts: list[str] = Field(
        default=list(PARTS), min_length=1, description=f"What is measured: {', '.join(PARTS)}."
    )
    scheme: SchemeName = Field(
        default=DEFAULT_SCHEME, description=f"Scheme of the index. (default: {DEFAULT_SCHEME})"
    )
    codes_scheme: str = Field(
        default="dsc-pq",
        description="Scheme with a code for each partition, of the sub-codebooks. (default: dsc-pq)",
    )
    runs: int = Field(
        default=3, ge=1, le=1000, description="Number of runs that medians are taken over. (default: 3)"
    )

    @field_validator("parts")
    @classmethod
    def _known(cls, parts: list[str]) -> list[str]:
        for part in parts:
            if part not in PARTS:
                raise ValueError(f"expected {' or '.join(PARTS)}, got {part}")
        return list(dict.fromkeys(parts))

    @field_validator("codes_scheme")
    @classmethod
    def _with_codes(cls, name: str) -> str:
        if parse_scheme(name).payload is not Payload.CODES:
            raise ValueError(f"expected a scheme with a code for each partition, such as dsc-pq, got {name}")
        return name


def run(data: BenchmarkData, settings: BuildSettings) -> Iterator[Row]:
    """Rows of every database: seconds of an index by phase, and of the sub-codebooks with their error."""
    for features, size in databases(data, settings.simulate, settings.seed):
        builds: dict[str, RecordedBuild[Any]] = {}
        with limited_threads(settings.threads):
            if INDEX in settings.parts:
                builds[INDEX] = _index_build(features, settings.scheme, settings.seed)
            shared = SharedLists(features, settings.seed)
            if SUBCODEBOOKS in settings.parts:
                builds |= _subcodebook_builds(features, settings, shared)
            times = interleaved(builds, 1, settings.runs, data.track)
        rows: list[Row] = []
        if INDEX in builds:
            rows += _index_rows(builds[INDEX], times[INDEX], settings.scheme)
        if SUBCODEBOOKS in settings.parts:
            rows += _subcodebook_rows(builds, settings, _partitions(features, settings, shared))
        for row in rows:
            yield {**row, **size, **data.source}


def _index_build(
    features: BenchmarkFeatures, scheme: str, seed: int, shared: SharedLists | None = None
) -> RecordedBuild[Any]:
    head_labels = head_labels_for(features.num_labels)
    return RecordedBuild(partial(build_scheme, parse_scheme(scheme), features, head_labels, seed, shared))


def _subcodebook_builds(
    features: BenchmarkFeatures, settings: BuildSettings, shared: SharedLists
) -> dict[str, RecordedBuild[Any]]:
    """The project's, as a part of a whole index over lists that are there already; and one k-means by one."""
    partitions = _partitions(features, settings, shared)
    return {
        settings.codes_scheme: _index_build(features, settings.codes_scheme, settings.seed, shared),
        ONE_BY_ONE: RecordedBuild(partial(words_one_by_one, partitions, settings.seed)),
    }


def _partitions(features: BenchmarkFeatures, settings: BuildSettings, shared: SharedLists) -> Partitions:
    spec = parse_scheme(settings.codes_scheme)
    lists = shared.of(spec).lists
    fmt = PacketFormat(features.num_labels, head_labels_for(features.num_labels))
    fmt = scheme_format(fmt, spec, len(lists.codewords), features.database.shape[1])
    return Partitions(features.database, lists, fmt.num_subvectors, 1 << fmt.bits_per_subvector)


def _index_rows(build: RecordedBuild[Any], times: Times, scheme: str) -> Iterator[Row]:
    first: Row = {"part": INDEX, "system": scheme}
    yield {
        **first,
        "phase": ALL,
        **_columns(times.wall[:, 0].tolist()),
        "cpu_s": _median(times.cpu[:, 0].tolist()),
    }
    for phase, seconds in build.seconds().items():
        yield {**first, "phase": phase, **_columns(seconds)}


def _subcodebook_rows(builds: Builds, settings: BuildSettings, partitions: Partitions) -> Iterator[Row]:
    """Seconds of the words alone, and their error."""
    own, one_by_one = builds[settings.codes_scheme], builds[ONE_BY_ONE]
    for system, build, words_of in (
        (settings.codes_scheme, own, own.built().index.codebook.subcodebooks),
        (ONE_BY_ONE, one_by_one, one_by_one.built().__getitem__),
    ):
        yield {
            "part": SUBCODEBOOKS,
            "system": system,
            "phase": WORDS,
            **_columns(build.seconds()[WORDS]),
            "error": quantization_error(partitions, words_of),
        }


def _columns(seconds: Sequence[float]) -> Row:
    """Median, least and most seconds of the runs."""
    return {
        "s": _median(seconds),
        "s_min": round(min(seconds), DIGITS),
        "s_max": round(max(seconds), DIGITS),
        "runs": len(seconds),
    }


def _median(seconds: Sequence[float]) -> float:
    return round(float(median(seconds)), DIGITS)


BENCH = Bench(
    name="build",
    help="Seconds to build an index, by phase; and its sub-codebooks beside faiss.Kmeans.",
    settings=BuildSettings,
    run=run,
    shown=("database", "part", "system", "phase", "s", "s_min", "s_max", "cpu_s", "error"),
)
