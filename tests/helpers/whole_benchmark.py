"""Features of a benchmark all of whose photos can be read."""

from pathlib import Path
from typing import Any

from dsc_common.benchmark.ground_truth import Benchmark
from dsc_common.errors import InvalidImageError
from dsc_common.features.extractor import Extractor
from dsc_common.features.feature_cache import FeatureCache
from dsc_common.progress import Track
from dsc_eval.features.benchmark_features import BenchmarkFeatures, extract_readable


def extract_benchmark(
    benchmark: Benchmark, extractor: Extractor, track: Track[Any], cache: FeatureCache | None = None
) -> BenchmarkFeatures:
    """Features of the whole benchmark; InvalidImageError when a photo of it cannot be read."""

    def refuse(_path: Path, error: InvalidImageError) -> None:
        raise error

    return extract_readable(benchmark, extractor, track, refuse, cache)[1]
