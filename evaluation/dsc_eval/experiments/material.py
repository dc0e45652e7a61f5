"""From a ground truth, a backbone and further folders to what experiments work on."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dsc_eval.datasets.registry import read_benchmark
from dsc_eval.experiments.databases import Material
from dsc_eval.experiments.running import Origin
from dsc_eval.feature_cache import FeatureCache, default_folder
from dsc_eval.features import extract_benchmark, load_extractor
from dsc_eval.ground_truth import Benchmark
from dsc_server.photos import find_photos
from dsc_server.progress import bar


def load_material(
    ground_truth: str, backbone: str, model: Path | None, distractors: Sequence[Path] = ()
) -> tuple[Material, Origin]:
    """Read (a ground truth file or NAME:DIR), extract or take from the cache; progress on stderr.

    Raises:
        InvalidInputError: ground truth, folders or photos are not what is expected.
    """
    own = read_benchmark(ground_truth)
    benchmark = with_distractors(own, distractors)
    extractor = load_extractor(backbone, model)
    with FeatureCache(default_folder(), _say) as cache:
        features = extract_benchmark(benchmark, extractor, bar, cache)
    added = len(benchmark.database) - len(own.database)
    return Material(benchmark, features, bar), Origin(ground_truth, extractor.info.backbone, added)


def _say(line: str) -> None:
    print(f"note: {line}", file=sys.stderr)


def with_distractors(benchmark: Benchmark, folders: Sequence[Path]) -> Benchmark:
    """The benchmark with all photos of the folders at the end of its database; those it has stay single."""
    if not folders:
        return benchmark
    known = {path.resolve() for path in benchmark.database}
    asked = {query.path.resolve() for query in benchmark.queries}
    found = [photo.path for photo in find_photos(folders)]
    added = [path for path in found if path.resolve() not in known | asked]
    return replace(benchmark, database=[*benchmark.database, *added])
