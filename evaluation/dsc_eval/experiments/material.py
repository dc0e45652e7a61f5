"""From a ground truth, a backbone and further folders to what experiments work on."""

import sys
from collections.abc import Sequence
from pathlib import Path

from dsc_eval.datasets.folder import with_distractors
from dsc_eval.datasets.registry import read_benchmark
from dsc_eval.experiments.databases import Material
from dsc_eval.experiments.running import Origin
from dsc_eval.feature_cache import FeatureCache, default_folder
from dsc_eval.features import extract_benchmark, load_extractor
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
