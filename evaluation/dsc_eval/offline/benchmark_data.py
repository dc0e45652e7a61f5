"""Benchmark data: from a ground truth, a backbone and further folders to benchmark and features."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dsc_common.benchmark.ground_truth import Benchmark
from dsc_common.cli.progress_bar import bar
from dsc_common.cli.streams import say
from dsc_common.errors import InvalidImageError
from dsc_common.features.feature_cache import FeatureCache
from dsc_common.features.hardware import CPU, Hardware
from dsc_common.progress import Track, untracked
from dsc_eval.datasets.folder import with_distractors
from dsc_eval.datasets.registry import is_published, read_benchmark
from dsc_eval.features.benchmark_features import BenchmarkFeatures, extract_readable, load_extractor
from dsc_eval.features.cache_folder import default_folder
from dsc_eval.features.table_features import read_table_benchmark
from dsc_eval.output import Row

SOURCE_COLUMNS = ("dataset", "network")
FROM_FILE = "features of a file"  # in place of a network


@dataclass(frozen=True, eq=False)
class BenchmarkData:
    """Benchmark and features, the input of every experiment.

    Attributes:
        benchmark: the queries with their positives.
        features: of the queries and the real database.
        track: shows progress.
        network: that the features come from.
        model_sha256: of its file; empty: not known.
    """

    benchmark: Benchmark
    features: BenchmarkFeatures
    track: Track[Any] = field(default=untracked)
    network: str = ""
    model_sha256: str = ""

    @property
    def source(self) -> Row:
        """Data set and network, as the last columns of every row."""
        return {"dataset": self.benchmark.name, "network": self.network}

    def groups(self, numbers: Sequence[int] | None = None) -> list[str]:
        """Groups of some queries, by number; of all by default."""
        queries = self.benchmark.queries
        return [queries[number].group for number in (range(len(queries)) if numbers is None else numbers)]


@dataclass(frozen=True)
class Provenance:
    """Origin of the data, for the record.

    Attributes:
        ground_truth: the file, or NAME:DIR.
        backbone: backbone of the features.
        distractors: number of images that were added to those of the ground truth.
    """

    ground_truth: str
    backbone: str
    distractors: int = 0


def load_benchmark_data(
    ground_truth: str,
    backbone: str,
    model: Path | None,
    distractors: Sequence[Path] = (),
    check: Callable[[int, int], None] | None = None,
    hardware: Hardware = CPU,
) -> tuple[BenchmarkData, Provenance]:
    """Read (a ground truth file or NAME:DIR), extract or take from the cache; progress on stderr.

    A photo that cannot be read is left out, with a line among the benchmark's notices, and so are queries
    that have no positives without it. One that a ground truth file names, as a query, as a positive or as
    junk, is an error: the file asks for it.

    Args:
        ground_truth: a file, or NAME:DIR.
        backbone: by name.
        model: an exported model instead.
        distractors: folders of photos to add.
        check: called with K and F before the long work; raises where settings do not fit.
        hardware: where the network computes.

    Raises:
        InvalidInputError: the ground truth, a folder or a photo is not as expected.
    """
    original = read_benchmark(ground_truth)
    benchmark = with_distractors(original, distractors)
    named = frozenset() if is_published(ground_truth) else _named(original)
    left_out: dict[Path, InvalidImageError] = {}

    def leave_out(path: Path, error: InvalidImageError) -> None:
        if path in named:
            raise error
        left_out[path] = error

    extractor = load_extractor(backbone, model, default_folder(), _say, hardware)
    if check is not None:
        check(len(extractor.info.labels), extractor.info.feature_dim)
    with FeatureCache(default_folder(), _say) as cache:
        readable, features = extract_readable(benchmark, extractor, bar, leave_out, cache)
    if left_out:
        notice = _unreadable_line(left_out, len(benchmark.queries) - len(readable.queries))
        readable = replace(readable, notices=(*readable.notices, f"{readable.name}: {notice}"))
    added = len(set(readable.database) - set(original.database))
    backbone = extractor.info.backbone
    data = BenchmarkData(readable, features, bar, backbone, extractor.info.sha256)
    return data, Provenance(ground_truth, backbone, added)


def load_feature_data(
    ground_truth: str, file: Path, check: Callable[[int, int], None] | None = None
) -> tuple[BenchmarkData, Provenance]:
    """The data of a feature file, without photos or a network; progress on stderr.

    Args:
        ground_truth: a file, or NAME:DIR.
        file: the feature file.
        check: called with K and F; raises where settings do not fit.

    Raises:
        InvalidInputError: a file is not as expected, or images of the ground truth are not in the file.
    """
    benchmark, features = read_table_benchmark(ground_truth, file, bar)
    if check is not None:
        check(features.num_labels, features.database.shape[1])
    return BenchmarkData(benchmark, features, bar, FROM_FILE), Provenance(ground_truth, FROM_FILE)


def _named(benchmark: Benchmark) -> frozenset[Path]:
    """Photos that a query is, or that it counts as right or as junk."""
    numbers = {number for query in benchmark.queries for number in (*query.positives, *query.junk)}
    queries = (query.path for query in benchmark.queries)
    return frozenset({*queries, *(benchmark.database[number] for number in numbers)})


def _unreadable_line(errors: Mapping[Path, InvalidImageError], queries: int) -> str:
    photos = "photos that cannot be read are" if len(errors) > 1 else "photo that cannot be read is"
    gone = f" and {queries} queries with them" if queries else ""
    return f"{len(errors)} {photos} left out{gone}, first: {next(iter(errors.values()))}"


def _say(line: str) -> None:
    say(f"note: {line}")
